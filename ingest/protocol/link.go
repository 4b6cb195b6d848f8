package protocol

import (
	"net/url"
	"path"
	"strings"
)

// downloads are the endings that our own tracker takes for a file.
var downloads = map[string]bool{
	".pdf": true, ".doc": true, ".docx": true, ".xls": true, ".xlsx": true, ".ppt": true, ".pptx": true, ".csv": true, ".zip": true,
	".tgz": true, ".gz": true, ".dmg": true, ".exe": true, ".msi": true, ".deb": true, ".rpm": true, ".mp3": true, ".mp4": true, ".epub": true,
}

// linkKind is the word that our own tracker has for where a click leads, so that a rule about downloads or mails need not
// know which client has sent it.
func linkKind(href, page string) string {
	u, err := url.Parse(href)
	if err != nil {
		return "link"
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "mailto" || scheme == "tel":
		return scheme
	case downloads[strings.ToLower(path.Ext(u.Path))]:
		return "download"
	}
	if from, err := url.Parse(page); err == nil && u.Host != "" && !strings.EqualFold(u.Host, from.Host) {
		return "outbound"
	}
	return "link"
}
