package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
	"leadstream/schemas"
)

// Any bytes on any port: nobody panics, nobody ends, and the next visitor is
// served as if nothing had been.
func TestNoiseOnEveryPortEndsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, flag := range houseFlags {
		for range 12 {
			sendNoise(t, h.ports[flag], noise(r))
		}
	}
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("after", "ann", "/pricing", time.Now())+`]}`))
	id := schemas.NewLeadID("demo/ann").String()
	var page struct{ Lead leads.Lead }
	require.Eventually(t, func() bool { return h.getJSON(t, "/v1/leads/"+id, &page) == http.StatusOK }, time.Minute, 50*time.Millisecond)
	require.NotContains(t, h.out.String(), "panic")
	require.Zero(t, h.stop())
}

// noise is random bytes, an HTTP request gone wrong, or a Kafka frame whose
// length lies.
func noise(r *rand.Rand) []byte {
	b := make([]byte, 8+r.IntN(4096))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	switch r.IntN(4) {
	case 0:
		return append([]byte("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), b...)
	case 1:
		return append([]byte("GET /\x00\xff HTTP/9.9\r\n\r\n"), b...)
	case 2:
		binary.BigEndian.PutUint32(b, uint32(r.IntN(1<<31)))
		return b
	}
	return bytes.Repeat(b[:1], len(b))
}

func sendNoise(t *testing.T, addr string, b []byte) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	require.NoError(t, err, "%s must still listen", addr)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond)) // whoever waits for more bytes waits in vain
	_, _ = conn.Write(b)
	_, _ = conn.Read(make([]byte, 512))
}
