package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"leadstream/ingest"
	"leadstream/ingest/spool"
	"leadstream/internal/clickhouse"
	"leadstream/internal/config"
	"leadstream/internal/embedded"
	"leadstream/internal/kafka"
	"leadstream/internal/telemetry"
	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/scoring"
	"leadstream/sink"
)

// Config is every key there is; config.example.yml explains them.
type Config struct {
	DataDir    string            `yaml:"data_dir"`
	Model      string            `yaml:"model"`
	Models     []string          `yaml:"models"`
	Telemetry  telemetry.Config  `yaml:"telemetry"`
	Kafka      kafka.Config      `yaml:"kafka"`
	ClickHouse clickhouse.Config `yaml:"clickhouse"`
	Embedded   EmbeddedConfig    `yaml:"embedded"`
	Ingest     ingest.Config     `yaml:"ingest"`
	Scoring    scoring.Config    `yaml:"scoring"`
	Sink       sink.Config       `yaml:"sink"`
	Leads      leads.Config      `yaml:"leads"`
}

// EmbeddedConfig places the stores that `all` starts when no real ones are named.
type EmbeddedConfig struct {
	KafkaListen          string      `yaml:"kafka_listen"`
	KafkaRetention       config.Size `yaml:"kafka_retention"` // a partition
	ClickHouseListen     string      `yaml:"clickhouse_listen"`
	ClickHouseHTTPListen string      `yaml:"clickhouse_http_listen"`
	ClickHouseMemory     config.Size `yaml:"clickhouse_memory"`
}

// demoSite is what `all` serves when the config names no site. Its secret key
// is known to the world, which is why it is refused on any other address than
// loopback (see base.refuseDemoKeys).
const (
	demoSite   = "demo"
	demoKey    = "demo"
	demoSecret = "demo-secret"
)

func defaultConfig() Config {
	queue := kafka.DefaultConfig()
	queue.Partitions = schemas.DefaultPartitions
	broker, store := embedded.DefaultBrokerConfig(), embedded.DefaultClickHouseConfig()
	return Config{
		DataDir:    "data",
		Telemetry:  telemetry.DefaultConfig(),
		Kafka:      queue,
		ClickHouse: clickhouse.DefaultConfig(),
		Embedded: EmbeddedConfig{
			KafkaListen: broker.Addr, KafkaRetention: config.Size(broker.RetentionBytes),
			ClickHouseListen: store.Addr, ClickHouseHTTPListen: store.HTTPAddr,
			ClickHouseMemory: config.Size(store.MaxMemory),
		},
		Ingest:  ingest.DefaultConfig(),
		Scoring: scoring.DefaultConfig(),
		Sink:    sink.DefaultConfig(),
		Leads:   leads.DefaultConfig(),
	}
}

// globals are the flags of every word. Each address is a flag, an environment
// variable and a YAML key; --set reaches every other key.
type globals struct {
	ConfigFile       string   `name:"config" short:"c" help:"YAML file." env:"LEADSTREAM_CONFIG" placeholder:"FILE"`
	Set              []string `help:"Set any key of the config, such as scoring.commit_interval=50ms; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	DataDir          string   `help:"Folder of all state (default ./data)." placeholder:"DIR"`
	ModelFiles       []string `name:"model" help:"Scoring model (default: the built-in one, model.example.yml); may be repeated, a file a track." placeholder:"FILE" sep:"none"`
	IngestListen     string   `help:"Collectors (default 127.0.0.1:8080)." placeholder:"ADDR"`
	LeadsListen      string   `help:"Leads API and web app (default 127.0.0.1:8090)." placeholder:"ADDR"`
	TelemetryListen  string   `help:"Metrics and health (default 127.0.0.1:9464)." placeholder:"ADDR"`
	KafkaListen      string   `help:"Embedded broker (default 127.0.0.1:9092)." placeholder:"ADDR"`
	ClickhouseListen string   `help:"Embedded ClickHouse, native (default 127.0.0.1:9000)." placeholder:"ADDR"`
	ClickhouseHTTP   string   `name:"clickhouse-http-listen" help:"Embedded ClickHouse, HTTP (default 127.0.0.1:8123)." placeholder:"ADDR"`

	stdout, stderr io.Writer
}

// overrides are the flags as keys, --set last: it names the key itself.
func (g *globals) overrides() []string {
	var set []string
	for _, f := range []struct{ key, value string }{
		{"data_dir", g.DataDir}, {"model", g.firstModel()}, {"models", g.furtherModels()},
		{"ingest.listen", g.IngestListen}, {"leads.listen", g.LeadsListen}, {"telemetry.listen", g.TelemetryListen},
		{"embedded.kafka_listen", g.KafkaListen},
		{"embedded.clickhouse_listen", g.ClickhouseListen}, {"embedded.clickhouse_http_listen", g.ClickhouseHTTP},
	} {
		if f.value != "" {
			set = append(set, f.key+"="+f.value)
		}
	}
	return append(set, g.Set...)
}

// firstModel and furtherModels are what --model named.
func (g *globals) firstModel() string {
	if len(g.ModelFiles) == 0 {
		return ""
	}
	return g.ModelFiles[0]
}

func (g *globals) furtherModels() string {
	if len(g.ModelFiles) < 2 {
		return ""
	}
	return strings.Join(g.ModelFiles[1:], ",")
}

// load reads the config; its error lists every fault, a line each.
func (g *globals) load() (Config, config.Report, error) {
	cfg := defaultConfig()
	cfg.Ingest.Sites = []ingest.Site{{Name: demoSite, WriteKeys: []string{demoKey}, SecretKeys: []config.Secret{demoSecret}, History: true}}
	report, err := config.Load(&cfg, config.Options{
		Prefix: "LEADSTREAM", File: g.ConfigFile, Env: os.Environ(), Set: g.overrides(),
		IgnoreEnv: []string{"LEADSTREAM_CONFIG", embedded.CacheEnv, "LEADSTREAM_BIN", "LEADSTREAM_URL"},
	})
	return cfg, report, err
}

// stores fills in the embedded stores' addresses where no real one is named,
// so that a role started alone finds the stores of an `all` beside it.
func (c *Config) stores() {
	c.spool(len(c.Kafka.Brokers) == 0)
	c.dedup()
	c.privacy()
	if len(c.Kafka.Brokers) == 0 {
		c.Kafka.Brokers = []string{c.Embedded.KafkaListen}
		c.Scoring.FreshTransactionalID = true // the embedded broker's rule (DESIGN, Non-obvious)
	}
	if c.ClickHouse.Addr == "" {
		c.ClickHouse.Addr = c.Embedded.ClickHouseListen
		c.ClickHouse.Compression = "none" // measured: on loopback it only costs
	}
}

// spool places the collectors' log on disk. The embedded broker syncs nothing: there every event goes to the spool first, and
// what the broker may have lost with the machine's power is given to it again.
func (c *Config) spool(embedded bool) {
	s := &c.Ingest.Spool
	switch s.Dir {
	case "":
		s.Dir = c.under("spool")
	case "none":
		s.Dir = ""
	}
	if embedded {
		s.Always = true
		s.KeepFor = max(s.KeepFor, spool.KeepForEmbedded)
	}
}

// dedup places the collectors' memory of event ids.
func (c *Config) dedup() {
	switch d := &c.Ingest.Dedup; d.Dir {
	case "":
		d.Dir = c.under("dedup")
	case "none":
		d.Dir = ""
	}
}

// privacy places the salt of the day.
func (c *Config) privacy() {
	switch p := &c.Ingest.Privacy; p.Dir {
	case "":
		p.Dir = c.under("privacy")
	case "none":
		p.Dir = ""
	}
}

// under is a path inside the data folder.
func (c *Config) under(name string) string { return filepath.Join(c.DataDir, name) }
