package channel

import "strings"

// advertised tells whether a query carries a click id that only paid clicks have. fbclid is not one: every link out of Facebook
// has it. Nor is any name that pages use for ids of their own, as clickid.
func advertised(query string) bool {
	if query == "" {
		return false
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if len(name) < 4 || len(name) > 9 || value == "" {
			continue
		}
		switch name {
		case "gclid", "gbraid", "wbraid", "dclid", // Google
			"msclkid",             // Microsoft
			"yclid",               // Yandex
			"li_fat_id", "twclid", // LinkedIn, X
			"ttclid", "rdt_cid", // TikTok, Reddit
			"epik", "ScCid", "sccid", // Pinterest, Snapchat
			"tblci", "dicbo", // Taboola, Outbrain
			"bd_vid", "qhclickid", // Baidu, 360
			"qz_gdt", "gdt_vid": // Tencent, WeChat
			return true
		}
	}
	return false
}
