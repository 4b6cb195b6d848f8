package hooks

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"leadstream/ingest/protocol"
)

// window is how far a signed time may lie from now. Long enough for clocks and retries of the provider's network, short
// enough that a delivery which somebody recorded is worth nothing.
const window = 5 * time.Minute

// sign is HMAC-SHA256 over the parts, one after the other.
func sign(key string, parts ...string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	for _, part := range parts {
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// sortedDigest is Tencent's scheme: sha1 over the sorted parts.
func sortedDigest(parts ...string) []byte {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return sum[:]
}

// same compares in constant time. Lengths of digests are no secret; those of tokens are hidden by digesting both.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func sameHex(got string, want []byte) bool {
	given, err := hex.DecodeString(got)
	return err == nil && hmac.Equal(given, want)
}

func sameBase64(got string, want []byte) bool {
	given, err := base64.StdEncoding.DecodeString(got)
	return err == nil && hmac.Equal(given, want)
}

func badSignature(detail string) error {
	return &protocol.Fault{Reason: BadSignature, Detail: detail}
}

// fresh holds a signed time against now. It is asked after the signature: who cannot sign learns nothing about clocks.
func fresh(now time.Time, seconds string) error {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return &protocol.Fault{Reason: Stale, Detail: "the signed time is not Unix seconds"}
	}
	if age := now.Sub(time.Unix(n, 0)); age > window || age < -window {
		return &protocol.Fault{Reason: Stale, Detail: "the signed time is more than 5 minutes from now: the delivery is a repeat, or one of the clocks is wrong"}
	}
	return nil
}

// pairs reads t=1,s=abc.
func pairs(header string) (stamp string, values map[string][]string) {
	values = map[string][]string{}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		values[name] = append(values[name], value)
	}
	if t := values["t"]; len(t) == 1 { // two times are none: which one was signed?
		stamp = t[0]
	}
	return stamp, values
}

// openStamped verifies t=UNIX,s=HEX over "UNIX.body", as TikTok and Stripe's descendants sign.
func openStamped(r Request, key, header string, names ...string) error {
	stamp, values := pairs(header)
	if stamp == "" {
		return badSignature("the signature has no time, t=")
	}
	want, good := sign(key, stamp, ".", r.Body), false
	for _, name := range names {
		for _, given := range values[name] {
			good = sameHex(given, want) || good
		}
	}
	if !good {
		return badSignature("the signature is not that of this body and this secret")
	}
	return fresh(r.Now, stamp)
}
