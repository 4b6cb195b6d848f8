package sink

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// An erased lead's records of every track are passed over, also those whose key names the track.
func TestErasedRecordsOfEveryTrackArePassedOver(t *testing.T) {
	id := schemas.NewLeadID("demo/gone")
	e := new(erased)
	e.until.Store(&map[[32]byte]int64{sha256.Sum256([]byte(id.String())): 1000})
	value, err := proto.Marshal(&pb.LeadRecord{LeadId: id[:], ReceivedAt: 900})
	require.NoError(t, err)
	for _, key := range []string{id.String(), schemas.RecordKey(id, "second")} {
		require.True(t, e.has(&kgo.Record{Topic: schemas.TopicLeads, Key: []byte(key), Value: value}), key)
	}
}
