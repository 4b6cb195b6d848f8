package schemas

import "testing"

func TestPublicationOf(t *testing.T) {
	for version, want := range map[string]uint32{
		"default@0a77a306": 0, "default@0a77a306.3": 3, "default@0a77a306.4294967295": 4294967295,
		"": 0, "x": 0, "a.5": 0, "default@0a77a306.": 0, "default@0a77a306.-1": 0, "default@0a77a306.99999999999": 0,
	} {
		if got := PublicationOf(version); got != want {
			t.Errorf("%q: %d, want %d", version, got, want)
		}
	}
}
