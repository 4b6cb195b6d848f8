package schemas

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"leadstream/schemas/pb"
)

// update writes the .bin files again: only for a message that is new, because
// the bytes stand in other people's topics.
var update = flag.Bool("update", false, "write testdata/*.bin from testdata/*.json")

func golden() map[string]proto.Message {
	return map[string]proto.Message{
		"event": new(pb.Event), "dead_letter": new(pb.DeadLetter), "lead_record": new(pb.LeadRecord),
		"ledger_row": new(pb.LedgerRow), "stage_row": new(pb.StageRow), "routed": new(pb.Routed), "routed_erase": new(pb.Routed),
	}
}

// Each .json is the meaning, each .bin the bytes as an earlier release wrote
// them: a field that changes its number or its type fails here.
func TestOldBytesKeepTheirMeaning(t *testing.T) {
	for name, m := range golden() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			require.NoError(t, err)
			require.NoError(t, protojson.Unmarshal(text, m))
			path := filepath.Join("testdata", name+".bin")
			if *update {
				bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, bytes, 0o644))
			}
			bytes, err := os.ReadFile(path)
			require.NoError(t, err)
			read := m.ProtoReflect().New().Interface()
			require.NoError(t, proto.Unmarshal(bytes, read))
			require.True(t, proto.Equal(m, read), "%s.bin reads as\n%s", name, protojson.Format(read))
		})
	}
}

// A golden message that leaves a field out would not notice its change.
func TestGoldenMessagesFillEveryField(t *testing.T) {
	for name, m := range golden() {
		text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		require.NoError(t, err)
		require.NoError(t, protojson.Unmarshal(text, m))
		requireFull(t, name, m.ProtoReflect())
	}
}

func requireFull(t *testing.T, at string, m protoreflect.Message) {
	t.Helper()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		path := at + "." + string(f.Name())
		if f.ContainingOneof() != nil && !m.Has(f) {
			continue
		}
		require.True(t, m.Has(f), "%s is empty", path)
		switch {
		case f.IsList() && f.Message() != nil:
			requireFull(t, path, m.Get(f).List().Get(0).Message())
		case f.Message() != nil && !f.IsMap():
			requireFull(t, path, m.Get(f).Message())
		}
	}
}
