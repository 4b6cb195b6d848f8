package privacy

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

const secret = "0123456789abcdef0123456789abcdef"

func guard(p Policy) *Guard { return New("demo", p, Keys{HashSecret: secret}) }

type counts map[Removal]int

func (c counts) add(what Removal, n int) {
	if n > 0 {
		c[what] += n
	}
}

// The table of docs/privacy.md: rows are what the visitor says, columns the site's policy.
func TestLevels(t *testing.T) {
	full, unknown, cookieless, denied := pb.Consent_CONSENT_FULL, pb.Consent_CONSENT_UNKNOWN, pb.Consent_CONSENT_COOKIELESS, pb.Consent_CONSENT_DENIED
	for _, c := range []struct {
		policy   Policy
		word     pb.Consent
		optedOut bool
		want     Level
		why      Why
	}{
		{Policy{}, full, false, Full, NobodyAsked},
		{Policy{}, full, true, Full, NobodyAsked}, // a yes to this site outweighs the browser's general signal
		{Policy{}, unknown, false, Full, NobodyAsked},
		{Policy{}, unknown, true, Cookieless, VisitorOptedOut},
		{Policy{}, cookieless, false, Cookieless, NobodyAsked},
		{Policy{}, denied, false, Drop, VisitorDenied},
		{Policy{OptedOut: "drop"}, unknown, true, Drop, VisitorOptedOut},
		{Policy{OptedOut: "drop"}, cookieless, true, Drop, VisitorOptedOut},
		{Policy{OptedOut: "drop"}, cookieless, false, Cookieless, NobodyAsked},
		{Policy{OptedOut: "no_ip"}, unknown, true, NoIP, VisitorOptedOut},
		{Policy{OptedOut: "full"}, cookieless, true, Cookieless, NobodyAsked},
		{Policy{Unasked: "drop"}, unknown, false, Drop, NobodyAsked},
		{Policy{Unasked: "drop"}, full, false, Full, NobodyAsked},
		{Policy{Unasked: "cookieless"}, unknown, false, Cookieless, NobodyAsked},
		{Policy{Keep: "no_ip"}, full, false, NoIP, SiteDrops},
		{Policy{Keep: "no_ip"}, unknown, true, Cookieless, VisitorOptedOut},
		{Policy{Keep: "cookieless"}, full, false, Cookieless, SiteDrops},
		{Policy{Keep: "drop"}, full, false, Drop, SiteDrops},
		{Policy{Keep: "drop"}, denied, false, Drop, VisitorDenied},
	} {
		level, why := guard(c.policy).Level(c.word, c.optedOut)
		require.Equal(t, c.want, level, "%+v %v %v", c.policy, c.word, c.optedOut)
		require.Equal(t, c.why, why, "%+v %v %v", c.policy, c.word, c.optedOut)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		policy, given string
		level         Level
		want          string
	}{
		{"", "203.0.113.77", Full, "203.0.113.77"}, {"keep", "203.0.113.77", NoIP, ""}, {"drop", "203.0.113.77", Full, ""},
		{"truncate", "203.0.113.77", Full, "203.0.113.0"}, {"truncate", "2001:db8:aaaa:bbbb::1", Full, "2001:db8:aaaa::"}, {"truncate", "", Full, ""},
		{"truncate", "203.0.113.77", Cookieless, ""},
	} {
		require.Equal(t, c.want, guard(Policy{IP: c.policy}).IP(c.given, c.level, counts{}.add), "%+v", c)
	}
}

func hashed(email string) string { return "e:" + guard(Policy{}).hash(email) }

func TestEmails(t *testing.T) {
	ada := hashed("ada@acme.example")
	for given, want := range map[string]string{
		"ada@acme.example": ada, "Ada@ACME.example": ada, " ada@acme.example ": " " + ada + " ", "mailto:ada@acme.example?subject=x": "mailto:" + ada + "?subject=x",
		"write to ada@acme.example, or bob@acme.example.": "write to " + ada + ", or " + hashed("bob@acme.example") + ".",
		"https://x.example/?e=ada%40acme.example&b=1":     "https://x.example/?e=" + ada + "&b=1",
		"https://x.example/?e=ada%2540acme.example":       "https://x.example/?e=" + ada,
		"?e=%22ada%40acme.example%22":                     "?e=" + ada + "%22",
		"?e=ada%2Bnews@acme.example":                      "?e=" + hashed("ada+news@acme.example"),
		"<ada@acme.example>":                              "<" + ada + ">", "“ada@acme.example”": "“" + ada + "”", "邮箱：ada@acme.example。": "邮箱：" + ada + "。",
		"用户@例子.公司": hashed("用户@例子.公司"), "@acme": "@acme", "a @ b": "a @ b", "x@y": "x@y", "100%": "100%", "a@b@acme.example": "a@" + hashed("b@acme.example"),
		"@@ada@acme.example": "@@" + ada, "": "", "no address": "no address",
	} {
		require.Equal(t, want, guard(Policy{Emails: "hash"}).Text(given), given)
		require.Equal(t, given, guard(Policy{}).Text(given))
	}
	domain := guard(Policy{Emails: "hash_keep_domain"})
	require.Equal(t, ada+"@acme.example", domain.Text("Ada@Acme.example"))
	require.Equal(t, ada+"@acme.example", domain.Text(domain.Text("Ada@Acme.example")), "history that is sent again")
	require.NotEqual(t, ada, New("shop", Policy{Emails: "hash"}, Keys{HashSecret: secret}).Text("ada@acme.example"), "equal people of two sites")
	require.NotEqual(t, ada, New("demo", Policy{Emails: "hash"}, Keys{HashSecret: secret + "x"}).Text("ada@acme.example"))
}

func clean(t *testing.T, p Policy, e *pb.Event) counts {
	t.Helper()
	c := counts{}
	guard(p).Clean(e, "", c.add)
	return c
}

func TestLists(t *testing.T) {
	const given = `{"plan":"pro","n":55459717045641545,"email":"Ada@acme.example","address":{"street":"x","zip":{"code":"1"}},"items":[{"sku":"a","note":"n"},7],"a.b":1,"em\u0061il2":"q"}`
	for _, c := range []struct {
		policy Policy
		want   string
		counts counts
	}{
		{Policy{}, given, counts{}},
		{Policy{Deny: []string{"properties.address.street", "properties.items.note", "properties.email2", "properties.a.b", "properties.absent"}},
			`{"plan":"pro","n":55459717045641545,"email":"Ada@acme.example","address":{"zip":{"code":"1"}},"items":[{"sku":"a"},7]}`, counts{RemovedValue: 4}},
		{Policy{Deny: []string{"properties.address", "properties.items"}}, `{"plan":"pro","n":55459717045641545,"email":"Ada@acme.example","a.b":1,"email2":"q"}`, counts{RemovedValue: 2}},
		{Policy{Allow: []string{"properties.plan", "properties.address.zip", "properties.items.sku"}}, `{"plan":"pro","address":{"zip":{"code":"1"}},"items":[{"sku":"a"}]}`, counts{RemovedValue: 7}},
		{Policy{Allow: []string{"properties.nothing.here"}}, ``, counts{RemovedValue: 7}},
		{Policy{Allow: []string{"traits.plan"}}, given, counts{}},
		{Policy{Hash: []string{"properties.email", "properties.n", "properties.address"}},
			`{"plan":"pro","n":"h:` + guard(Policy{}).hash("55459717045641545") + `","email":"` + hashed("ada@acme.example") + `","address":"h:` +
				guard(Policy{}).hash(`{"street":"x","zip":{"code":"1"}}`) + `","items":[{"sku":"a","note":"n"},7],"a.b":1,"email2":"q"}`, counts{HashedValue: 3}},
	} {
		e := &pb.Event{Properties: []byte(given)}
		require.Equal(t, c.counts, clean(t, c.policy, e), "%+v", c.policy)
		require.Equal(t, c.want, string(e.Properties), "%+v", c.policy)
	}
}

func TestQueries(t *testing.T) {
	e := &pb.Event{Url: "https://x.example/p?token=1&utm_source=a&e%6Dail=ada%40acme.example#f", Referrer: "https://y.example/?token=2",
		Properties: []byte(`{"session_campaign":"utm_source=a&token=3"}`)}
	got := clean(t, Policy{Deny: []string{"query.token"}, Hash: []string{"query.email"}}, e)
	require.Equal(t, "https://x.example/p?utm_source=a&email="+strings.ReplaceAll(hashed("ada@acme.example"), ":", "%3A")+"#f", e.Url)
	require.Equal(t, "https://y.example/", e.Referrer)
	require.Equal(t, `{"session_campaign":"utm_source=a"}`, string(e.Properties))
	require.Equal(t, counts{RemovedValue: 3, HashedValue: 1}, got)
	e = &pb.Event{Url: "https://x.example/p?a=1&utm_source=a&b&b=2"}
	clean(t, Policy{Allow: []string{"query.utm_source"}}, e)
	require.Equal(t, "https://x.example/p?utm_source=a", e.Url)
}

// Wherever an email or the visitor's address stands, it is gone after Clean: every text field, every depth, every spelling.
func TestNothingIsLeftAnywhere(t *testing.T) {
	const address = "203.0.113.7"
	e := &pb.Event{Url: "https://ada@acme.example:x@shop.example/u/ada@acme.example?ip=" + address, Referrer: "https://ada@acme.example/",
		Properties: []byte(`{"a":[[{"b":"ada\u0040acme.example"}]],"ada@acme.example":{"ip":"` + address + `"},"c":"ada%40acme.example","d":1.50}`),
		Traits:     []byte(`{"email":"ADA@acme.example","ips":["x ` + address + `"]}`)}
	for _, text := range []*string{&e.EventId, &e.AnonymousId, &e.UserId, &e.PreviousId, &e.GroupId, &e.SessionId, &e.ViewId, &e.Name, &e.Title, &e.UtmSource,
		&e.UtmMedium, &e.UtmCampaign, &e.UtmTerm, &e.UtmContent, &e.Library, &e.Screen, &e.Locale, &e.UserAgent} {
		*text = "ada@acme.example"
	}
	c := counts{}
	guard(Policy{Emails: "hash", IP: "drop"}).Clean(e, address, c.add)
	all, err := proto.Marshal(e)
	require.NoError(t, err)
	for _, bad := range []string{"ada@", "ada%40", "u0040", address, "ada@acme"} {
		require.NotContains(t, strings.ToLower(string(all)), bad)
	}
	require.Contains(t, string(e.Properties), `"d":1.50`)
	require.Equal(t, e.UserId, hashed("ada@acme.example"))
	require.Contains(t, string(e.Traits), e.UserId, "a person joins by id and trait alike")
	require.Equal(t, 23, c[HashedEmail])
	require.Equal(t, 3, c[RemovedIP])
}

func TestDeadLettersOfStrictSites(t *testing.T) {
	require.True(t, guard(Policy{}).KeepsContent())
	require.True(t, guard(Policy{OptedOut: "drop", Unasked: "cookieless"}).KeepsContent())
	for _, p := range []Policy{{Keep: "no_ip"}, {IP: "truncate"}, {Emails: "hash"}, {Deny: []string{"traits.phone"}}, {Allow: []string{"query.a"}}, {Hash: []string{"properties.a"}}} {
		require.False(t, guard(p).KeepsContent(), "%+v", p)
	}
}

func TestPolicyFaults(t *testing.T) {
	err := Policy{Keep: "some", Unasked: "x", OptedOut: "y", IP: "half", Emails: "burn", Deny: []string{"email", "traits.a"}, Hash: []string{"traits.a", "query."}}.Validate()
	for _, want := range []string{`policy: must be full, no_ip, cookieless or drop (got "some")`, "unasked: ", "opted_out: ", `ip: must be keep, truncate or drop (got "half")`,
		`emails: must be keep, hash or hash_keep_domain (got "burn")`, `deny: must be properties.NAME, traits.NAME or query.NAME`, `hash: "traits.a" stands in deny, too`, `(got "query.")`} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, Policy{Allow: []string{"traits.email"}, Hash: []string{"traits.email"}}.Validate())
	err = Keys{HashSecret: "short", DaySecret: "short"}.Validate()
	require.ErrorContains(t, err, "hash_secret: must have 16 characters or more (got 5)")
	require.ErrorContains(t, err, "day_secret: ")
}

func FuzzObject(f *testing.F) {
	f.Add(`{"a":{"b":[1,"ada@acme.example",{"c":null}],"d":true},"e":"\u0040\\\""}`)
	strict := guard(Policy{Emails: "hash", Deny: []string{"properties.a.d"}, Hash: []string{"properties.e"}, Allow: []string{"properties.a", "properties.e"}})
	f.Fuzz(func(t *testing.T, text string) {
		if !validObject(text) {
			return
		}
		e := &pb.Event{Properties: []byte(text)}
		strict.Clean(e, "", counts{}.add)
		if e.Properties != nil {
			require.True(t, validObject(string(e.Properties)), "%s became %s", text, e.Properties)
		}
	})
}

func BenchmarkClean(b *testing.B) {
	event := func() *pb.Event {
		return &pb.Event{Url: "https://www.acme.example/pricing?utm_source=a&plan=team", Referrer: "https://www.google.com/", Title: "Pricing", AnonymousId: "8f14e45f",
			Properties: []byte(`{"plan":"pro","seats":12,"address":{"street":"x"},"items":[{"sku":"a"}]}`), Traits: []byte(`{"email":"ada@acme.example","name":"Ada"}`)}
	}
	for name, p := range map[string]Policy{"default": {}, "emails": {Emails: "hash"}, "lists": {Deny: []string{"properties.address.street", "query.plan"}, Hash: []string{"traits.email"}}} {
		b.Run(name, func(b *testing.B) {
			g, count := guard(p), func(Removal, int) {}
			b.ReportAllocs()
			for b.Loop() {
				g.Clean(event(), "", count)
			}
		})
	}
}

func validObject(text string) bool {
	return strings.HasPrefix(text, "{") && json.Valid([]byte(text)) && utf8.ValidString(text)
}
