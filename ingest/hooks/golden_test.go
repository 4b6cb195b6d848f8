package hooks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
	"leadstream/schemas"
)

var rewrite = flag.Bool("update", false, "write what the sources say into testdata and docs/webhooks.md; read the diff before you commit it")

const document = "../../docs/webhooks.md"

// documented are the hooks of the config that docs/webhooks.md shows, so that what a reader copies is what is tested.
func documented(t testing.TB) map[string]Config {
	t.Helper()
	page, err := os.ReadFile(document)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```yaml config\n")
	require.True(t, found)
	block, _, _ := strings.Cut(rest, "```")
	var root struct {
		Ingest struct {
			Hooks []Config `yaml:"hooks"`
		} `yaml:"ingest"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &root))
	all := map[string]Config{}
	for _, c := range root.Ingest.Hooks {
		require.NoError(t, c.Validate(), c.Name)
		all[c.Kind+"/"+c.Name] = c
	}
	return all
}

// hookFor makes the hook that a golden payload is for: the mapped kinds have one a file.
func hookFor(t testing.TB, kind, name string) *Hook {
	t.Helper()
	if kind != "hmac" && kind != "generic" {
		name = "acme"
	}
	c, ok := documented(t)[kind+"/"+name]
	require.True(t, ok, "docs/webhooks.md shows no %s/%s", kind, name)
	h, err := New(c)
	require.NoError(t, err)
	return h
}

// payloads are the files of testdata: kind/name.
func payloads(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/*/*.json", "testdata/*/*.xml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.NotEmpty(t, files)
	return files
}

// TestGolden takes payloads in the shape that vendors document, signed as they sign, and compares all that became of them.
// The same lines make the table in docs/webhooks.md.
func TestGolden(t *testing.T) {
	rows, kinds := map[string]string{}, map[string]bool{}
	for _, file := range payloads(t) {
		kind := filepath.Base(filepath.Dir(file))
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".json"), ".xml")
		kinds[kind] = true
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		h := hookFor(t, kind, name)
		d, err := h.Receive(signed(t, h, string(body)))
		require.NoError(t, err, file)
		rows[kind] += tableRows(kind+"/"+name, d)
		compare(t, "testdata/"+kind+"/"+name+".golden", describe(d))

		again, err := h.Receive(signed(t, h, string(body)))
		require.NoError(t, err)
		require.Equal(t, describe(d), describe(again), "a repeat is the same events")
	}
	require.Len(t, kinds, len(Kinds()), "every kind has a payload")
	var table strings.Builder
	table.WriteString("| payload | type | name | who | event id |\n|---|---|---|---|---|\n")
	for _, kind := range Kinds() {
		table.WriteString(rows[kind])
	}
	page, err := os.ReadFile(document)
	require.NoError(t, err)
	const opening, closing = "-update -->\n", "<!-- /golden -->"
	before, rest, _ := strings.Cut(string(page), opening)
	_, after, _ := strings.Cut(rest, closing)
	compare(t, document, before+opening+table.String()+closing+after)
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, file)
}

func describe(d Delivery) string {
	var out strings.Builder
	fmt.Fprintf(&out, "passed over %d, reply %q\n", d.Passed, d.Reply.Body)
	for _, it := range d.Items {
		if it.Fault != nil {
			fmt.Fprintf(&out, "\nfault %s\n", it.Fault)
			continue
		}
		e := it.Event
		fmt.Fprintf(&out, "\n%s %q, id %s, at %d (%d)\n", e.Type, e.Name, e.EventId, it.At.Ms, it.At.State)
		fmt.Fprintf(&out, "anonymous %q, user %q, account %q, url %q\n", e.AnonymousId, e.UserId, e.GroupId, e.Url)
		fmt.Fprintf(&out, "properties %s\n", e.Properties)
		if e.Traits != nil {
			fmt.Fprintf(&out, "traits %s\n", e.Traits)
		}
	}
	return out.String()
}

func tableRows(name string, d Delivery) string {
	var out strings.Builder
	for _, it := range d.Items {
		e := it.Event
		who := e.AnonymousId
		switch {
		case e.UserId != "":
			who = e.UserId + " (user)"
		case e.GroupId != "":
			who = e.GroupId + " (account)"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | `%s` | `%s` |\n", name, e.Type, e.Name, who, e.EventId)
	}
	if len(d.Items) == 0 {
		fmt.Fprintf(&out, "| %s | - | passed over | | |\n", name)
	}
	return out.String()
}

// TestGoldenPayloadsKeepWhatMatters says in words what the golden files must never be updated away from.
func TestGoldenPayloadsKeepWhatMatters(t *testing.T) {
	for _, file := range payloads(t) {
		text, err := os.ReadFile(strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".xml") + ".golden")
		require.NoError(t, err)
		require.NotContains(t, string(text), "fault", file)
		require.NotContains(t, string(text), `anonymous "", user "", account ""`, "%s: an event is somebody's", file)
		require.NotContains(t, string(text), "e+", "%s: a number lost its digits", file)
	}
	lead, err := os.ReadFile("testdata/meta/leadgen.golden")
	require.NoError(t, err)
	require.Contains(t, string(lead), `form "leadgen", id meta:leadgen:55459717045641545, at 1438292065000`)
	require.Contains(t, string(lead), `"leadgen_id":55459717045641545`)
	crm, err := os.ReadFile("testdata/generic/crm.golden")
	require.NoError(t, err)
	require.Contains(t, string(crm), "id crm:9007199254740993", "beyond 2^53")
}

func TestEveryTypeIsKnown(t *testing.T) {
	for _, word := range []string{"like", "LIKE", "comment", "unfollow", "something.new", "", "message_reactions", "dm.received", "admin"} {
		kind, _ := named(word)
		require.True(t, schemas.KnownType(kind))
	}
	for word, want := range map[string]string{
		"LIKE": "reaction", "message_reactions": "reaction", "SHARE_MENTION": "mention", "dm.received": "message", "admin": "admin",
		"ADMIN_COMMENT": "comment", "comment removed": "social_removed", "unlike": "social_removed", "follow.unfollow": "social_removed",
		"follow.follow": "follow", "live_comments": "comment", "story_insights": "story_insights", "likely": "likely",
	} {
		_, name := named(word)
		require.Equal(t, want, name, word)
	}
}

var generous = protocol.Limits{Events: 2500, Bytes: 32 << 10}
