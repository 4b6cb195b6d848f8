package agent

import (
	"strings"

	"github.com/mileusna/useragent"
)

type mark struct{ sign, means string }

// apps hold a browser of another name: to the site it matters that the visitor is in WeChat.
var apps = []mark{
	{"wxwork/", "WeCom"}, {"micromessenger/", "WeChat"}, {"dingtalk", "DingTalk"}, {"lark/", "Feishu"}, {"feishu", "Feishu"},
	{"alipayclient", "Alipay"}, {"baiduboxapp", "Baidu"}, {"baidubrowser", "Baidu"}, {"aweme", "Douyin"}, {"xhsminiapp", "Xiaohongshu"},
	{"discover/", "Xiaohongshu"}, {"weibo (", "Weibo"}, {"__weibo__", "Weibo"}, {"newsarticle/", "Toutiao"}, {"quark/", "Quark"},
	{"qqbrowser/", "QQ"}, {"ucbrowser/", "UC"}, {"miuibrowser/", "Mi"}, {"huaweibrowser/", "Huawei"}, {"vivobrowser/", "Vivo"},
	{"heytapbrowser/", "Oppo"}, {"qihu", "360"}, {"360se", "360"}, {"metasr", "Sogou"}, {"yabrowser/", "Yandex"}, {"samsungbrowser/", "Samsung Internet"},
	{" opt/", "Opera"}, {" gsa/", "Google app"}, {" ddg/", "DuckDuckGo"}, {"duckduckgo/", "DuckDuckGo"}, {"snapchat/", "Snapchat"}, {"fban/", "Facebook"}, {"fbav/", "Facebook"},
}

// ours are the library's names that we write otherwise.
var ours = map[string]string{
	"Headless Chrome": "Chrome", "HeadlessChrome": "Chrome", "Chromium": "Chrome", "Android browser": "Android", "iPhone": "Safari", "iPad": "Safari",
	"Samsung Browser": "Samsung Internet", "Opera Mini": "Opera", "Opera Touch": "Opera", "Trident": "Internet Explorer",
}

func browser(userAgent, lower string) (name, system string) {
	read := useragent.Parse(userAgent)
	if name = named(lower, apps); name == "" {
		name = plain(read.Name)
	}
	if strings.Contains(lower, "harmony") { // it claims to be an Android, or nothing that the library knows
		return name, "HarmonyOS"
	}
	return name, plain(read.OS)
}

func named(lower string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(lower, m.sign) {
			return m.means
		}
	}
	return ""
}

func plain(name string) string {
	if better, ok := ours[name]; ok {
		return better
	}
	return strings.Clone(name) // else a piece of the request
}
