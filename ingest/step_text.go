package ingest

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"leadstream/ingest/protocol"
)

// Lengths in characters. An id is never cut: two ids of one beginning would become one person.
const (
	maxID     = 256
	maxURL    = 2048
	maxTitle  = 512
	maxLabel  = 256 // names, campaigns
	maxShort  = 64
	maxAgent  = 512
	longestIP = 45
)

// junkIDs are what broken pages send for "nobody". Taken at its word, each would make one lead of thousands of people.
var junkIDs = map[string]bool{
	"null": true, "undefined": true, "nil": true, "none": true, "nan": true, "[object object]": true, "anonymous": true,
	"guest": true, "unknown": true, "true": true, "false": true, "0": true, "-1": true,
	"00000000-0000-0000-0000-000000000000": true,
}

func cleanText(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	for _, id := range [...]*string{&e.EventId, &e.AnonymousId, &e.UserId, &e.GroupId, &e.PreviousId, &e.SessionId, &e.ViewId} {
		if *id == "" {
			continue
		}
		*id = strings.TrimSpace(clean(f, *id))
		if len(*id) > maxID && utf8.RuneCountInString(*id) > maxID {
			return fault(idTooLong, "")
		}
	}
	for _, id := range [...]*string{&e.AnonymousId, &e.UserId, &e.PreviousId} {
		if len(*id) <= 36 && junkIDs[strings.ToLower(*id)] {
			*id = ""
			f.note(idJunk)
		}
	}
	for _, t := range [...]struct {
		text  *string
		limit int
	}{
		{&e.Name, maxLabel}, {&e.Url, maxURL}, {&e.Title, maxTitle}, {&e.Referrer, maxURL},
		{&e.UtmSource, maxLabel}, {&e.UtmMedium, maxLabel}, {&e.UtmCampaign, maxLabel}, {&e.UtmTerm, maxLabel}, {&e.UtmContent, maxLabel},
		{&e.Locale, maxShort}, {&e.Screen, maxShort}, {&e.Library, maxShort}, {&e.UserAgent, maxAgent}, {&e.Ip, longestIP},
		{&e.Country, maxShort}, {&e.Region, maxLabel}, {&e.City, maxLabel},
	} {
		if *t.text != "" {
			*t.text = cut(f, clean(f, *t.text), t.limit)
		}
	}
	if e.Ip != "" && e.Ip != f.ip { // that one we wrote ourselves
		// What is no address is no address, whoever claims it; and 010.0.0.1 reads differently to everybody.
		addr, err := netip.ParseAddr(e.Ip)
		e.Ip = ""
		if err == nil {
			e.Ip = addr.Unmap().WithZone("").String()
		}
	}
	return nil
}

// clean makes text that protobuf, ClickHouse and a terminal can all hold.
func clean(f *facts, text string) string {
	if strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return text
	}
	f.note(textRepaired)
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// cut shortens to limit characters.
func cut(f *facts, text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	count := 0
	for i := range text {
		if count++; count > limit {
			f.note(textCut)
			return text[:i]
		}
	}
	return text
}
