package ingest

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose word about a client's address is believed.
type proxies []netip.Prefix

func newProxies(texts []string) proxies {
	var list proxies
	for _, text := range texts {
		if prefix, err := netip.ParsePrefix(text); err == nil { // Config.Validate has refused the others
			list = append(list, prefix.Masked())
		}
	}
	return list
}

func (p proxies) trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// textOf is an address as events carry it, empty for none.
func textOf(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// clientIP is the last address on the way (none if it cannot be told) that none of our proxies vouches for. X-Forwarded-For is read from its end: its
// beginning is whatever the client wrote there.
func (p proxies) clientIP(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !p.trust(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap().WithZone("")
		if !p.trust(addr) {
			break
		}
	}
	return addr
}
