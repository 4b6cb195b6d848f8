package apachekafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"leadstream/internal/embedded"
)

// startTimeout is for a cold machine; two busy cores need eight seconds for three brokers.
const startTimeout = 2 * time.Minute

// Cluster is a running cluster. Kill, Restart and the like are for one goroutine at a time.
type Cluster struct {
	brokers []*broker
	client  *kgo.Client
}

// Start fetches the jars if need be, makes n brokers in dir, and returns when all of them serve.
func Start(ctx context.Context, dir string, n int, progress io.Writer) (*Cluster, error) {
	cache, err := embedded.CacheDir()
	if err != nil {
		return nil, err
	}
	jars, err := Fetch(ctx, cache, progress)
	if err != nil {
		return nil, err
	}
	c, err := plan(dir, jars, n)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.boot(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// plan gives every broker its folder and ports.
func plan(dir, jars string, n int) (*Cluster, error) {
	ports, err := freePorts(2 * n)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	for i := range n {
		c.brokers = append(c.brokers, &broker{
			id: i, jars: jars, dir: filepath.Join(dir, "broker-"+strconv.Itoa(i)),
			clients: ports[2*i], quorum: ports[2*i+1],
		})
	}
	// Impatient: whoever asks is ready to ask again, and the broker asked may be dead.
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.DialTimeout(time.Second), kgo.RequestRetries(0),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.RetryTimeout(2*time.Second))
	if err != nil {
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	return c, nil
}

// boot formats and starts all brokers at once: a quorum of one would not answer.
func (c *Cluster) boot(ctx context.Context) error {
	cluster := clusterID()
	var all errgroup.Group
	for _, b := range c.brokers {
		all.Go(func() error { return b.format(ctx, cluster, properties(c.brokers, b)) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, b := range c.brokers {
		if err := b.start(); err != nil {
			return err
		}
	}
	for _, b := range c.brokers {
		if err := c.awaitServing(ctx, b); err != nil {
			return err
		}
	}
	return c.AwaitInSync(ctx)
}

// clusterID is a UUID in the form that Kafka writes it.
func clusterID() string {
	for {
		id := uuid.New()
		// One that begins with a dash is taken for an option by Kafka's tool.
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text
		}
	}
}

// Addrs are the brokers' addresses, the dead ones' too.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, b := range c.brokers {
		addrs = append(addrs, b.addr())
	}
	return addrs
}

// Size is how many brokers there are, dead or alive.
func (c *Cluster) Size() int { return len(c.brokers) }

// Kill ends a broker as kill -9 does.
func (c *Cluster) Kill(i int) { c.brokers[i].kill() }

// Restart starts a killed broker and returns when it serves again, though its replicas may still be
// catching up; AwaitInSync waits for that.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	b := c.brokers[i]
	if b.running() {
		return fmt.Errorf("apachekafka: broker %d is running", i)
	}
	if err := b.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return c.awaitServing(ctx, b)
}

// Bounce kills a broker at random, leaves it dead for a while, and returns when it is back and all
// replicas are in sync: the next one may be killed then without taking a partition's majority away.
func (c *Cluster) Bounce(ctx context.Context, dead time.Duration) (int, error) {
	i := rand.IntN(len(c.brokers))
	c.Kill(i)
	select {
	case <-ctx.Done():
		return i, ctx.Err()
	case <-time.After(dead):
	}
	if err := c.Restart(ctx, i); err != nil {
		return i, err
	}
	return i, c.AwaitInSync(ctx)
}

// Stop kills all brokers; what they wrote stays in the folder.
func (c *Cluster) Stop() {
	for _, b := range c.brokers {
		b.kill()
	}
	c.client.Close()
}

// errGone says that a broker ended by itself.
var errGone = errors.New("the process is gone")
