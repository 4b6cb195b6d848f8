package geo

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// database makes a real mmdb file's bytes.
func database(t testing.TB, kind string, built int64, records map[string]mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, BuildEpoch: built, IncludeReservedNetworks: true})
	require.NoError(t, err)
	for network, record := range records {
		_, parsed, err := net.ParseCIDR(network)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(parsed, record))
	}
	var out bytes.Buffer
	_, err = tree.WriteTo(&out)
	require.NoError(t, err)
	return out.Bytes()
}

func city(country, region, name string) mmdbtype.Map {
	english := func(text string) mmdbtype.Map {
		return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(text)}}
	}
	return mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}, "city": english(name),
		"subdivisions": mmdbtype.Slice{english(region)},
	}
}

func system(number uint32, owner string) mmdbtype.Map {
	return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number), "autonomous_system_organization": mmdbtype.String(owner)}
}

const day = 1772409600 // 2026-03-02

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// files are a small world in a folder.
func files(t testing.TB) Config {
	dir := t.TempDir()
	c := Config{File: filepath.Join(dir, "city.mmdb"), ASNFile: filepath.Join(dir, "asn.mmdb"), Networks: filepath.Join(dir, "networks.txt"), Check: time.Second}
	write(t, c.File, database(t, "GeoLite2-City", day, map[string]mmdbtype.Map{
		"203.0.113.0/24": city("DE", "Bavaria", "Munich"), "2001:db8::/32": city("CN", "Zhejiang", "Hangzhou"), "198.51.100.0/24": city("US", "Ohio", "Columbus"),
	}))
	write(t, c.ASNFile, database(t, "GeoLite2-ASN", day, map[string]mmdbtype.Map{
		"203.0.113.0/24": system(64500, "Deutsche Acme AG"), "198.51.100.0/24": system(64501, "AMAZON-02"), "192.0.2.0/24": system(64502, "PROOFPOINT-ASN-US-EAST"),
	}))
	write(t, c.Networks, []byte("# ours\n203.0.113.128/25 scanner Acme Mail Guard # links\n198.51.100.0/28\toffice\nAS64503 datacentre Nobody\n2001:db8:1::/48 datacentre Acme Cloud\n"))
	return c
}

func open(t testing.TB, c Config) *Atlas {
	t.Helper()
	a, err := New(c, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.NoError(t, err)
	return a
}

func TestFind(t *testing.T) {
	a := open(t, files(t))
	for ip, want := range map[string]Place{
		"203.0.113.7":        {"DE", "Bavaria", "Munich", "", "Deutsche Acme AG"},
		"::ffff:203.0.113.7": {"DE", "Bavaria", "Munich", "", "Deutsche Acme AG"},
		"203.0.113.200":      {"DE", "Bavaria", "Munich", Scanner, "Acme Mail Guard"}, // the file is narrower
		"198.51.100.77":      {"US", "Ohio", "Columbus", Datacentre, "AMAZON-02"},     // by the owner's name
		"198.51.100.7":       {"US", "Ohio", "Columbus", Office, "AMAZON-02"},         // unless the file knows better
		"192.0.2.1":          {"", "", "", Scanner, "PROOFPOINT-ASN-US-EAST"},
		"2001:db8::1":        {"CN", "Zhejiang", "Hangzhou", "", ""},
		"2001:db8:1::1":      {"CN", "Zhejiang", "Hangzhou", Datacentre, "Acme Cloud"},
		"10.0.0.1":           {}, "": {}, "no address": {}, "fe80::1%eth0": {},
	} {
		require.Equal(t, want, a.Find(ip), ip)
	}
	require.Regexp(t, `^geo/GeoLite2-City-2026-03-02 geo/GeoLite2-ASN-2026-03-02 networks/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, a.Version())
}

// ip-location-db's databases are flat, and need no licence key.
func TestFlatDatabases(t *testing.T) {
	c := Config{File: filepath.Join(t.TempDir(), "country.mmdb"), Check: time.Second}
	write(t, c.File, database(t, "ipv4 country", day, map[string]mmdbtype.Map{
		"203.0.113.0/24": {"country_code": mmdbtype.String("FR"), "state1": mmdbtype.String("Brittany"), "city": mmdbtype.String("Brest")},
	}))
	a := open(t, c)
	require.Equal(t, Place{Country: "FR", Region: "Brittany", City: "Brest"}, a.Find("203.0.113.7"))
	require.Equal(t, "geo/ipv4-country-2026-03-02", a.Version())
}

func TestWithoutFilesNothingIsKnown(t *testing.T) {
	a := open(t, DefaultConfig())
	require.Equal(t, Place{}, a.Find("203.0.113.7"))
	require.Empty(t, a.Version())
	a.Run(t.Context()) // ends at once
}

// All files that cannot be read are named at once, each with its key.
func TestFaultsAtTheStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "no.mmdb"), []byte("not a database"))
	write(t, filepath.Join(dir, "networks.txt"), []byte("10.0.0.0/8 datacentre\n203.0.113.0/24 castle X\n"))
	_, err := New(Config{File: filepath.Join(dir, "no.mmdb"), ASNFile: filepath.Join(dir, "absent.mmdb"), Networks: filepath.Join(dir, "networks.txt"), Check: time.Second},
		Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.ErrorContains(t, err, "ingest.geoip.file: ")
	require.ErrorContains(t, err, "ingest.geoip.asn_file: ")
	require.ErrorContains(t, err, "ingest.geoip.networks_file: ")
	require.ErrorContains(t, err, `line 2: must be NETWORK, then datacentre, scanner or office, then whose it is (got "203.0.113.0/24 castle X")`)
	for _, bad := range []string{"ASx datacentre y", "203.0.113.0 scanner y", "203.0.113.0/33 scanner"} {
		_, _, _, err := parseNetworks([]byte(bad), time.Now())
		require.ErrorContains(t, err, "line 1: ")
	}
	require.ErrorContains(t, Config{}.Validate(), "check: must be 1s..24h")
}

func TestAChangedFileIsRead(t *testing.T) {
	c := files(t)
	log, said := observer.New(zap.InfoLevel)
	a, err := New(c, Deps{Log: zap.New(log), Registry: prometheus.NewRegistry()})
	require.NoError(t, err)
	a.refresh()
	require.Zero(t, said.Len(), "nothing has changed")

	write(t, c.File, []byte("half a file, longer than nothing"))
	for range 3 {
		a.refresh()
	}
	require.Equal(t, 1, said.FilterMessageSnippet("cannot be read").Len(), "a fault is told once")
	require.Equal(t, 1.0, testutil.ToFloat64(a.metrics.failed.WithLabelValues("file")))
	require.Equal(t, "Munich", a.Find("203.0.113.7").City, "the file before stays in use")

	write(t, c.File, database(t, "GeoLite2-City", day+86400, map[string]mmdbtype.Map{"203.0.113.0/24": city("AT", "Tyrol", "Innsbruck")}))
	a.refresh()
	require.Equal(t, "Innsbruck", a.Find("203.0.113.7").City)
	require.Contains(t, a.Version(), "geo/GeoLite2-City-2026-03-03")
	require.Equal(t, float64(day+86400), testutil.ToFloat64(a.metrics.built.WithLabelValues("file")))

	require.NoError(t, os.Remove(c.Networks))
	a.refresh()
	a.refresh()
	require.Equal(t, 2, said.FilterMessageSnippet("cannot be read").Len())
	require.Equal(t, Scanner, a.Find("203.0.113.200").Network)
}

// Run sees the change by itself, while others ask.
func TestRunReadsWhileOthersAsk(t *testing.T) {
	c := files(t)
	a := open(t, c)
	a.check = 5 * time.Millisecond
	go a.Run(t.Context())
	write(t, c.File, database(t, "GeoLite2-City", day+86400, map[string]mmdbtype.Map{"203.0.113.0/24": city("AT", "Tyrol", "Innsbruck")}))
	require.Eventually(t, func() bool { return a.Find("203.0.113.7").City == "Innsbruck" }, time.Minute, time.Millisecond)
}

func BenchmarkFind(b *testing.B) {
	a := open(b, files(b))
	for _, ip := range []string{"203.0.113.7", "203.0.113.200", "10.0.0.1"} {
		b.Run(ip, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a.Find(ip)
			}
		})
	}
}
