package agent

import (
	"strings"

	"leadstream/ingest/agent/crawlers"
)

// machine says what kind of machine a user agent is of, and whether it is to be scored like one.
func machine(userAgent, lower string) (kind string, bot bool) {
	for _, sign := range mailScanners {
		if strings.Contains(lower, sign) {
			return "scanner", true
		}
	}
	if c, found := crawlers.Default().Find(userAgent); found {
		return c.Kind, c.Kind != "http-library" && !doubtful[c.Pattern]
	}
	for _, sign := range selfNamed {
		if strings.Contains(lower, sign) && !strings.Contains(lower, "cubot") { // a phone
			return "unlisted", true
		}
	}
	return "", false
}

// http-library is a kind, but no robot to us: okhttp and CFNetwork are the apps of people, CloudFront puts its own name in place of
// the visitor's, and servers send through curl and axios for people.

// doubtful are the list's patterns that browsers of people carry, too: a build of Android, and the browser inside of Facebook's
// app. Their kind is told, and they are scored.
var doubtful = map[string]bool{`AP3A\.240617\.008`: true, `MetaIAB Facebook`: true}

// mailScanners open the links of mails before their reader does. Most of them pretend to be browsers and are known by their network
// only (package geo); these say who they are, and are not on the list of crawlers.
var mailScanners = []string{
	"barracuda", "mimecast", "proofpoint", "safelinks", "messagelabs", "symantec email", "trendmicro", "forcepoint", "fireeye", "cloudmark",
	"ms-office", "office existence discovery",
}

// selfNamed are the words that robots on no list use of themselves.
var selfNamed = []string{"bot/", "bot;", "bot)", "crawler", "spider", "slurp", "headlesschrome", "phantomjs", "ia_archiver", "mediapartners-google"}
