package scoring

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// childData makes the child a broker and a worker in one process, as `leadstream
// all` is, with its state below this folder.
const childData = "LEADSTREAM_SCORING_TEST_DATA"

// childAll is that process.
func childAll(addr string) {
	_, port, err := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	if err == nil {
		_, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(n), kfake.ClusterID("scoring-test"), kfake.DataDir(os.Getenv(childData)+"/broker"))
	}
	if err == nil {
		err = makeTopics(addr)
	}
	cfg := DefaultConfig()
	cfg.CommitInterval = 10 * time.Millisecond
	cfg.FreshTransactionalID = true
	cfg.SnapshotDir = os.Getenv(childData) + "/scoring"
	cfg.SnapshotBytes = 1 << 16
	if err == nil {
		err = runTracks(context.Background(), cfg, Deps{KafkaOpts: []kgo.Opt{kgo.SeedBrokers(addr)}, Model: model.Default()})
	}
	println("child ended:", err.Error())
	os.Exit(3)
}

func makeTopics(addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, topic := range schemas.Topics() {
		if _, err := kadm.NewClient(cl).CreateTopics(context.Background(), testPartitions, 1, nil, topic.Name); err != nil {
			return err
		}
	}
	return nil
}

func TestKill9OfBrokerAndWorkerTogetherKeepsEveryPoint(t *testing.T) {
	t.Parallel() // most of it is waiting
	r, kill := killsOfAll(t, 5)
	r.requireTruthRepeated()
	kill()
}

// killsOfAll kills the whole process again and again while events come, and lets the last one settle.
func killsOfAll(t *testing.T, kills int, env ...string) (r *rig, kill func()) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr, data := free.Addr().String(), t.TempDir()
	require.NoError(t, free.Close())
	r = &rig{t: t, addrs: []string{addr}, model: model.Default()}
	r.client, err = kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.UnknownTopicRetries(-1))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.admin = kadm.NewClient(r.client)

	kill = r.childAll(data, env...)
	stop, fed := make(chan struct{}), make(chan struct{})
	sent := 0
	go func() {
		defer close(fed)
		for seed := uint64(1); ; seed++ {
			select {
			case <-stop:
				return
			default:
				sent += r.sendThroughKills(visits(seed, 100, 30))
				time.Sleep(5 * time.Millisecond)
			}
		}
	}()
	if testing.Short() {
		kills = 1
	}
	for i := range kills {
		r.progress(DefaultConfig().Group)
		time.Sleep(time.Duration(7*i+20) * 11 * time.Millisecond)
		kill()
		kill = r.childAll(data, env...)
	}
	r.progress(DefaultConfig().Group)
	close(stop)
	<-fed
	r.settled(DefaultConfig().Group)
	require.GreaterOrEqual(t, len(r.read(schemas.TopicEvents)), sent, "the broker lost accepted events")
	return r, kill
}

func (r *rig) childAll(data string, env ...string) (kill func()) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childAddr+"="+r.addrs[0], childData+"="+data), env...)
	cmd.Stderr = os.Stderr
	require.NoError(r.t, cmd.Start())
	return func() {
		require.NoError(r.t, cmd.Process.Kill())
		require.ErrorContains(r.t, cmd.Wait(), "signal: killed", "the process ended by itself")
	}
}

// sendThroughKills is a collector with a spool: it sends again what the broker
// did not confirm, with a new producer, because the broker forgot the old one's
// window. It tells how many stand.
func (r *rig) sendThroughKills(events []*pb.Event) (stood int) {
	for len(events) > 0 {
		cl, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
			kgo.RecordDeliveryTimeout(2*time.Second), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(100*time.Millisecond))
		if err != nil {
			return stood
		}
		var again []*pb.Event
		for _, ev := range events {
			b, _ := proto.Marshal(ev)
			rec := &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: b}
			if err := cl.ProduceSync(context.Background(), rec).FirstErr(); err != nil {
				again = append(again, ev)
			} else {
				stood++
			}
		}
		cl.Close()
		events = again
	}
	return stood
}
