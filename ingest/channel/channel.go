// Package channel says where a visit came from, by what its first address and its referrer say. It is pure: a table and an order.
package channel

import "strings"

// Version is the number of this table and order: it rises when an event would be read otherwise.
const Version = "2"

// The channels, as schemas' Event lists them.
const (
	Search   = "search"
	Social   = "social"
	Mail     = "mail"
	Paid     = "paid"
	AI       = "ai" // assistants
	Referral = "referral"
	Direct   = "direct"
	Internal = "internal" // from one page of the site to the next
)

// Visit is what is known of how somebody came to a page.
type Visit struct {
	Medium, Source, Campaign string // utm_*
	Query                    string // of the page's address
	LandingQuery             string // of the visit's first page, as our tracker remembers it
	Host, ReferrerHost       string // small letters
}

// Of decides: what the campaign's medium says, else the click id of an advertisement, else the campaign's source, else the host
// of the referrer. It is empty when nothing is known, as for a screen of an app.
func Of(v Visit) string {
	if channel := byMedium(strings.ToLower(v.Medium)); channel != "" {
		return channel
	}
	if advertised(v.Query) || advertised(v.LandingQuery) {
		return Paid
	}
	if channel := bySource(strings.ToLower(v.Source)); channel != "" {
		return channel
	}
	switch {
	case v.ReferrerHost != "":
		return byReferrer(v.ReferrerHost, v.Host)
	case v.Source+v.Medium+v.Campaign != "":
		return Referral // somebody marked the link, in words we do not know
	case v.Host == "":
		return ""
	}
	return Direct
}

// byMedium knows the words of Google's channel groups and their common spellings.
func byMedium(medium string) string {
	switch medium {
	case "":
		return ""
	case "cpc", "ppc", "cpm", "cpv", "cpa", "cpt", "ocpc", "ocpm", "display", "banner", "retargeting", "remarketing", "paid", "sem", "ads", "ad",
		"feed-ad", "infoflow":
		return Paid
	case "email", "e-mail", "e_mail", "mail", "newsletter", "edm":
		return Mail
	case "social", "social-network", "social-media", "social_media", "social network", "social media", "sm", "wechat", "weixin":
		return Social
	case "organic", "search", "seo":
		return Search
	case "referral", "affiliate", "partner", "link":
		return Referral
	case "ai", "llm", "chatbot", "ai-assistant", "ai_assistant":
		return AI
	}
	if strings.HasPrefix(medium, "paid") {
		return Paid
	}
	return ""
}

// bySource takes a source that names a known place: utm_source=linkedin, chatgpt.com, weixin.
func bySource(source string) string {
	if source == "" {
		return ""
	}
	if channel := names[source]; channel != "" {
		return channel
	}
	if channel := places[source]; channel != "" {
		return channel
	}
	return places[source+".com"]
}

func byReferrer(from, own string) string {
	if strings.TrimPrefix(from, "www.") == strings.TrimPrefix(own, "www.") {
		return Internal
	}
	for host := from; host != ""; {
		if channel := places[host]; channel != "" {
			return channel
		}
		label, rest, _ := strings.Cut(host, ".")
		if (label == "mail" || label == "webmail") && rest != "" {
			return Mail // the web mails of companies and universities
		}
		// google.de, google.co.uk: the countries are too many to list.
		if national[label] && strings.Count(rest, ".") <= 1 && len(rest) <= len("com.xx") {
			return Search
		}
		host = rest
	}
	return Referral
}
