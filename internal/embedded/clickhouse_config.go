package embedded

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

// The server's two files. They are written anew at every start: a change to this program's
// defaults reaches old data folders.
var (
	//go:embed config.xml.tmpl
	serverTemplate string
	//go:embed users.xml.tmpl
	usersTemplate string
)

// ClickHouseConfig says where the embedded ClickHouse keeps its data and where it listens.
type ClickHouseConfig struct {
	Dir      string // all its state
	Addr     string // native protocol, host:port; port 0 takes a free one
	HTTPAddr string // HTTP, host:port; port 0 takes a free one
	Cache    string // where libchdb.so is kept; empty is CacheDir()

	// MaxMemory bounds the whole server in bytes: it shares the machine with everything else.
	MaxMemory int64
	// Analysts are users of the tables, besides `analyst`.
	Analysts []Analyst

	// Database is the only one that the user `analyst` may read.
	Database string

	AddrFlag, HTTPAddrFlag, DirFlag string // the flags that own the values, for error messages

	// Log hears of crashes and restarts; nil drops them.
	Log func(level, message string)

	StartTimeout time.Duration // from the fork until both ports answer
	StopTimeout  time.Duration // for a clean stop; after that it is killed
}

// DefaultClickHouseConfig listens on ClickHouse's usual ports, on loopback only.
func DefaultClickHouseConfig() ClickHouseConfig {
	return ClickHouseConfig{
		Dir:          filepath.Join("data", "clickhouse"),
		Addr:         "127.0.0.1:9000",
		HTTPAddr:     "127.0.0.1:8123",
		MaxMemory:    4 << 30,
		Database:     "leadstream",
		AddrFlag:     "--clickhouse-addr",
		HTTPAddrFlag: "--clickhouse-http-addr",
		DirFlag:      "--data",
		StartTimeout: 60 * time.Second,
		StopTimeout:  20 * time.Second,
	}
}

// minMemory is what the server needs to start and merge at all.
const minMemory = 512 << 20

// Validate names every fault at once.
func (c ClickHouseConfig) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("dir: must name a folder"))
	}
	for key, addr := range map[string]string{"addr": c.Addr, "http_addr": c.HTTPAddr} {
		host, _, err := net.SplitHostPort(addr)
		switch ip := net.ParseIP(host); {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: must be host:port (got %q)", key, addr))
		case host != "localhost" && (ip == nil || !ip.IsLoopback()):
			faults = append(faults, fmt.Errorf("%s: must be a loopback address, because the embedded server asks for no password (got %q)", key, addr))
		}
	}
	if c.MaxMemory < minMemory {
		faults = append(faults, fmt.Errorf("max_memory: must be at least %d bytes (got %d)", int64(minMemory), c.MaxMemory))
	}
	if c.Database == "" {
		faults = append(faults, errors.New("database: must name a database"))
	}
	if c.StartTimeout <= 0 || c.StopTimeout <= 0 {
		faults = append(faults, errors.New("start and stop timeouts must be above zero"))
	}
	return errors.Join(faults...)
}

// write puts the server's files into the data folder; native and http are where it listens.
func (c ClickHouseConfig) write(native, http string) error {
	host, port, _ := net.SplitHostPort(native)
	httpHost, httpPort, _ := net.SplitHostPort(http)
	hosts := []string{host}
	if httpHost != host {
		hosts = append(hosts, httpHost)
	}
	values := struct {
		ClickHouseConfig
		Hosts              []string
		TCPPort, HTTPPort  string
		QueryMemory        int64
		BackgroundPoolSize int
	}{c, hosts, port, httpPort, c.MaxMemory / 2, 4}
	for name, body := range map[string]string{"users.xml": usersTemplate, "config.xml": serverTemplate} {
		tmpl, err := template.New(name).Option("missingkey=error").Parse(body)
		if err != nil {
			return fmt.Errorf("embedded: %s: %w", name, err)
		}
		var out bytes.Buffer
		if err := tmpl.Execute(&out, values); err != nil {
			return fmt.Errorf("embedded: %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, name), out.Bytes(), 0o644); err != nil {
			return fmt.Errorf("embedded: data folder: %w", err)
		}
	}
	return nil
}
