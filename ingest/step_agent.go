package ingest

import (
	"strings"

	"leadstream/ingest/protocol"
)

// readAgent fills device, browser and system from the user agent, and marks obvious robots.
func readAgent(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.UserAgent == "" {
		return nil
	}
	is := f.agents.read(e.UserAgent)
	e.Device, e.Browser, e.Os = is.device, is.browser, is.os
	if e.Bot = is.bot; e.Bot {
		f.note(botFlagged)
	}
	return nil
}

// readUserAgent looks for names in an order that decides: every browser claims to be those before it, so the youngest comes
// first.
func readUserAgent(userAgent string) agent {
	text := strings.ToLower(userAgent)
	return agent{
		device: device(text), browser: first(text, browsers), os: first(text, systems), bot: first(text, robots) != "",
	}
}

type mark struct{ sign, means string }

func first(agent string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(agent, m.sign) {
			return m.means
		}
	}
	return ""
}

// robots name themselves. Libraries such as curl are not among them: servers send through them for people.
var robots = []mark{
	{"bot/", "bot"}, {"bot;", "bot"}, {"bot)", "bot"}, {"googlebot", "bot"}, {"crawler", "bot"}, {"spider", "bot"}, {"slurp", "bot"},
	{"headlesschrome", "bot"}, {"phantomjs", "bot"}, {"lighthouse", "bot"}, {"bingpreview", "bot"}, {"facebookexternalhit", "bot"},
	{"pingdom", "bot"}, {"uptimerobot", "bot"}, {"ia_archiver", "bot"}, {"mediapartners-google", "bot"}, {"gptbot", "bot"},
}

var systems = []mark{
	{"windows", "Windows"}, {"android", "Android"}, {"iphone", "iOS"}, {"ipad", "iOS"}, {"ipod", "iOS"}, {"cros ", "ChromeOS"},
	{"harmonyos", "HarmonyOS"}, {"openharmony", "HarmonyOS"}, {"mac os x", "macOS"}, {"macintosh", "macOS"}, {"linux", "Linux"},
}

var browsers = []mark{
	{"micromessenger", "WeChat"}, {"edg/", "Edge"}, {"edga/", "Edge"}, {"edgios/", "Edge"}, {"opr/", "Opera"}, {"samsungbrowser/", "Samsung Internet"},
	{"yabrowser/", "Yandex"}, {"vivaldi/", "Vivaldi"}, {"ucbrowser/", "UC"}, {"qqbrowser/", "QQ"}, {"miuibrowser/", "Mi"}, {"huaweibrowser/", "Huawei"},
	{"firefox/", "Firefox"}, {"fxios/", "Firefox"}, {"crios/", "Chrome"}, {"headlesschrome/", "Chrome"}, {"chrome/", "Chrome"},
	{"chromium/", "Chrome"}, {"version/", "Safari"}, {"trident/", "Internet Explorer"}, {"msie ", "Internet Explorer"},
}

func device(agent string) string {
	switch {
	case strings.Contains(agent, "ipad"), strings.Contains(agent, "tablet"),
		strings.Contains(agent, "android") && !strings.Contains(agent, "mobile"):
		return "tablet"
	case strings.Contains(agent, "mobi"), strings.Contains(agent, "iphone"), strings.Contains(agent, "ipod"):
		return "mobile"
	case strings.HasPrefix(agent, "mozilla/"):
		return "desktop"
	}
	return ""
}
