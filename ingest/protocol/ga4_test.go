package protocol

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the events of a request share stands in each of them: a small request must not become gigabytes.
func TestWhatEventsShareIsBounded(t *testing.T) {
	limits := Limits{Events: 2500, Bytes: 32 << 10}
	gtag := func(shared, lines int) error {
		query := url.Values{"tid": {"G-1"}, "cid": {"1"}, "dt": {strings.Repeat("x", shared)}}
		_, err := GA4(Request{Query: query, Body: strings.Repeat("en=a\n", lines), Limits: limits})
		return err
	}
	measurement := func(shared, events int) error {
		body := fmt.Sprintf(`{"client_id":"1","user_properties":{"a":{"value":%q}},"events":[%s]}`,
			strings.Repeat("x", shared), strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, events), ","))
		_, err := GA4Measurement(Request{Body: body, Limits: limits})
		return err
	}
	for name, send := range map[string]func(shared, events int) error{"gtag": gtag, "measurement": measurement} {
		require.NoError(t, send(1<<10, 25), name)
		require.NoError(t, send(30<<10, 60), name)
		require.NoError(t, send(100, 2500), name)
		require.ErrorContains(t, send(30<<10, 2500), string(BatchTooLarge), name)
		require.ErrorContains(t, send(33<<10, 2), string(TooLarge), name)
	}
	require.NoError(t, gtag(33<<10, 1), "one line is refused as an event, with its dead letter")
	require.ErrorContains(t, measurement(33<<10, 1), string(TooLarge))
}
