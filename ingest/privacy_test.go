package ingest

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"leadstream/ingest/hooks"
	"leadstream/ingest/privacy"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// munich is an mmdb file that knows one network.
func munich(t testing.TB) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", BuildEpoch: noon / 1000, IncludeReservedNetworks: true})
	require.NoError(t, err)
	_, network, err := net.ParseCIDR("203.0.113.0/24")
	require.NoError(t, err)
	english := func(text string) mmdbtype.Map {
		return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(text)}}
	}
	require.NoError(t, tree.Insert(network, mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")}, "city": english("Munich"), "subdivisions": mmdbtype.Slice{english("Bavaria")},
	}))
	file, err := os.Create(filepath.Join(t.TempDir(), "city.mmdb"))
	require.NoError(t, err)
	_, err = tree.WriteTo(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return file.Name()
}

// everything that a collector has produced: both topics, all files of its folder, its metrics, its log.
func everything(t *testing.T, f *fixture, opts []KafkaOption, dir string, log *bytes.Buffer) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"log": log.Bytes()}
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicDeadLetter} {
		for _, r := range records(t, opts, topic) {
			all[topic] = slices.Concat(all[topic], r.Key, []byte{'\n'}, r.Value)
			for _, h := range r.Headers {
				all[topic] = slices.Concat(all[topic], []byte(h.Key), h.Value)
			}
		}
	}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = text
		return err
	}))
	families, err := f.registry.Gather()
	require.NoError(t, err)
	var page bytes.Buffer
	for _, family := range families {
		_, err := expfmt.MetricFamilyToText(&page, family)
		require.NoError(t, err)
	}
	all["metrics"] = page.Bytes()
	return all
}

// What a strict site must not keep is nowhere: it is sent by every protocol, in every place and spelling, in good events and bad
// ones, and then looked for in all bytes that come out.
func TestNothingPersonalComesOut(t *testing.T) {
	_, opts := broker(t)
	dir, city := t.TempDir(), munich(t)
	var log bytes.Buffer
	f := start(t, opts, func(c *Config, d *Deps) {
		c.TrustedProxies = []string{"127.0.0.0/8"}
		c.GeoIP.File = city
		c.Spool.Dir, c.Dedup.Dir, c.Privacy.Dir = filepath.Join(dir, "spool"), filepath.Join(dir, "dedup"), filepath.Join(dir, "privacy")
		c.Spool.Always = true
		c.Privacy.HashSecret = "0123456789abcdef0123456789abcdef"
		c.Sites[0].Privacy = privacy.Policy{IP: "drop", Emails: "hash", Deny: []string{"traits.phone", "query.token"}, Hash: []string{"properties.national_id"}}
		c.Hooks = []hooks.Config{{Kind: "generic", Name: "crm", Site: "demo", Token: "hook-token-0123456789",
			Map: hooks.Mapping{Type: "crm", ID: "body.id", UserID: "body.email", Traits: map[string]string{"email": "body.email"}}}}
		encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
		d.Log = zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&log), zap.DebugLevel))
	})
	sendPersonal(t, f)
	require.NoError(t, f.stop())

	all := everything(t, f, opts, dir, &log)
	require.Greater(t, len(all), 4, "the folder's files are among them")
	for where, text := range all {
		lower := strings.ToLower(string(text))
		for _, bad := range []string{"ada@", "ada%40", "u0040", "acme.example\" \"", strictIP, "5550123", "tok-secret", "de-123-456"} {
			require.NotContains(t, lower, bad, where)
		}
	}
	for _, what := range []string{"ip", "email_hashed", "value", "value_hashed", "dead_letter_content"} {
		require.Positive(t, f.value(t, "leadstream_ingest_removed_total", "what", what), what)
	}
	events, _ := stored(t, opts)
	stillUseful(t, events, deadLetters(t, opts))
}

const strictIP = "203.0.113.77"

// sendPersonal is Ada, by every protocol.
func sendPersonal(t *testing.T, f *fixture) {
	send := func(path, body string, headers ...string) {
		t.Helper()
		headers = append(headers, "X-Forwarded-For", strictIP, "User-Agent", chrome)
		answer, text := f.ask(t, "POST", path, body, headers...)
		require.Less(t, answer.StatusCode, 500, text)
	}
	send("/v1/events?key=demo", `{"events":[
		{"event_id":"n1","type":"identify","anonymous_id":"a1","user_id":"Ada@Acme.example","traits":{"email":"ada@acme.example ","phone":"+49 89 5550123","name":"Ada"},"consent":"full"},
		{"event_id":"n2","type":"page","anonymous_id":"a1","url":"https://www.acme.example/u/ada@acme.example?e=ada%40acme.example&token=tok-secret&ip=`+strictIP+`","title":"ada@acme.example",
		 "properties":{"ip":"`+strictIP+`","deep":[{"to":"ada\u0040acme.example"}],"national_id":"DE-123-456"}},
		{"event_id":"n3","type":"ada@acme.example","anonymous_id":"a1","properties":{"to":"ada@acme.example","ip":"`+strictIP+`"}},
		"ada@acme.example from `+strictIP+`"]}`)
	send("/v1/track", `{"writeKey":"demo","messageId":"s1","event":"Mail","userId":"ada@acme.example","context":{"ip":"`+strictIP+`","traits":{"email":"ada@acme.example"}}}`)
	send("/mp/collect?measurement_id=demo", `{"client_id":"ada@acme.example","events":[{"name":"generate_lead","params":{"email":"ada@acme.example"}}]}`)
	send("/capture/", `{"api_key":"demo","event":"quote","distinct_id":"ada@acme.example","uuid":"p1","properties":{"$ip":"`+strictIP+`","$set":{"email":"ada@acme.example"}}}`)
	send("/api/event", `{"n":"pageview","u":"https://www.acme.example/?e=ada%40acme.example","d":"demo"}`)
	send("/v1/events", `{"event_id":"c1","type":"crm","user_id":"ADA@acme.example","ip":"`+strictIP+`","traits":{"email":"ada@acme.example"}}`, "Authorization", "Bearer demo-secret")
	send("/hooks/generic/crm?token=hook-token-0123456789", `{"id":"h1","email":"Ada@acme.example","note":"call ada@acme.example"}`)
}

// stillUseful: what was kept of her is still one person, in a place.
func stillUseful(t *testing.T, events map[string]*pb.Event, dead []*pb.DeadLetter) {
	t.Helper()
	require.Equal(t, []string{"DE", "Bavaria", "Munich"}, []string{events["n2"].Country, events["n2"].Region, events["n2"].City}, "the place was read before the address went")
	require.Contains(t, events["n2"].EnrichedBy, "geo/GeoLite2-City-2026-03-02")
	person := events["n1"].UserId
	var hooked *pb.Event
	for _, e := range events {
		if e.Protocol == "generic" {
			hooked = e
		}
	}
	require.NotNil(t, hooked)
	require.Regexp(t, `^e:[0-9a-f]{32}$`, person)
	for _, id := range []string{events["s1"].UserId, events["c1"].UserId, events["p1"].AnonymousId + events["p1"].UserId, hooked.UserId} {
		require.Equal(t, person, id, "one person is one id, whoever sends it")
	}
	require.JSONEq(t, `{"email":"`+person+` ","name":"Ada"}`, string(events["n1"].Traits))
	require.Len(t, dead, 2)
	for _, d := range dead {
		require.Empty(t, d.Payload)
		require.Contains(t, d.Detail, "content not kept: the site's privacy policy")
	}
}

// policyCase is one request to a site with a policy, and what is kept of it.
type policyCase struct {
	name       string
	policy     privacy.Policy
	path, body string
	header     []string
	status     int
	word       string // of the refusal; empty = kept
	keptID     bool
	keptIP     bool
}

// The four policies, through the front door, by protocols with answers of their own.
func TestSitePolicies(t *testing.T) {
	event := `{"event_id":"e","type":"page","anonymous_id":"a1","session_id":"s1","url":"https://www.acme.example/"}`
	consenting := strings.Replace(event, `"type"`, `"consent":"full","type"`, 1)
	for _, c := range []policyCase{
		{"full", privacy.Policy{}, "/v1/events?key=demo", event, nil, 200, "", true, true},
		{"no_ip", privacy.Policy{Keep: "no_ip"}, "/v1/events?key=demo", consenting, nil, 200, "", true, false},
		{"cookieless", privacy.Policy{Keep: "cookieless"}, "/v1/events?key=demo", consenting, nil, 200, "", false, false},
		{"drop", privacy.Policy{Keep: "drop"}, "/v1/events?key=demo", consenting, nil, 200, "site_drops", false, false},
		{"truncate", privacy.Policy{IP: "truncate"}, "/v1/events?key=demo", event, nil, 200, "", true, true},
		{"GPC", privacy.Policy{}, "/v1/events?key=demo", event, []string{"Sec-GPC", "1"}, 200, "", false, false},
		{"DNT", privacy.Policy{}, "/v1/events?key=demo", event, []string{"DNT", "1"}, 200, "", false, false},
		{"GPC and drop", privacy.Policy{OptedOut: "drop"}, "/v1/events?key=demo", event, []string{"Sec-GPC", "1"}, 200, "opted_out", false, false},
		{"GPC and a yes", privacy.Policy{OptedOut: "drop"}, "/v1/events?key=demo", consenting, []string{"Sec-GPC", "1"}, 200, "", true, true},
		{"unasked", privacy.Policy{Unasked: "drop"}, "/v1/events?key=demo", event, nil, 200, "not_asked", false, false},
		{"unasked, and a yes", privacy.Policy{Unasked: "drop"}, "/v1/events?key=demo", consenting, nil, 200, "", true, true},
		{"gcs denied", privacy.Policy{}, "/g/collect?v=2&tid=demo&gcs=G100&cid=a1&en=page_view&_p=1&_s=1", "", nil, 204, "", false, false},
		{"gcs denied and drop", privacy.Policy{OptedOut: "drop"}, "/g/collect?v=2&tid=demo&gcs=G100&cid=a1&en=page_view&_p=1&_s=1", "", nil, 204, "opted_out", false, false},
		{"gcs granted and drop", privacy.Policy{OptedOut: "drop", Unasked: "drop"}, "/g/collect?v=2&tid=demo&gcs=G111&cid=a1&en=page_view&_p=1&_s=1", "", nil, 204, "", true, true},
		{"SP-Anonymous", privacy.Policy{}, "/com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","eid":"e","aid":"demo","duid":"a1","url":"https://www.acme.example/"}]}`, []string{"SP-Anonymous", "*"}, 200, "", false, false},
		{"SP-Anonymous and drop", privacy.Policy{OptedOut: "drop"}, "/com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","eid":"e","aid":"demo","duid":"a1","url":"https://www.acme.example/"}]}`, []string{"SP-Anonymous", "*"}, 200, "opted_out", false, false},
		{"Plausible and drop", privacy.Policy{Keep: "drop"}, "/api/event", `{"n":"pageview","u":"https://www.acme.example/","d":"demo"}`, nil, 202, "site_drops", false, false},
	} {
		t.Run(c.name, c.run)
	}
}

func (c policyCase) run(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, func(cfg *Config, _ *Deps) { cfg.Sites[0].Privacy = c.policy })
	answer, body := f.ask(t, "POST", c.path, c.body, append(c.header, "User-Agent", chrome)...)
	require.Equal(t, c.status, answer.StatusCode, body)
	events, _ := stored(t, opts)
	require.Empty(t, deadLetters(t, opts))
	if c.word != "" {
		require.Empty(t, events)
		require.Equal(t, 1.0, f.value(t, "leadstream_ingest_refused_total", "reason", c.word))
		require.Equal(t, 1.0, f.value(t, "leadstream_ingest_removed_total", "what", "event"))
		return
	}
	require.Len(t, events, 1)
	var e *pb.Event
	for _, e = range events {
	}
	require.Equal(t, c.keptID, e.AnonymousId == "a1", e.AnonymousId)
	if !c.keptID {
		require.Regexp(t, `^c:[0-9a-f]{24}$`, e.AnonymousId)
		require.NotEqual(t, "s1", e.SessionId)
	}
	require.Equal(t, c.keptIP, e.Ip != "", e.Ip)
	if c.policy.IP == "truncate" {
		require.Equal(t, "127.0.0.0", e.Ip)
	}
}

// A restart on the same day begins no new visitor.
func TestPseudonymsOutliveARestart(t *testing.T) {
	_, opts := broker(t)
	dir := t.TempDir()
	for _, id := range []string{"one", "two"} {
		f := start(t, opts, func(c *Config, d *Deps) {
			c.Privacy.Dir = dir
			d.Now = func() time.Time { return time.UnixMilli(noon) }
		})
		answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"event_id":"`+id+`","type":"page","consent":"cookieless"}`)
		require.Equal(t, 200, answer.StatusCode, body)
		require.NoError(t, f.stop())
	}
	events, _ := stored(t, opts)
	require.NotEmpty(t, events["one"].AnonymousId)
	require.Equal(t, events["one"].AnonymousId, events["two"].AnonymousId)
}

func TestPrivacyFaultsAreToldAtOnce(t *testing.T) {
	cfg := testConfig()
	cfg.Sites[1].Privacy = privacy.Policy{Emails: "hash"}
	require.ErrorContains(t, cfg.Validate(), "privacy.hash_secret: is needed, because site shop hashes")
	cfg.Privacy.HashSecret = "0123456789abcdef"
	require.NoError(t, cfg.Validate())
}
