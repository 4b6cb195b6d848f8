package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"leadstream/internal/config"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestConsoleLinesAreForPeople(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(LogConfig{Level: "info", Format: "console"}, &out)
	log.Debug("not shown")
	log.Named("sink").Info("started", zap.String("addr", "127.0.0.1:9000"), zap.Duration("took", 1500*time.Millisecond), zap.Any("password", config.Secret("hunter2")))
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3}  INFO  sink  started  \{"addr": "127\.0\.0\.1:9000", "took": "1\.5s", "password": "\*\*\*"\}\n$`, out.String())
}

func TestJSONLinesAreForMachines(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(LogConfig{Level: "warn", Format: "json"}, &out)
	log.Info("not shown")
	log.Named("sink").Warn("slow", zap.Duration("took", 1500*time.Millisecond))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	delete(line, "time")
	require.Equal(t, map[string]any{"level": "warn", "logger": "sink", "msg": "slow", "took": 1.5}, line)
}

func TestNoLineIsSampledAway(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(LogConfig{Level: "info", Format: "json"}, &out)
	for range 1000 {
		log.Info("the same")
	}
	require.Equal(t, 1000, strings.Count(out.String(), "\n"))
}

func TestTheDefaultConfigIsValidAndBadOnesAreNot(t *testing.T) {
	type tree struct {
		Telemetry Config `yaml:"telemetry"`
	}
	_, err := config.Load(&tree{DefaultConfig()}, config.Options{})
	require.NoError(t, err)
	_, err = config.Load(&tree{DefaultConfig()}, config.Options{Set: []string{"telemetry.listen=9464", "telemetry.log.level=fatal", "telemetry.log.format=xml"}})
	require.EqualError(t, err, `--set: telemetry.listen: must be host:port such as 127.0.0.1:9464 (got "9464")
--set: telemetry.log.level: must be debug, info, warn or error (got "fatal")
--set: telemetry.log.format: must be console or json (got "xml")`)
}

func TestReadBuildAlwaysHasAnAnswer(t *testing.T) {
	b := ReadBuild("")
	require.Equal(t, "dev", b.Version)
	require.NotEmpty(t, b.Revision)
	require.Contains(t, b.Go, "go1.")
	require.Equal(t, "v9", ReadBuild("v9").Version)
}
