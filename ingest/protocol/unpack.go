package protocol

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// unpack finds the JSON in a body that PostHog's and Mixpanel's clients have wrapped: as it is, as a form's data=, in base64,
// in LZString's base64, or in two of these. The bytes decide; ?compression= and Content-Type are often wrong. (gzip was undone
// before: it is known by its first bytes too.)
func unpack(r Request) (string, error) {
	text := strings.TrimSpace(r.Body)
	if text == "" {
		text = r.Query.Get("data") // GET, and POST with an empty body
	}
	if !isJSON(text) && (strings.HasPrefix(text, "data=") || strings.Contains(text, "&data=")) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return "", &Fault{BadJSON, "the body is a form that cannot be read"}
		}
		text = form.Get("data")
	}
	if text == "" {
		return "", &Fault{NoEvents, "the request holds no event"}
	}
	if isJSON(text) {
		return text, nil
	}
	// A form turns + into a space; some clients use the alphabet for addresses, and leave the padding out.
	text = strings.NewReplacer(" ", "+", "-", "+", "_", "/", "\n", "", "\r", "").Replace(strings.TrimRight(text, "= \r\n"))
	packed, err := base64.RawStdEncoding.DecodeString(text)
	if err == nil && isJSON(string(packed)) {
		return string(packed), nil
	}
	// LZString's first bits are a marker of two and a character of eight: they never look like a bracket.
	out, ok := lzStringBase64(text)
	if !ok || !isJSON(out) {
		return "", &Fault{BadJSON, "the body is neither JSON, nor base64 or LZString of it"}
	}
	return out, nil
}

// lzStringBase64 reads LZString's text form, which means every one of its six-bit characters: base64 proper drops the odd
// bits of the last ones.
func lzStringBase64(text string) (string, bool) {
	text += "AAA"
	packed, err := base64.RawStdEncoding.DecodeString(text[:len(text)/4*4])
	if err != nil {
		return "", false
	}
	return lzString(packed, min(maxUnpacked, max(alwaysUnpacked, maxRatio*len(packed))))
}

// What LZString may become, in characters. Its output grows with the square of its input, so that 10 KB of a stranger could cost
// 200 MB here: above alwaysUnpacked it may grow as far as batches of events do, and a bit.
const (
	alwaysUnpacked = 1 << 20
	maxRatio       = 64
	maxUnpacked    = 20 << 20
)

// UnpackedAtMost is what unpack may make of a body, in bytes: nothing, where it stands as it is.
func UnpackedAtMost(body string) int {
	if isJSON(body) || len(body) < 16 {
		return 0
	}
	return min(maxUnpacked, max(alwaysUnpacked, maxRatio*len(body)))
}

func isJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[')
}
