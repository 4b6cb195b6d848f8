package schemas

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventKeyPrefersTheAnonymousID(t *testing.T) {
	require.Equal(t, "demo/a1", EventKey("demo", "a1", "u1"))
	require.Equal(t, "demo/u1", EventKey("demo", "", "u1"))
}

// The id is in URLs, tables and topics of running systems: it may never change.
func TestLeadIDIsFixedForEver(t *testing.T) {
	require.Equal(t, "0d0cd075-5acb-869d-ab4e-736880b76fc4", NewLeadID("demo/a1").String())
}

func TestLeadIDIsAVersion8UUID(t *testing.T) {
	for _, key := range []string{"", "demo/a", "demo/ü/../?&", "x/\x00\xff"} {
		id := NewLeadID(key)
		require.Equal(t, byte(8), id[6]>>4)
		require.Equal(t, byte(2), id[8]>>6)
		back, err := ParseLeadID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, back)
	}
}

func FuzzParseLeadID(f *testing.F) {
	f.Add(NewLeadID("demo/a").String())
	f.Add("zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseLeadID(s)
		if err == nil && len(id.String()) != len(s) {
			t.Fatalf("%q parsed to %s", s, id)
		}
	})
}
