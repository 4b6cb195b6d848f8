package telemetry

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMetricSaysWhatReadyzSays(t *testing.T) {
	health := NewHealth()
	var away error
	health.Register("sink", func(context.Context) error { return away })
	health.Register("leads", func(context.Context) error { return nil })
	url := serve(t, "127.0.0.1:0", health)
	_, body := get(t, url+"/metrics")
	require.Contains(t, body, `leadstream_ready{part="sink"} 1`)
	away = errors.New("ClickHouse is away")
	_, body = get(t, url+"/metrics")
	require.Contains(t, body, `leadstream_ready{part="sink"} 0`)
	require.Contains(t, body, `leadstream_ready{part="leads"} 1`)
}
