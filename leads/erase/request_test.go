package erase

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

func TestARequestSurvivesAndIsForgotten(t *testing.T) {
	dir := folder(filepath.Join(t.TempDir(), "erasures"))
	none, err := dir.load()
	require.NoError(t, err)
	require.Empty(t, none)
	late := newRequest("l2", Person{Site: "demo", LeadIDs: []string{"l2"}}, "me", time.Now())
	early := newRequest("l1", Person{Site: "demo", LeadIDs: []string{"l1"}}, "me", time.Now().Add(-time.Hour))
	require.NotEqual(t, late.ID, early.ID)
	early.Removed["events"] = 7
	require.NoError(t, dir.save(late))
	require.NoError(t, dir.save(early))
	require.NoError(t, os.WriteFile(dir.path("half")+".new", []byte("{"), 0o600), "a kill while writing")
	all, err := dir.load()
	require.NoError(t, err)
	require.Equal(t, []*Request{early, late}, all, "the oldest first")
	info, err := os.Stat(dir.path(early.ID))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "it lists a person's ids")

	require.NoError(t, dir.remove(early.ID))
	require.NoError(t, dir.remove(early.ID), "twice is once")
	require.NoError(t, os.WriteFile(dir.path("torn"), []byte("{"), 0o600))
	all, err = dir.load()
	require.ErrorContains(t, err, "torn")
	require.Equal(t, []*Request{late}, all, "one bad file does not hide the others")
}

func TestAPersonIsAllTheirLeads(t *testing.T) {
	p := Known(Person{Site: "demo", AnonymousIDs: []string{"b", "a", "a"}, UserIDs: []string{"u"}}, "some-lead")
	require.Equal(t, []string{"a", "b"}, p.AnonymousIDs)
	require.Len(t, p.LeadIDs, 4)
	require.Contains(t, p.LeadIDs, schemas.NewLeadID("demo/u").String())
	require.Len(t, p.keys(), 3)
	for key, lead := range p.keys() {
		require.Equal(t, schemas.NewLeadID(key).String(), lead)
	}
}

func TestWhenATopicHasLostTheLastCopy(t *testing.T) {
	asked := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	day := "86400000"
	row := topicRow("leadstream.events.v1", map[string]string{"cleanup.policy": "delete", "retention.ms": day, "segment.ms": day}, asked)
	require.Equal(t, asked.Add(48*time.Hour), *row.GoneBy)
	require.False(t, row.Searched)
	row = topicRow("leadstream.leads.v1", map[string]string{"cleanup.policy": "compact", "retention.ms": "1", "max.compaction.lag.ms": day}, asked)
	require.Equal(t, asked.Add(24*time.Hour), *row.GoneBy)
	for _, unbounded := range []map[string]string{
		{"cleanup.policy": "compact", "max.compaction.lag.ms": "9223372036854775807"},
		{"cleanup.policy": "delete", "retention.ms": "-1"},
	} {
		row = topicRow("x", unbounded, asked)
		require.Nil(t, row.GoneBy, "a date that nobody keeps is worse than none")
		require.Contains(t, row.Detail, "no bound of time")
	}
	row = topicRow("x", map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "1000"}, asked)
	require.Contains(t, row.Detail, "outgrown 1000 bytes")
}

// The pieces in which a file is read overlap: an id that stands across two of them is found.
func TestAFileIsSearchedAcrossItsPieces(t *testing.T) {
	dir := t.TempDir()
	p := Known(Person{Site: "demo", AnonymousIDs: []string{"visitor-of-the-border"}}, "")
	for name, at := range map[string]int{"border": 1<<20 - 5, "start": 0, "second": 2<<20 + 17} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		text := make([]byte, 3<<20)
		copy(text[at:], "visitor-of-the-border")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "f"), text, 0o644))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "clean"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "clean", "f"), make([]byte, 2<<20), 0o644))
	id := schemas.NewLeadID("demo/visitor-of-the-border")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "clean", "g"), id[:15], 0o644))
	found := map[string]Found{}
	require.NoError(t, SearchFiles(t.Context(), dir, []string{"start"}, p, func(f Found) { found[f.Store] = f }))
	require.Equal(t, map[string]Found{
		"files border": {"files border", 3 << 20, 1, ""}, "files second": {"files second", 3 << 20, 1, ""}, "files clean": {"files clean", 2<<20 + 15, 0, ""},
	}, found)
}
