package geo

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of network that a file may name.
const (
	Datacentre = "datacentre" // servers; but also VPNs and proxies of people: a hint, no verdict
	Scanner    = "scanner"    // opens the links of mails before their reader does: a machine
	Office     = "office"     // people at work, whatever the owner's name suggests
)

// networks is a file of networks: the narrowest counts.
//
//	203.0.113.0/24   scanner     Mimecast
//	2001:db8::/32    datacentre  Acme Cloud
//	AS64500          datacentre  Acme Cloud
//	# a comment
type networks struct {
	lengths []int // of the prefixes there are, longest first
	ranges  map[netip.Prefix]holder
	systems map[uint]holder
}

type holder struct{ kind, owner string }

func parseNetworks(text []byte, modified time.Time) (*networks, time.Time, string, error) {
	n := &networks{ranges: map[netip.Prefix]holder{}, systems: map[uint]holder{}}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := n.add(words); err != nil {
			return nil, time.Time{}, "", fmt.Errorf("line %d: %w", number, err)
		}
	}
	slices.SortFunc(n.lengths, func(a, b int) int { return cmp.Compare(b, a) })
	n.lengths = slices.Compact(n.lengths)
	return n, modified, "networks/" + modified.UTC().Format("2006-01-02T15:04:05Z"), nil
}

func (n *networks) add(words []string) error {
	if len(words) < 2 || words[1] != Datacentre && words[1] != Scanner && words[1] != Office {
		return fmt.Errorf("must be NETWORK, then datacentre, scanner or office, then whose it is (got %q)", strings.Join(words, " "))
	}
	h := holder{words[1], strings.Join(words[2:], " ")}
	if digits, ok := strings.CutPrefix(strings.ToUpper(words[0]), "AS"); ok {
		system, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no number of a network such as AS64500", words[0])
		}
		n.systems[uint(system)] = h
		return nil
	}
	prefix, err := netip.ParsePrefix(words[0])
	if err != nil {
		return fmt.Errorf("%q is no network such as 203.0.113.0/24", words[0])
	}
	n.ranges[prefix.Masked()] = h
	n.lengths = append(n.lengths, prefix.Bits())
	return nil
}

// find says what the file knows of the address, else of its autonomous system.
func (n *networks) find(addr netip.Addr, system uint, p *Place) {
	h, ok := holder{}, false
	for _, bits := range n.lengths {
		if prefix, err := addr.Prefix(bits); err == nil { // an IPv4 address has none of 48 bits
			if h, ok = n.ranges[prefix]; ok {
				break
			}
		}
	}
	if !ok && system != 0 {
		h, ok = n.systems[system]
	}
	if !ok {
		return
	}
	p.Network = h.kind
	if h.owner != "" {
		p.Owner = h.owner
	}
}

// owners are words in the names of networks' owners, small letters, that leave no doubt what the network is for. Providers that
// also connect people (Google, Microsoft, Tencent, OVH) are not among them but by the name of their cloud.
var owners = []struct{ word, kind string }{
	{"proofpoint", Scanner}, {"mimecast", Scanner}, {"barracuda", Scanner}, {"messagelabs", Scanner}, {"forcepoint", Scanner}, {"hornetsecurity", Scanner},
	{"amazon", Datacentre}, {"google-cloud", Datacentre}, {"google cloud", Datacentre}, {"digitalocean", Datacentre}, {"hetzner", Datacentre},
	{"linode", Datacentre}, {"vultr", Datacentre}, {"choopa", Datacentre}, {"contabo", Datacentre}, {"leaseweb", Datacentre}, {"scaleway", Datacentre},
	{"alibaba cloud", Datacentre}, {"alibaba-cn", Datacentre}, {"huawei cloud", Datacentre}, {"tencent cloud", Datacentre}, {"oracle cloud", Datacentre}, {"oracle-bmc", Datacentre},
	{"hosting", Datacentre}, {"datacenter", Datacentre}, {"data center", Datacentre}, {"colocation", Datacentre}, {"dedicated server", Datacentre},
}

func kindOf(owner string) string {
	if owner == "" {
		return ""
	}
	owner = strings.ToLower(owner)
	for _, o := range owners {
		if strings.Contains(owner, o.word) {
			return o.kind
		}
	}
	return ""
}
