package protocol

import (
	"crypto/sha256"
	"encoding/hex"
)

// derivedID makes an event id out of what identifies an event of a protocol that has none, so that a retry is the same event.
func derivedID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return prefix + "-" + hex.EncodeToString(h.Sum(nil)[:16])
}
