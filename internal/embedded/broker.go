package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// BrokerConfig says where the embedded broker keeps its log and where it listens.
type BrokerConfig struct {
	Dir  string // all its state; empty keeps it in memory, for tests
	Addr string // host:port; port 0 takes a free one

	// RetentionBytes bounds each partition's log. The broker decodes the whole log in memory when it
	// opens, so the sum over all partitions has to stay under a third of the machine's memory.
	RetentionBytes int64
	// MaxMessageBytes bounds one batch, as a real broker's message.max.bytes does.
	MaxMessageBytes int
	// MinSessionTimeout is the shortest session that a member of a group may ask for; 0 is Kafka's
	// own, 6 s.
	MinSessionTimeout time.Duration

	AddrFlag, DirFlag string // the flags that own the values, for error messages

	// Log takes the broker's warnings and errors; nil drops them.
	Log func(level, message string)
}

// DefaultBrokerConfig listens on Kafka's usual port, on loopback only.
func DefaultBrokerConfig() BrokerConfig {
	return BrokerConfig{
		Dir:  filepath.Join("data", "broker"),
		Addr: "127.0.0.1:9092",
		// 6 topics x 12 partitions x 32 MiB = 2.25 GiB: under a third of an 8 GiB machine.
		RetentionBytes:  32 << 20,
		MaxMessageBytes: 1 << 20,
		AddrFlag:        "--kafka-addr",
		DirFlag:         "--data",
	}
}

// Validate names every fault at once.
func (c BrokerConfig) Validate() error {
	var faults []error
	host, _, err := net.SplitHostPort(c.Addr)
	switch ip := net.ParseIP(host); {
	case err != nil:
		faults = append(faults, fmt.Errorf("addr: must be host:port (got %q)", c.Addr))
	case host != "localhost" && (ip == nil || !ip.IsLoopback()):
		faults = append(faults, fmt.Errorf("addr: must be a loopback address, because the embedded broker asks for no password (got %q)", c.Addr))
	}
	if c.RetentionBytes < 1<<20 {
		faults = append(faults, fmt.Errorf("retention_bytes: must be at least 1048576 (got %d)", c.RetentionBytes))
	}
	if c.MaxMessageBytes < 1<<10 || c.MaxMessageBytes > 64<<20 {
		faults = append(faults, fmt.Errorf("max_message_bytes: must be 1024..67108864 (got %d)", c.MaxMessageBytes))
	}
	return errors.Join(faults...)
}

// Broker is a Kafka-protocol broker inside this process.
type Broker struct {
	// Cluster is the broker itself, for tests that make it misbehave.
	Cluster *kfake.Cluster

	addrs []string
	lock  *os.File
	close sync.Once
	err   error
}

// StartBroker opens the log in cfg.Dir and serves it. It creates no topics.
//
// What it is not, measured (K1-K5 of the design's section 7): it never syncs what it writes, it forgets an
// open transaction and the producers' windows when it is killed, and its compaction is not safe
// against a kill. Hence: nothing here turns compaction or synchronous writes on (those tear
// transactions apart), and whoever writes transactions takes a fresh transactional id at every start.
func StartBroker(ctx context.Context, cfg BrokerConfig) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	broker := &Broker{}
	if cfg.Dir != "" {
		lock, err := lockDataDir(ctx, cfg.Dir, cfg.DirFlag)
		if err != nil {
			return nil, err
		}
		broker.lock = lock
	}
	err := broker.open(cfg)
	if err != nil {
		return nil, errors.Join(err, broker.unlock())
	}
	broker.addrs = broker.Cluster.ListenAddrs()
	return broker, nil
}

// open starts the cluster of one broker.
func (b *Broker) open(cfg BrokerConfig) error {
	if err := checkFixedPort(cfg.Addr, cfg.AddrFlag); err != nil {
		return err
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("leadstream-embedded"),
		// The address, not only the port: kfake's own listener would take 127.0.0.1 in any case.
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, cfg.Addr) }),
		kfake.WithLogger(brokerLog{cfg.Log}),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.bytes": strconv.FormatInt(cfg.RetentionBytes, 10),
			// Retention drops whole segments: a quarter of the bound keeps the excess small.
			"log.segment.bytes": strconv.FormatInt(cfg.RetentionBytes/4, 10),
			// The default of an hour would let a busy log outgrow memory in between.
			"log.cleaner.backoff.ms": "15000",
			"message.max.bytes":      strconv.Itoa(cfg.MaxMessageBytes),
			// A worker that died leaves its transaction open; readers wait for no longer than this.
			"transaction.max.timeout.ms": "60000",
			// An instance that was switched off over the holidays finds its place again.
			"offsets.retention.minutes": strconv.Itoa(90 * 24 * 60),
		}),
	}
	if cfg.Dir != "" {
		options = append(options, kfake.DataDir(cfg.Dir))
	}
	if cfg.MinSessionTimeout > 0 {
		options = append(options, kfake.GroupMinSessionTimeout(cfg.MinSessionTimeout))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return fmt.Errorf("embedded: broker in %s: %w", cfg.Dir, err)
	}
	answerInTime(cluster)
	b.Cluster = cluster
	if cfg.Dir == "" {
		return nil
	}
	if err := syncTree(cfg.Dir); err != nil {
		cluster.Close()
		return err
	}
	return nil
}

// checkFixedPort is CheckPort for an address whose port is not left to the kernel.
func checkFixedPort(addr, flag string) error {
	if _, port, err := net.SplitHostPort(addr); err == nil && port == "0" {
		return nil
	}
	return CheckPort(addr, flag)
}

// Addrs is where clients connect: one host:port.
func (b *Broker) Addrs() []string { return b.addrs }

// Close writes what a clean stop can write, more than a kill leaves, and gives the folder free.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.Cluster.Close()
		b.err = b.unlock()
	})
	return b.err
}

func (b *Broker) unlock() error {
	if b.lock == nil {
		return nil
	}
	return b.lock.Close()
}

// brokerLog passes on warnings and errors only: kfake tells of every request below that.
type brokerLog struct{ to func(level, message string) }

// Logf implements kfake.Logger.
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if l.to == nil {
		return
	}
	switch level {
	case kfake.LogLevelError:
		l.to("error", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.to("warn", fmt.Sprintf(format, args...))
	}
}
