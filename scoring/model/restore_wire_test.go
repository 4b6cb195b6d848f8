package model

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// bothWays restores a record by protobuf's rules and from its bytes, each into a lead
// that held another one, and requires the same of both. A record may be refused for
// a field that is for SQL only: its bytes are not looked at.
func bothWays(t *testing.T, m *Model, b []byte, slow, fast *Lead, about ...any) (record, bytes bool) {
	t.Helper()
	rec := new(pb.LeadRecord)
	want := rec.UnmarshalVTUnsafe(b)
	if want == nil {
		want = m.RestoreInto(slow, rec)
	}
	got, err := m.RestoreBytes(fast, b)
	if want == nil {
		require.NoError(t, err, about...)
		require.Equal(t, plain(slow), plain(fast), about...)
		require.Equal(t, Stored{rec.ReceivedAt, rec.FallsAt, rec.ModelVersion}, got, about...)
	}
	return want == nil, err == nil
}

// usual tells whether a record is read without protobuf's help.
func usual(b []byte) bool { r := stored{l: new(Lead)}; return r.read(b) }

// A lead comes back the same from its record's bytes as from its record, whatever is
// in it, also from bytes that were damaged or that somebody else wrote.
func TestRestoringFromBytes(t *testing.T) {
	m, slow, fast := Default(), new(Lead), new(Lead)
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 21))
		l := NewLead(schemas.NewLeadID(fmt.Sprint(seed)), "demo")
		for i, ev := range weeks(rng, 150) {
			m.Apply(l, ev, nil)
			if rng.IntN(9) == 0 {
				m.Fold(l, ev.ReceivedAt)
			}
			b, err := m.Record(l, ev.ReceivedAt, nil).MarshalVT()
			require.NoError(t, err)
			require.True(t, usual(b), "seed %d, event %d", seed, i)
			bothWays(t, m, b, slow, fast, "seed", seed, "event", i)
			for range 10 {
				n := 1 + rng.IntN(len(b))
				record, cut := bothWays(t, m, b[:n:n], slow, fast, "seed", seed, "event", i, "cut to", n)
				require.Equal(t, record, cut, "cut to %d of %d", n, len(b))
				bad := append([]byte{}, b...)
				for range 1 + rng.IntN(3) {
					bad[rng.IntN(len(bad))] = byte(rng.Uint32())
				}
				bothWays(t, m, bad, slow, fast, "seed", seed, "event", i, "damaged")
			}
		}
	}
}

// A field that is added to a lead has to be read from the bytes, too.
func TestEveryFieldIsRestoredFromBytes(t *testing.T) {
	m := Default()
	full := &Lead{}
	fill(reflect.ValueOf(full).Elem(), new(int))
	full.model, full.rules, full.parts = m.version, full.rules[:1], full.parts[:1]
	r := &m.rules[3]
	s := &full.rules[0]
	s.rule, s.index, s.halfLife, s.known, s.closed = r.id, r.index, r.halfLife, 0, accumulator{}
	p := &full.parts[0]
	p.lead = NewLead(p.id, "s")
	m.bind(p.lead)
	p.apart = p.apart[:1]
	p.apart[0].rule, p.apart[0].index, p.apart[0].halfLife = r.id, r.index, r.halfLife
	b, err := m.Record(full, 7, nil).MarshalVT()
	require.NoError(t, err)
	require.True(t, usual(b))
	bothWays(t, m, b, new(Lead), new(Lead), "full")

	// What this program would not write, another may.
	odd := map[string][]byte{
		"empty":               nil,
		"no state":            b[:18],
		"twice":               append(append([]byte{}, b...), b...),
		"an unknown field":    protowire.AppendString(protowire.AppendTag(append([]byte{}, b...), 999, protowire.BytesType), "x"),
		"an unknown group":    protowire.AppendTag(protowire.AppendTag(append([]byte{}, b...), 999, protowire.StartGroupType), 999, protowire.EndGroupType),
		"sessions one by one": append(append([]byte{}, b...), state(protowire.AppendFixed64(protowire.AppendTag(nil, 5, protowire.Fixed64Type), 77))...),
		"another kind":        protowire.AppendVarint(protowire.AppendTag(append([]byte{}, b...), 2, protowire.VarintType), 1),
		"a negative number":   protowire.AppendVarint(protowire.AppendTag(append([]byte{}, b...), 20, protowire.VarintType), 1<<64-1),
		"a short id":          protowire.AppendBytes(protowire.AppendTag(append([]byte{}, b...), 1, protowire.BytesType), []byte{1}),
		"a field 0":           append(append([]byte{}, b...), 0, 0),
	}
	for name, b := range odd {
		t.Run(name, func(t *testing.T) { bothWays(t, m, b, new(Lead), new(Lead), name) })
	}
}

// state is a record's field of that many bytes, which are joined to the state before.
func state(b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, 37, protowire.BytesType), b)
}

func BenchmarkRestoreBytes(b *testing.B) {
	m, w := Default(), NewWords()
	anonymous := schemas.NewLeadID("x").String()
	l := NewLead(schemas.NewLeadID(schemas.EventKey("demo", anonymous, "")), "demo")
	for i, path := range []string{"/", "/pricing", "/docs/x"} {
		at := 1_767_603_600_000 + int64(i)*60_000
		m.Apply(l, &pb.Event{
			EventId: fmt.Sprint(i), Site: "demo", Type: "page", AnonymousId: anonymous, EventTime: at, ReceivedAt: at, SessionId: "s", ViewId: fmt.Sprint(i), Path: path,
		}, nil)
	}
	record, err := m.Record(l, 0, nil).MarshalVT()
	require.NoError(b, err)
	got, packed := new(Lead), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.RestoreBytes(got, record); err != nil {
			b.Fatal(err)
		}
		packed = got.Pack(packed[:0], w)
	}
	b.SetBytes(int64(len(record)))
}
