package apachekafka

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
)

// settings of every broker. What is not the default is there to be quick and small on one machine;
// what makes records safe (replicas, in-sync minimum, no unclean leaders) is as on a real cluster.
const settings = `
process.roles=broker,controller
listener.security.protocol.map=CLIENTS:PLAINTEXT,QUORUM:PLAINTEXT
inter.broker.listener.name=CLIENTS
controller.listener.names=QUORUM
auto.create.topics.enable=false

# A dead broker is noticed after 3 s instead of 9: a test kills many.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.fetch.backoff.ms=200
controlled.shutdown.enable=false

# Clients choose short sessions; the first member of a group need not wait for others.
group.min.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
# Of a next-generation group the broker says how long a session is: 45 s by default.
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=1000
# Transactions that nobody ends are looked for each second instead of every ten.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000

offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4

# Compaction within seconds, in little memory.
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
`

// properties is a broker's server.properties.
func properties(all []*broker, one *broker) string {
	var b strings.Builder
	var voters []string
	for _, peer := range all {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", peer.id, peer.quorum))
	}
	replicas := min(3, len(all))
	fmt.Fprintf(&b, "node.id=%d\nlog.dirs=%s\n", one.id, one.data())
	fmt.Fprintf(&b, "listeners=CLIENTS://127.0.0.1:%d,QUORUM://127.0.0.1:%d\n", one.clients, one.quorum)
	fmt.Fprintf(&b, "advertised.listeners=CLIENTS://127.0.0.1:%d\n", one.clients)
	fmt.Fprintf(&b, "controller.quorum.voters=%s\n", strings.Join(voters, ","))
	for _, of := range []string{"offsets.topic", "transaction.state.log"} {
		fmt.Fprintf(&b, "%s.replication.factor=%d\n", of, replicas)
	}
	fmt.Fprintf(&b, "transaction.state.log.min.isr=%d\n", max(1, replicas-1))
	b.WriteString(settings)
	return b.String()
}

// Ports lie below the range that the kernel gives to outgoing connections (32768 and up): a broker
// that is away would else find its port taken by a client's connection, or by a client that,
// dialling a port of that range where nobody listens, met itself.
const (
	lowestPort  = 15_000
	highestPort = 32_000
)

// freePorts finds n ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close() // not before all are found: no port twice
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("apachekafka: no %d free ports between %d and %d on 127.0.0.1", n, lowestPort, highestPort)
}
