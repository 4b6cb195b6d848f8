package ingest

import "strings"

// plainAddress reads the addresses that nearly all pages have: http or https, a host without a port, nothing escaped in the path, no
// fragment. What it reads, url.Parse reads the same (FuzzPlainAddress), at five times the price; all others are left to it.
func plainAddress(text string) (host, path, query string, ok bool) {
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "http://"); !ok {
			return "", "", "", false
		}
	}
	end := 0
	for end < len(rest) && inHost[rest[end]] {
		end++
	}
	host, path = rest[:end], rest[end:]
	if host == "" || path != "" && path[0] != '/' && path[0] != '?' {
		return "", "", "", false
	}
	asked := -1
	for i := range len(path) {
		switch b := path[i]; {
		case b < ' ', b == 0x7f, b == '#', b == '%' && asked < 0:
			return "", "", "", false
		case b == '?' && asked < 0:
			asked = i
		}
	}
	if asked >= 0 {
		path, query = path[:asked], path[asked+1:]
	}
	return host, path, query, true
}

// inHost are the bytes of a plain host.
var inHost = func() (is [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") {
		is[b] = true
	}
	return is
}()
