package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/channel"
	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

func TestAddress(t *testing.T) {
	for _, c := range []struct{ url, keptURL, host, path, campaign string }{
		{"https://WWW.Acme.Example/Pricing?utm_source=a%20b&utm_medium=cpc&utm_campaign=c&utm_term=d&utm_content=e#x", "", "www.acme.example", "/Pricing", "a b|cpc|c|d|e"},
		{"https://acme.example", "", "acme.example", "/", "||||"},
		{"https://acme.example:8443/a%20b/%E4%B8%AD", "", "acme.example", "/a b/中", "||||"},
		{"https://acme.example/%00%ff", "", "acme.example", "/\uFFFD", "||||"},
		{"https://ada:secret@acme.example/x", "https://acme.example/x", "acme.example", "/x", "||||"},
		{"/relative?utm_source=x", "", "", "/relative", "x||||"},
		{"http://[::1", "", "", "", "||||"},
		{"javascript:alert(1)", "", "", "", "||||"},
		{"https://acme.example/?utm_source=%zz&utm_source=two", "", "acme.example", "/", "two||||"},
		{"https://acme.example/?a=utm_source=x", "", "acme.example", "/", "||||"},
	} {
		t.Run(c.url, func(t *testing.T) {
			e := newBench().run(protocol.Item{Event: &pb.Event{Url: c.url}}).Event
			if c.keptURL == "" {
				c.keptURL = c.url
			}
			require.Equal(t, c.keptURL, e.Url)
			require.Equal(t, c.host, e.Host)
			require.Equal(t, c.path, e.Path)
			require.Equal(t, c.campaign, e.UtmSource+"|"+e.UtmMedium+"|"+e.UtmCampaign+"|"+e.UtmTerm+"|"+e.UtmContent)
		})
	}
}

func TestTheVisitsCampaignIsTakenFromTheTracker(t *testing.T) {
	e := newBench().run(protocol.Item{Event: &pb.Event{Url: "https://acme.example/docs", Referrer: "https://acme.example/",
		Properties: []byte(`{"session_campaign":"utm_source=linkedin&utm_campaign=q1&gclid=x"}`)}}).Event
	require.Equal(t, "linkedin", e.UtmSource)
	require.Equal(t, "q1", e.UtmCampaign)
	require.Equal(t, channel.Paid, e.Channel)
	e = newBench().run(protocol.Item{Event: &pb.Event{Url: "https://acme.example/", Properties: []byte(`{"session_campaign":[1]}`)}}).Event
	require.Equal(t, channel.Direct, e.Channel)
}

// The tables are package channel's; here is how an event gets to them.
func TestChannel(t *testing.T) {
	const own = "https://www.acme.example/"
	for _, c := range []struct{ url, referrer, want string }{
		{own, "", channel.Direct}, {own, "https://acme.example/pricing", channel.Internal}, {own, "https://www.google.co.uk/", channel.Search},
		{own, "android-app://com.google.android.gm/", channel.Mail}, {own, "https://gemini.google.com/", channel.AI}, {own, "https://mp.weixin.qq.com/s/x", channel.Social},
		{own + "?gclid=1#a", "https://www.google.com/", channel.Paid}, {own + "#?gclid=1", "", channel.Paid}, {own + "?x=gclid=1", "", channel.Direct},
		{own + "?fbclid=1", "https://l.facebook.com/", channel.Social}, {own + "?utm_medium=email", "https://chatgpt.com/", channel.Mail},
		{own + "?utm_source=chatgpt.com", "", channel.AI}, {own + "?utm_source=partner-x", "", channel.Referral}, {"", "", ""},
	} {
		e := newBench().run(protocol.Item{Event: &pb.Event{Url: c.url, Referrer: c.referrer}}).Event
		require.Equal(t, c.want, e.Channel, "%s from %s", c.url, c.referrer)
	}
	e := newBench().run(protocol.Item{Event: &pb.Event{Type: "click", Url: own, Referrer: "https://www.google.com/"}}).Event
	require.Empty(t, e.Channel, "only views have a channel")
}

func TestAgent(t *testing.T) {
	for userAgent, want := range map[string]string{
		chrome: "desktop Chrome Windows",
		"Mozilla/5.0 (Linux; Android 12; V2072A) AppleWebKit/537.36 Chrome/107 Mobile Safari/537.36 XWEB/1 MicroMessenger/8.0.40": "mobile WeChat Android",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                "bot Googlebot  search-engine",
		"curl/8.5.0": " curl  http-library",
		"":           "  ",
	} {
		b := newBench()
		b.facts.userAgent = userAgent
		e := b.run(protocol.Item{Event: &pb.Event{}}).Event
		got := e.Device + " " + e.Browser + " " + e.Os
		if e.BotKind != "" {
			got += " " + e.BotKind
		}
		require.Equal(t, want, got, userAgent)
		require.Equal(t, e.Device == "bot", e.Bot)
	}
}
