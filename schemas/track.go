package schemas

import "bytes"

// MainTrack is the track of the built-in model, and what readers take where no track is named.
const MainTrack = "main"

// RecordKey is the key in topic leads of a lead's record in a further track: compaction has to keep
// the lead's newest record of each. The first track's is the lead id alone.
func RecordKey(id LeadID, track string) string { return id.String() + "/" + track }

// LeadOfRecord reads the lead id off a key of topic leads, of any track.
func LeadOfRecord(key []byte) (LeadID, error) {
	id, _, _ := bytes.Cut(key, []byte{'/'})
	return ParseLeadID(string(id))
}
