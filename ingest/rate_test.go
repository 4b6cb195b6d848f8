package ingest

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sec = int64(time.Second)

func TestABucketIsFilledAndEmptied(t *testing.T) {
	var b bucket
	now, burst := 1000*sec, 10*sec
	for i := range 11 { // 1 a second: ten in reserve, and the one that is due
		require.Zero(t, b.take(now, sec, burst), i)
	}
	require.Equal(t, sec, b.take(now, sec, burst), "and now one second's wait")
	require.Zero(t, b.take(now+sec, sec, burst))
	require.NotZero(t, b.take(now+sec, sec, burst))
	b.charge(now, 5000*sec, burst)
	require.Equal(t, burst, b.take(now, sec, burst), "whatever a batch held, nobody waits longer than a burst")
	require.Zero(t, b.take(now+1000*sec, sec, burst), "time heals")
}

func TestTheTableOfBucketsIsBounded(t *testing.T) {
	all := newBuckets()
	busy := netip.MustParsePrefix("192.0.2.1/32")
	take := func(b *bucket) int64 { return b.take(sec, sec, sec) }
	for i := range 20 * mostBuckets * len(all.shards) {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		all.of(netip.PrefixFrom(addr, 32), sec, take)
		if i == 0 {
			all.of(busy, sec, take)
		}
	}
	n := 0
	for i := range all.shards {
		n += len(all.shards[i].full)
	}
	require.LessOrEqual(t, n, mostBuckets*len(all.shards))

	quiet := newBuckets()
	for i := range 10 * mostBuckets { // those whose time is over make room; one who is in debt stays
		now := sec * int64(i)
		quiet.of(sourceOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), now, func(b *bucket) int64 { return b.take(now, 1, 1) })
		quiet.of(busy, now, func(b *bucket) int64 { b.charge(now, 100*sec, 100*sec); return 0 })
	}
	require.NotZero(t, quiet.of(busy, 10*mostBuckets*sec, func(b *bucket) int64 { return b.take(10*mostBuckets*sec, 1, sec) }))
}

func TestASourceIsWhatOneSubscriberOwns(t *testing.T) {
	same := func(a, b string) bool { return sourceOf(netip.MustParseAddr(a)) == sourceOf(netip.MustParseAddr(b)) }
	require.True(t, same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"))
	require.False(t, same("2001:db8:1:2::1", "2001:db8:1:3::1"))
	require.False(t, same("192.0.2.1", "192.0.2.2"))
	require.Equal(t, netip.Prefix{}, sourceOf(netip.Addr{}))
}

// limited is a collector that believes loopback about addresses, so that one test can be many people.
func limited(t *testing.T, rate RateConfig, alter ...func(*Config, *Deps)) (*fixture, []KafkaOption) {
	_, opts := broker(t)
	now := time.Now() // stands still
	return start(t, opts, append([]func(*Config, *Deps){func(c *Config, d *Deps) {
		c.Rate, c.TrustedProxies = rate, []string{"127.0.0.0/8"}
		d.Now = func() time.Time { return now }
	}}, alter...)...), opts
}

func TestWhoeverSendsTooMuchIs429(t *testing.T) {
	f, opts := limited(t, RateConfig{PerIP: 1, Burst: 5 * time.Second})
	send := func(ip, id string, headers ...string) (*http.Response, string) {
		return f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a","event_id":"`+id+`"}`,
			append([]string{"X-Forwarded-For", ip, "Content-Type", "application/json", "Origin", "https://acme.example"}, headers...)...)
	}
	for i := range 6 {
		answer, body := send("203.0.113.1", fmt.Sprint("ok", i))
		require.Equal(t, 200, answer.StatusCode, body)
	}
	answer, body := send("203.0.113.1", "no")
	refusedWithWord(t, answer, body, rateLimited)
	require.Equal(t, "1", answer.Header.Get("Retry-After"))
	require.Equal(t, "Retry-After", answer.Header.Get("Access-Control-Expose-Headers"), "a page can read it")
	require.Contains(t, body, "this address may send 1 events a second")

	answer, _ = send("203.0.113.2", "other")
	require.Equal(t, 200, answer.StatusCode, "another address is another matter")
	answer, _ = send("2001:db8::1", "v6")
	require.Equal(t, 200, answer.StatusCode)
	answer, _ = send("203.0.113.1", "server", "Authorization", "Bearer demo-secret")
	require.Equal(t, 200, answer.StatusCode, "a server with a secret key speaks for many")
	answer, body = send("203.0.113.1", "beacon", "Content-Type", "text/plain")
	refusedWithWord(t, answer, body, rateLimited) // there is no spool here
	events, _ := stored(t, opts)
	require.Len(t, events, 9)
	require.NotContains(t, events, "no")
	require.Equal(t, 2.0, f.value(t, "leadstream_ingest_rate_limited_total", "by", "ip", "how", "refused"))
	require.Equal(t, 2.0, f.value(t, "leadstream_ingest_refused_total", "reason", "rate_limited"))
}

// TestABatchCountsByItsEvents: one request, known to be twenty only after it was read, is paid for by the next.
func TestABatchCountsByItsEvents(t *testing.T) {
	f, _ := limited(t, RateConfig{PerKey: 2, Burst: 5 * time.Second}, func(c *Config, _ *Deps) { c.Sites[1].Rate = 1000 })
	batch := `{"writeKey":"KEY","batch":[` + strings.TrimSuffix(strings.Repeat(`{"type":"track","userId":"u","event":"x"},`, 20), ",") + `]}`
	answer, body := f.ask(t, "POST", "/v1/batch", strings.Replace(batch, "KEY", "demo", 1))
	require.Equal(t, 200, answer.StatusCode, body)
	answer, body = f.ask(t, "POST", "/v1/batch", strings.Replace(batch, "KEY", "demo", 1))
	refusedWithWord(t, answer, body, rateLimited)
	wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, 5, wait, "20 events at 2 a second, less the burst of 5 s")
	answer, body = f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`, "X-Forwarded-For", "203.0.113.9")
	refusedWithWord(t, answer, body, rateLimited) // a key is a key, wherever it comes from
	for range 5 {
		answer, body = f.ask(t, "POST", "/v1/batch", strings.Replace(batch, "KEY", "shop", 1))
		require.Equal(t, 200, answer.StatusCode, "this site has a rate of its own: %s", body)
	}
	require.Equal(t, 2.0, f.value(t, "leadstream_ingest_rate_limited_total", "by", "key", "how", "refused"))
}

// TestABeaconIsTakenAllTheSame: what cannot come again goes to the disk, up to as much again as the limit.
func TestABeaconIsTakenAllTheSame(t *testing.T) {
	f, opts := limited(t, RateConfig{PerIP: 1, Burst: 5 * time.Second}, func(c *Config, _ *Deps) { c.Spool.Dir = t.TempDir() })
	n, kept, refused := 0, 0, 0
	try := func(method, path, body string, headers ...string) bool {
		answer, _ := f.ask(t, method, path+fmt.Sprintf("&event_id=e%d", n), strings.Replace(body, "ID", fmt.Sprintf("e%d", n), 1), headers...)
		n++
		if answer.StatusCode == 200 {
			kept++
		} else {
			require.Equal(t, 429, answer.StatusCode)
			refused++
		}
		return answer.StatusCode == 200
	}
	page := `{"type":"page","anonymous_id":"a","event_id":"ID"}`
	for range 6 {
		require.True(t, try("POST", "/v1/events?key=demo", page, "Content-Type", "text/plain"))
	}
	require.Zero(t, f.value(t, "leadstream_ingest_spool_appends_total"), "within the limit the broker has them")
	require.False(t, try("POST", "/v1/events?key=demo", page, "Content-Type", "application/json"))
	require.False(t, try("POST", "/v1/events?key=demo", page, "Content-Type", "text/plain", "Sec-Fetch-Mode", "cors"), "fetch hears the answer, and comes again")
	require.True(t, try("POST", "/v1/events?key=demo", page, "Content-Type", "text/plain"))
	require.True(t, try("POST", "/v1/events?key=demo", page, "Content-Type", "application/json", "Sec-Fetch-Mode", "no-cors"))
	require.True(t, try("GET", "/v1/pixel.gif?key=demo&type=page&anonymous_id=a", ""))
	for range 10 {
		try("POST", "/v1/events?key=demo", page, "Content-Type", "text/plain")
	}
	require.Equal(t, 12, kept, "twice the limit, and no more: what a beacon is is in the sender's hands")
	f.drained(t)
	events, _ := stored(t, opts)
	require.Len(t, events, kept)
	require.Equal(t, 6.0, f.value(t, "leadstream_ingest_spool_appends_total"))
	require.Equal(t, 6.0, f.value(t, "leadstream_ingest_rate_limited_total", "by", "ip", "how", "spooled"))
	require.Equal(t, float64(refused), f.value(t, "leadstream_ingest_rate_limited_total", "by", "ip", "how", "refused"))
}
