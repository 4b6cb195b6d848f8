package ingest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

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
	require.Equal(t, paid, e.Channel)
	e = newBench().run(protocol.Item{Event: &pb.Event{Url: "https://acme.example/", Properties: []byte(`{"session_campaign":[1]}`)}}).Event
	require.Equal(t, direct, e.Channel)
}

func TestChannel(t *testing.T) {
	const own = "https://www.acme.example/"
	for _, c := range []struct{ url, referrer, want string }{
		{own, "", direct},
		{own, "https://acme.example/pricing", internal},
		{own, "https://www.google.com/", search}, {own, "https://www.google.co.uk/", search}, {own, "https://google.de/", search}, {own, "https://www.baidu.com/link", search},
		{own, "https://search.yahoo.co.jp/", search}, {own, "https://yandex.kz/", search}, {own, "https://duckduckgo.com/", search},
		{own, "https://google.evil.example.org/", referral}, {own, "https://notgoogle.com/", referral},
		{own, "https://mail.google.com/", mail}, {own, "android-app://com.google.android.gm/", mail}, {own, "https://mail.qq.com/", mail},
		{own, "https://gemini.google.com/", ai}, {own, "https://chatgpt.com/", ai}, {own, "https://www.perplexity.ai/search", ai}, {own, "https://chat.deepseek.com/", ai},
		{own, "https://www.linkedin.com/", social}, {own, "https://t.co/abc", social}, {own, "https://l.facebook.com/", social}, {own, "https://www.zhihu.com/", social}, {own, "https://mp.weixin.qq.com/s/x", social},
		{own, "https://news.example/", referral},
		{own + "?gclid=1", "https://www.google.com/", paid}, {own + "?x=1&msclkid=1", "", paid}, {own + "?notgclid=1", "", direct}, {own + "?fbclid=1", "https://l.facebook.com/", social},
		{own + "?utm_medium=cpc&utm_source=google", "", paid}, {own + "?utm_medium=Paid-Social", "", paid}, {own + "?utm_medium=email", "https://chatgpt.com/", mail},
		{own + "?utm_source=newsletter", "", mail}, {own + "?utm_source=linkedin", "", social}, {own + "?utm_source=chatgpt.com", "", ai}, {own + "?utm_medium=social", "", social},
		{own + "?utm_source=partner-x", "", referral}, {own + "?utm_medium=affiliate", "", referral},
		{"", "", ""},
	} {
		e := newBench().run(protocol.Item{Event: &pb.Event{Url: c.url, Referrer: c.referrer}}).Event
		require.Equal(t, c.want, e.Channel, "%s from %s", c.url, c.referrer)
	}
	e := newBench().run(protocol.Item{Event: &pb.Event{Type: "click", Url: own, Referrer: "https://www.google.com/"}}).Event
	require.Empty(t, e.Channel, "only views have a channel")
}

func TestAgent(t *testing.T) {
	for agent, want := range map[string]string{
		chrome: "desktop Chrome Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15":                  "desktop Safari macOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0":          "desktop Edge Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":                                                                 "desktop Firefox Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile/15E148 Safari/604.1": "mobile Chrome iOS",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36":                  "mobile Chrome Android",
		"Mozilla/5.0 (Linux; Android 13; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                         "tablet Chrome Android",
		"Mozilla/5.0 (Linux; Android 12; V2072A) AppleWebKit/537.36 Chrome/107 Mobile Safari/537.36 XWEB/1 MicroMessenger/8.0.40":                "mobile WeChat Android",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                               "desktop   bot",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36":                          "desktop Chrome Linux bot",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)":                                 "desktop   bot",
		"curl/8.5.0": "  ",
		"":           "  ",
		"Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36": "mobile Chrome Android",
	} {
		b := newBench()
		b.facts.userAgent = agent
		e := b.run(protocol.Item{Event: &pb.Event{}}).Event
		got := e.Device + " " + e.Browser + " " + e.Os
		if e.Bot {
			got += " bot"
		}
		require.Equal(t, want, got, agent)
	}
}

func TestAgentsAreForgottenBeforeTheyAreTooMany(t *testing.T) {
	a := newAgents()
	for i := range 3 * mostAgents {
		a.read(fmt.Sprint("agent ", i))
		require.LessOrEqual(t, len(a.seen), mostAgents)
	}
	require.Equal(t, "Chrome", a.read(chrome).browser)
	require.Equal(t, a.read(chrome), a.read(chrome))
}
