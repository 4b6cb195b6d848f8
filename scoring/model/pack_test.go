package model

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

// plain is a lead without what is derived.
func plain(l *Lead) *Lead {
	c := l.Clone()
	for i := range c.rules {
		c.rules[i].known, c.rules[i].closed = 0, accumulator{}
		if len(c.rules[i].days) == 0 {
			c.rules[i].days = nil
		}
	}
	for _, empty := range []func(){
		func() {
			if len(c.traits) == 0 {
				c.traits = nil
			}
		}, func() {
			if len(c.flags) == 0 {
				c.flags = nil
			}
		}, func() {
			if len(c.sessions) == 0 {
				c.sessions = nil
			}
		}, func() {
			if len(c.rules) == 0 {
				c.rules = nil
			}
		},
	} {
		empty()
	}
	return c
}

// After every event of a busy life, a packed lead is the lead, also when it is
// unpacked into memory that held another one.
func TestPackedLeadIsTheLead(t *testing.T) {
	m := Default()
	w, used, again := NewWords(), new(Lead), new(Lead)
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 11))
		l := NewLead(schemas.NewLeadID(fmt.Sprint(seed)), "demo")
		for i, ev := range weeks(rng, 400) {
			if rng.IntN(2) == 0 {
				ev.AnonymousId = schemas.NewLeadID(fmt.Sprint(i)).String() // most are UUIDs
			}
			m.Apply(l, ev, nil)
			if rng.IntN(9) == 0 {
				m.Fold(l, ev.ReceivedAt)
			}
			packed := l.Pack(nil, w)
			require.NoError(t, m.Unpack(packed, l.id, w, used))
			require.Equal(t, plain(l), plain(used), "seed %d, event %d", seed, i)
			rec := m.Record(l, 0, nil)
			fresh, err := m.Restore(rec)
			require.NoError(t, err)
			require.NoError(t, m.RestoreInto(again, rec))
			require.Equal(t, plain(fresh), plain(again), "restored into memory that held another one")
			if rng.IntN(3) == 0 {
				l, used = used, l // and life goes on in it
			}
		}
		loaded := LoadWords(w.Texts())
		require.NoError(t, m.Unpack(l.Pack(nil, w), l.id, loaded, used))
		require.Equal(t, plain(l), plain(used), "words from a file")
	}
}

// A field that is added to a lead has to be packed, too.
func TestEveryFieldIsPacked(t *testing.T) {
	m, w := Default(), NewWords()
	full := &Lead{}
	fill(reflect.ValueOf(full).Elem(), new(int))
	full.model, full.fitBand = m.version, 'B'
	full.rules = full.rules[:1]
	r := &m.rules[3]
	s := &full.rules[0]
	s.rule, s.index, s.halfLife, s.known, s.closed = r.id, r.index, r.halfLife, 0, accumulator{}
	full.parts = full.parts[:1]
	p := &full.parts[0]
	p.lead = NewLead(p.id, "s")
	m.bind(p.lead)
	p.apart = p.apart[:1]
	p.apart[0].rule, p.apart[0].index, p.apart[0].halfLife = r.id, r.index, r.halfLife
	got := new(Lead)
	require.NoError(t, m.Unpack(full.Pack(nil, w), full.id, w, got))
	require.Equal(t, full, got)

	empty := NewLead(schemas.LeadID{1}, "")
	m.bind(empty) // as Unpack does
	require.NoError(t, m.Unpack(empty.Pack(nil, w), empty.id, w, got))
	require.Equal(t, plain(empty), plain(got))
}

// fill sets every field, however deep, to something that no other field has.
func fill(v reflect.Value, n *int) {
	*n++
	if !v.CanSet() { // an unexported field of another package's struct
		return
	}
	v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			fill(reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem(), n)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		if v.Type() != reflect.TypeFor[*Lead]() { // a lead in a lead
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), n)
		}
	default:
		panic("fill does not know " + v.Kind().String())
	}
}

// What is cut off or damaged is refused or reads as something else, and never panics.
func TestDamagedPackedLead(t *testing.T) {
	m, w := Default(), NewWords()
	rng := rand.New(rand.NewPCG(5, 5))
	l := NewLead(schemas.LeadID{7}, "demo")
	for _, ev := range weeks(rng, 100) {
		m.Apply(l, ev, nil)
	}
	packed := l.Pack(nil, w)
	for n := range packed {
		require.Error(t, m.Unpack(packed[:n:n], l.id, w, new(Lead)), "%d of %d bytes", n, len(packed))
		_, _ = PackedID(packed[:n:n], w.Texts())
	}
	for range 20_000 {
		bad := append([]byte{}, packed...)
		for range 1 + rng.IntN(3) {
			bad[rng.IntN(len(bad))] = byte(rng.Uint32())
		}
		_ = m.Unpack(bad, l.id, w, new(Lead))
		_, _ = PackedID(bad, w.Texts())
	}
}

// Another model fits a lead that was packed under this one, as it would one restored.
func TestPackedLeadUnderAnotherModel(t *testing.T) {
	old, w := Default(), NewWords()
	l := NewLead(schemas.LeadID{9}, "demo")
	for _, ev := range weeks(rand.New(rand.NewPCG(8, 8)), 300) {
		old.Apply(l, ev, nil)
	}
	next := longModel(t, 10)
	rec := old.Record(l.Clone(), 0, nil)
	want, err := next.Restore(rec)
	require.NoError(t, err)
	got := new(Lead)
	require.NoError(t, next.Unpack(l.Pack(nil, w), l.id, w, got))
	require.Equal(t, next.Score(want, l.clock), next.Score(got, l.clock))
	require.Equal(t, plain(want).rules, plain(got).rules)
}

func BenchmarkPack(b *testing.B) {
	m, w := Default(), NewWords()
	l := NewLead(schemas.LeadID{9}, "demo")
	for _, ev := range weeks(rand.New(rand.NewPCG(8, 8)), 20) {
		m.Apply(l, ev, nil)
	}
	packed := l.Pack(nil, w)
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			packed = l.Pack(packed[:0], w)
		}
		b.ReportMetric(float64(len(packed)), "B")
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		got := new(Lead)
		for b.Loop() {
			if err := m.Unpack(packed, l.id, w, got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("clone", func(b *testing.B) {
		for b.Loop() {
			l.Clone()
		}
	})
}

// A lead's id is found at its front: made of the visitor's or user's id of any form, or
// written out where neither gives it.
func TestAPackedLeadSaysWhoseItIs(t *testing.T) {
	m, w := Default(), NewWords()
	long := strings.Repeat("x", 300) // no word, and longer than what is set aside for a key
	for _, site := range []string{"demo", "a", long} {
		for _, name := range []string{"5feceb66-ffc8-8f38-9952-786c6d696c79", "GA1.2.3", "张三", long, "F6C3A1D0-0000-4000-8000-000000000000"} {
			anonymous := NewLead(schemas.NewLeadID(schemas.EventKey(site, name, "")), site)
			anonymous.anonymousID = fact{name, stamp{5, 6}}
			both := anonymous.Clone()
			both.userID = fact{"u1", stamp{7, 8}}
			user := NewLead(schemas.NewLeadID(schemas.EventKey(site, "", name)), site)
			user.userID, user.anonymousID = fact{name, stamp{5, 6}}, fact{"another", stamp{5, 6}}
			other := NewLead(schemas.LeadID{1, 2, 3}, site)
			other.userID, other.anonymousID = user.userID, anonymous.anonymousID
			unknown := NewLead(schemas.LeadID{4, 5}, site)
			for i, l := range []*Lead{anonymous, both, user, other, unknown} {
				m.bind(l)
				packed := l.Pack(nil, w)
				id, err := PackedID(packed, w.Texts())
				require.NoError(t, err)
				require.Equal(t, l.id, id, "%d of %s", i, name)
				require.Equal(t, i < 3, keyOf(l) != 0, "%d of %s", i, name)
				got := new(Lead)
				require.NoError(t, m.Unpack(packed, id, w, got))
				require.Equal(t, plain(l), plain(got))
			}
		}
	}
}

// Only what reads back as it was is kept in 16 bytes.
func TestUUIDsReadBack(t *testing.T) {
	id := schemas.NewLeadID("x")
	got, ok := parseUUID(id.String())
	require.True(t, ok)
	require.Equal(t, id, schemas.LeadID(got))
	for _, bad := range []string{
		"0123456789abcdef0123456789abcdef0123", "F6C3A1D0-0000-4000-8000-000000000000", "f6c3a1d0-0000-4000-8000-00000000000g", "f6c3a1d00-000-4000-8000-000000000000",
	} {
		_, ok := parseUUID(bad)
		require.False(t, ok, bad)
	}
}
