package leads

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"leadstream/schemas"
)

// position is where a page of leads ended. It carries the instant of the first page: scores fade all the time, and a list
// that is paged through while it moves must stand still. What new events change in between is not frozen: such a lead may
// show on the page of its old place, of its new one, or on both.
type position struct {
	AsOf int64  `json:"at"` // Unix ms
	Sort string `json:"s"`
	// The sort value of the last lead: a score's bits, for text would lose the last one of them, or Unix ms.
	Key uint64 `json:"k"`
	// Leads that tie, as all at 100 do, stand in the order they were last seen.
	Seen    int64  `json:"l"` // Unix ms
	Lead    string `json:"i"`
	Track   string `json:"t"`
	Filters string `json:"f"`
}

var errCursor = errors.New("is not one that this API gave")

// maxCursor bounds what is decoded.
const maxCursor = 1024

func (p position) encode() string { return seal(p) }

// decodeCursor trusts nothing: a cursor comes back from outside.
func decodeCursor(text string) (position, error) {
	var p position
	if err := unseal(text, &p); err != nil {
		return position{}, err
	}
	_, badLead := schemas.ParseLeadID(p.Lead)
	badScore := p.Sort == "score" && !(math.Abs(math.Float64frombits(p.Key)) <= 100)
	if badLead != nil || badScore || !plausible(p.AsOf) || !plausible(p.Seen) || !slices.Contains(sorts, p.Sort) ||
		p.Sort != "score" && !plausible(int64(p.Key)) {
		return position{}, errCursor
	}
	return p, nil
}

// plausible instants are those that DateTime64(3) holds.
func plausible(ms int64) bool {
	return ms >= 0 && ms < time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// seal makes an opaque word of a value; unseal opens it. They hide nothing and prove nothing: whoever forges a cursor sees
// another page of a list that he may read anyway.
func seal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // unreachable: positions are numbers and strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func unseal(text string, v any) error {
	if len(text) > maxCursor {
		return errCursor
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, v) != nil {
		return errCursor
	}
	return nil
}

// filterMark identifies the parameters that make a list what it is; page size and form may change between pages.
func filterMark(values url.Values) string {
	var b strings.Builder
	for _, name := range sortedKeys(values) {
		switch name {
		case "cursor", "limit", "format", "token":
		default:
			b.WriteString(name + "=" + strings.Join(values[name], "\x01") + "\x02")
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:6])
}

func sortedKeys(values url.Values) []string { return slices.Sorted(maps.Keys(values)) }
