package channel

var national = map[string]bool{"google": true, "yandex": true, "yahoo": true}

// names are what campaigns call a place, where that is not the first part of its .com.
var names = map[string]string{
	"newsletter": Mail, "email": Mail, "edm": Mail,
	"wechat": Social, "weixin": Social, "wecom": Social, "xhs": Social, "twitter": Social, "x": Social, "ig": Social, "fb": Social, "mastodon": Social,
	"chatgpt": AI, "perplexity": AI, "gemini": AI, "copilot": AI, "claude": AI, "grok": AI, "yuanbao": AI, "qwen": AI, "tongyi": AI, "mistral": AI,
}

// places are hosts with all that is below them; the more precise name wins. Those with the points turned round are apps, as
// Android's referrers name them.
var places = map[string]string{
	"google.com": Search, "bing.com": Search, "duckduckgo.com": Search, "yahoo.com": Search, "yandex.com": Search, "yandex.ru": Search, "ya.ru": Search,
	"ecosia.org": Search, "qwant.com": Search, "search.brave.com": Search, "startpage.com": Search, "kagi.com": Search, "mojeek.com": Search,
	"seznam.cz": Search, "naver.com": Search, "daum.net": Search, "coccoc.com": Search, "search.aol.com": Search, "ask.com": Search, "petalsearch.com": Search,
	"baidu.com": Search, "sogou.com": Search, "so.com": Search, "haosou.com": Search, "sm.cn": Search, "chinaso.com": Search, "so.toutiao.com": Search,
	"com.google.android.googlequicksearchbox": Search, "com.baidu.searchbox": Search,

	"facebook.com": Social, "fb.com": Social, "fb.me": Social, "instagram.com": Social, "threads.net": Social, "threads.com": Social, "linkedin.com": Social,
	"lnkd.in": Social, "t.co": Social, "twitter.com": Social, "x.com": Social, "youtube.com": Social, "youtu.be": Social, "tiktok.com": Social,
	"reddit.com": Social, "pinterest.com": Social, "bsky.app": Social, "mastodon.social": Social, "news.ycombinator.com": Social, "snapchat.com": Social,
	"xing.com": Social, "vk.com": Social, "ok.ru": Social, "quora.com": Social, "tumblr.com": Social, "line.me": Social, "slack.com": Social,
	"discord.com": Social, "t.me": Social, "telegram.org": Social, "web.whatsapp.com": Social, "wa.me": Social, "teams.microsoft.com": Social,
	"weibo.com": Social, "weibo.cn": Social, "t.cn": Social, "zhihu.com": Social, "xiaohongshu.com": Social, "xhslink.com": Social, "douyin.com": Social,
	"iesdouyin.com": Social, "kuaishou.com": Social, "bilibili.com": Social, "b23.tv": Social, "toutiao.com": Social, "douban.com": Social,
	"tieba.baidu.com": Social, "weixin.qq.com": Social, "servicewechat.com": Social, "okjike.com": Social, "maimai.cn": Social, "juejin.cn": Social,
	"csdn.net": Social, "v2ex.com": Social,
	"com.linkedin.android": Social, "com.tencent.mm": Social, "com.tencent.wework": Social, "com.sina.weibo": Social, "com.ss.android.ugc.aweme": Social,
	"com.zhihu.android": Social, "com.xingin.xhs": Social, "com.twitter.android": Social, "com.facebook.katana": Social, "com.instagram.android": Social,
	"com.reddit.frontpage": Social, "com.slack": Social, "org.telegram.messenger": Social, "com.whatsapp": Social,

	"mail.google.com": Mail, "outlook.live.com": Mail, "outlook.office.com": Mail, "outlook.office365.com": Mail, "mail.yahoo.com": Mail, "e.mail.ru": Mail,
	"mail.qq.com": Mail, "exmail.qq.com": Mail, "mail.163.com": Mail, "mail.126.com": Mail, "qiye.163.com": Mail, "qiye.aliyun.com": Mail, "app.fastmail.com": Mail,
	"mail.proton.me": Mail, "com.google.android.gm": Mail, "com.microsoft.office.outlook": Mail, "com.tencent.androidqqmail": Mail, "com.netease.mail": Mail,

	"chatgpt.com": AI, "chat.openai.com": AI, "openai.com": AI, "perplexity.ai": AI, "claude.ai": AI, "gemini.google.com": AI, "bard.google.com": AI,
	"notebooklm.google.com": AI, "copilot.microsoft.com": AI, "copilot.cloud.microsoft": AI, "m365.cloud.microsoft": AI, "edgeservices.bing.com": AI,
	"poe.com": AI, "you.com": AI, "grok.com": AI, "x.ai": AI, "chat.mistral.ai": AI, "meta.ai": AI, "phind.com": AI, "felo.ai": AI, "genspark.ai": AI,
	"deepseek.com": AI, "kimi.com": AI, "moonshot.cn": AI, "doubao.com": AI, "yuanbao.tencent.com": AI, "tongyi.com": AI, "tongyi.aliyun.com": AI,
	"qianwen.com": AI, "qwen.ai": AI, "yiyan.baidu.com": AI, "chat.baidu.com": AI, "chatglm.cn": AI, "z.ai": AI, "metaso.cn": AI, "xinghuo.xfyun.cn": AI,
	"hailuoai.com": AI, "n.cn": AI,
	"com.openai.chatgpt": AI, "ai.perplexity.app.android": AI, "com.anthropic.claude": AI, "com.deepseek.chat": AI, "com.larus.nova": AI,
}
