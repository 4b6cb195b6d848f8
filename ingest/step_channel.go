package ingest

import (
	"strings"

	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// The channels, as schemas' Event lists them; internal is a click from one page of the site to the next.
const (
	search   = "search"
	social   = "social"
	mail     = "mail"
	paid     = "paid"
	ai       = "ai"
	referral = "referral"
	direct   = "direct"
	internal = "internal"
)

// classify says where the visitor came from: what the campaign says, else the click id of an advertisement, else the host
// of the referrer. Only views of pages have a channel: on a click it would be counted twice.
func classify(_ *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.Type != "page" && e.Type != "screen" {
		return nil
	}
	e.Channel = channelOf(e)
	return nil
}

func channelOf(e *pb.Event) string {
	if channel := byMedium(strings.ToLower(e.UtmMedium)); channel != "" {
		return channel
	}
	if advertised(e.Url) || advertised(visitCampaign(e)) {
		return paid
	}
	if channel := bySource(strings.ToLower(e.UtmSource)); channel != "" {
		return channel
	}
	if e.ReferrerHost != "" {
		return byReferrer(e.ReferrerHost, e.Host)
	}
	switch {
	case e.UtmSource+e.UtmMedium+e.UtmCampaign != "":
		return referral // somebody marked the link, in words we do not know
	case e.Host == "":
		return ""
	}
	return direct
}

// byMedium knows the words of Google's channel groups and their common spellings.
func byMedium(medium string) string {
	switch medium {
	case "":
		return ""
	case "cpc", "ppc", "cpm", "cpv", "cpa", "display", "banner", "retargeting", "remarketing", "paid", "sem", "ads", "ad":
		return paid
	case "email", "e-mail", "e_mail", "mail", "newsletter", "edm":
		return mail
	case "social", "social-network", "social-media", "social_media", "sm":
		return social
	case "organic", "search":
		return search
	case "referral", "affiliate", "partner", "link":
		return referral
	case "ai", "llm", "chatbot":
		return ai
	}
	if strings.HasPrefix(medium, "paid") {
		return paid
	}
	return ""
}

// advertised tells whether a click id that only paid clicks carry is in the query. fbclid is not one: every link out of
// Facebook has it.
func advertised(url string) bool {
	if !strings.Contains(url, "id=") { // all of them do; most addresses do not
		return false
	}
	for _, name := range [...]string{"gclid=", "msclkid=", "gbraid=", "wbraid=", "ttclid=", "li_fat_id=", "bd_vid=", "twclid="} {
		if at := strings.Index(url, name); at == 0 || at > 0 && (url[at-1] == '?' || url[at-1] == '&') {
			return true
		}
	}
	return false
}

// bySource takes a source that names a known place: utm_source=linkedin, chatgpt.com, newsletter.
func bySource(source string) string {
	if source == "" {
		return ""
	}
	if channel := places[source]; channel != "" {
		return channel
	}
	if channel := places[source+".com"]; channel != "" {
		return channel
	}
	if source == "newsletter" || source == "email" {
		return mail
	}
	return ""
}

func byReferrer(from, own string) string {
	if strings.TrimPrefix(from, "www.") == strings.TrimPrefix(own, "www.") {
		return internal
	}
	for host := from; host != ""; {
		if channel := places[host]; channel != "" {
			return channel
		}
		label, rest, _ := strings.Cut(host, ".")
		// google.de, google.co.uk: the countries are too many to list.
		if national[label] && strings.Count(rest, ".") <= 1 && len(rest) <= len("com.xx") {
			return search
		}
		host = rest
	}
	return referral
}

var national = map[string]bool{"google": true, "yandex": true, "yahoo": true}

// places are hosts with all that is below them; the more precise name wins.
var places = map[string]string{
	"google.com": search, "bing.com": search, "duckduckgo.com": search, "yahoo.com": search, "yandex.com": search, "yandex.ru": search,
	"baidu.com": search, "sogou.com": search, "so.com": search, "sm.cn": search, "naver.com": search, "ecosia.org": search,
	"qwant.com": search, "search.brave.com": search, "startpage.com": search, "seznam.cz": search, "kagi.com": search, "daum.net": search,

	"facebook.com": social, "fb.com": social, "instagram.com": social, "threads.net": social, "threads.com": social, "linkedin.com": social,
	"lnkd.in": social, "t.co": social, "twitter.com": social, "x.com": social, "youtube.com": social, "youtu.be": social, "tiktok.com": social,
	"reddit.com": social, "pinterest.com": social, "bsky.app": social, "mastodon.social": social, "news.ycombinator.com": social,
	"xing.com": social, "vk.com": social, "quora.com": social, "weibo.com": social, "weibo.cn": social, "t.cn": social, "zhihu.com": social,
	"xiaohongshu.com": social, "douyin.com": social, "bilibili.com": social, "weixin.qq.com": social, "mp.weixin.qq.com": social,
	"wechat": social, "slack.com": social, "discord.com": social, "t.me": social, "web.whatsapp.com": social, "com.linkedin.android": social,

	"mail.google.com": mail, "com.google.android.gm": mail, "outlook.live.com": mail, "outlook.office.com": mail, "outlook.office365.com": mail,
	"mail.yahoo.com": mail, "mail.qq.com": mail, "mail.163.com": mail, "mail.126.com": mail, "mail.proton.me": mail, "mail.aol.com": mail,

	"chatgpt.com": ai, "chat.openai.com": ai, "openai.com": ai, "perplexity.ai": ai, "claude.ai": ai, "gemini.google.com": ai,
	"copilot.microsoft.com": ai, "copilot.cloud.microsoft": ai, "chat.deepseek.com": ai, "deepseek.com": ai, "kimi.com": ai, "kimi.moonshot.cn": ai,
	"doubao.com": ai, "tongyi.aliyun.com": ai, "yuanbao.tencent.com": ai, "poe.com": ai, "you.com": ai, "grok.com": ai, "chat.mistral.ai": ai,
	"meta.ai": ai, "phind.com": ai,
}
