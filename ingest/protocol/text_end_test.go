package protocol

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A string is read eight bytes at a time: wherever in them it ends, or a byte is wrong, all bytes are told apart as encoding/json does.
func TestEveryByteIsSeenAtEveryPlace(t *testing.T) {
	for before := range 20 {
		for odd := range 256 {
			for _, after := range []int{0, 3, 9} {
				text := `"` + strings.Repeat("x", before) + string([]byte{byte(odd)}) + strings.Repeat("y", after) + `"`
				require.Equal(t, json.Valid([]byte(text)), valid(text), "%q", text)
				var want string
				if json.Unmarshal([]byte(text), &want) != nil {
					continue
				}
				c := cursor{s: text}
				got, err := c.text()
				require.NoError(t, err)
				require.Equal(t, want, got, "%q", text)
			}
		}
	}
}
