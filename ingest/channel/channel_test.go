package channel

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReferrers(t *testing.T) {
	for want, hosts := range map[string][]string{
		Search: {"www.google.com", "www.google.co.uk", "google.de", "search.yahoo.co.jp", "yandex.kz", "duckduckgo.com", "www.baidu.com", "m.baidu.com",
			"www.sogou.com", "www.so.com", "m.sm.cn", "cn.bing.com", "com.google.android.googlequicksearchbox"},
		Social: {"www.linkedin.com", "t.co", "l.facebook.com", "mp.weixin.qq.com", "weixin.qq.com", "m.weibo.cn", "www.douyin.com", "v.douyin.com",
			"www.xiaohongshu.com", "link.zhihu.com", "www.zhihu.com", "tieba.baidu.com", "com.tencent.mm", "www.bilibili.com"},
		Mail: {"mail.google.com", "com.google.android.gm", "mail.qq.com", "exmail.qq.com", "mail.163.com", "outlook.office.com", "webmail.acme.example"},
		AI: {"chatgpt.com", "chat.openai.com", "www.perplexity.ai", "gemini.google.com", "copilot.microsoft.com", "claude.ai", "chat.deepseek.com",
			"www.doubao.com", "www.kimi.com", "kimi.moonshot.cn", "yuanbao.tencent.com", "tongyi.aliyun.com", "yiyan.baidu.com", "chatglm.cn", "grok.com"},
		Referral: {"google.evil.example.org", "notgoogle.com", "news.example", "notmail.example", "mail"},
		Internal: {"acme.example", "www.acme.example"},
	} {
		for _, host := range hosts {
			require.Equal(t, want, Of(Visit{Host: "www.acme.example", ReferrerHost: host}), host)
		}
	}
}

func TestCampaigns(t *testing.T) {
	for want, visits := range map[string][]Visit{
		Paid: {{Medium: "cpc", Source: "google"}, {Medium: "Paid-Social"}, {Medium: "sem", Source: "baidu"}, {Medium: "oCPC"},
			{Query: "gclid=1", ReferrerHost: "www.google.com"}, {Query: "x=1&msclkid=1"}, {LandingQuery: "ttclid=9"}, {Query: "bd_vid=8"}, {Query: "qz_gdt=1"},
			{Query: "gdt_vid=1"}, {Query: "yclid=1"}, {Query: "qhclickid=1"}, {Query: "li_fat_id=1", Source: "linkedin"}, {Query: "utm_source=x&wbraid=1"}},
		Mail:     {{Medium: "email", ReferrerHost: "chatgpt.com"}, {Medium: "EDM"}, {Source: "newsletter"}},
		Social:   {{Source: "linkedin"}, {Source: "WeChat"}, {Source: "weixin"}, {Source: "douyin"}, {Source: "xiaohongshu"}, {Source: "zhihu"}, {Medium: "social"}, {Query: "fbclid=1", ReferrerHost: "l.facebook.com"}},
		AI:       {{Source: "chatgpt.com"}, {Source: "perplexity"}, {Source: "doubao"}, {Source: "kimi"}, {Source: "deepseek"}, {Medium: "ai"}, {Source: "copilot"}},
		Search:   {{Source: "baidu"}, {Medium: "organic"}, {Source: "google", ReferrerHost: "news.example"}},
		Referral: {{Source: "partner-x"}, {Medium: "affiliate"}, {Campaign: "spring"}},
		Direct:   {{}, {Query: "notgclid=1"}, {Query: "gclid="}, {Query: "clickid=1"}},
	} {
		for _, v := range visits {
			v.Host = "www.acme.example"
			require.Equal(t, want, Of(v), "%+v", v)
		}
	}
	require.Empty(t, Of(Visit{}), "a screen of an app")
}

func BenchmarkOf(b *testing.B) {
	b.ReportAllocs()
	v := Visit{Host: "www.acme.example", ReferrerHost: "www.google.co.uk", Query: "utm_campaign=spring&plan=team&page=2"}
	for b.Loop() {
		Of(v)
	}
}
