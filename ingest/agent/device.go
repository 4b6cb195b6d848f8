package agent

import "strings"

// device goes by what browsers agree on: phones say mobile, tablets with Android do not, and an iPad of our day says Macintosh and
// cannot be told from one.
func device(lower string) string {
	has := func(sign string) bool { return strings.Contains(lower, sign) }
	switch {
	case has("ipad"), has("tablet"), has("android") && !has("mobile"), has("harmony") && !has("mobile") && !has("phone"):
		return "tablet"
	case has("mobi"), has("iphone"), has("ipod"):
		return "mobile"
	case strings.HasPrefix(lower, "mozilla/"), strings.HasPrefix(lower, "opera/"):
		return "desktop"
	}
	return ""
}
