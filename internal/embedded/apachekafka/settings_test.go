package apachekafka

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryBrokerKnowsTheQuorumAndItsOwnPlace(t *testing.T) {
	c, err := plan(t.TempDir(), "jars", 3)
	require.NoError(t, err)
	defer c.client.Close()
	var voters []string
	for _, b := range c.brokers {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", b.id, b.quorum))
	}
	for i, b := range c.brokers {
		lines := strings.Split(properties(c.brokers, b), "\n")
		require.Contains(t, lines, fmt.Sprintf("node.id=%d", i))
		require.Contains(t, lines, "controller.quorum.voters="+strings.Join(voters, ","))
		require.Contains(t, lines, "log.dirs="+b.data())
		require.Contains(t, lines, fmt.Sprintf("advertised.listeners=CLIENTS://%s", c.Addrs()[i]))
		require.Contains(t, lines, "transaction.state.log.min.isr=2", "a commit is on two disks")
		require.Contains(t, lines, "offsets.topic.replication.factor=3")
	}
}

func TestOneBrokerNeedsNoOther(t *testing.T) {
	c, err := plan(t.TempDir(), "jars", 1)
	require.NoError(t, err)
	defer c.client.Close()
	lines := strings.Split(properties(c.brokers, c.brokers[0]), "\n")
	require.Contains(t, lines, "transaction.state.log.min.isr=1")
	require.Contains(t, lines, "transaction.state.log.replication.factor=1")
}

func TestPortsAreFreeDifferentAndNobodysOutgoingOnes(t *testing.T) {
	ports, err := freePorts(6)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, port := range ports {
		require.False(t, seen[port])
		seen[port] = true
		require.GreaterOrEqual(t, port, lowestPort)
		require.Less(t, port, highestPort)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
}

func TestWithoutJavaOneSentenceSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c, err := plan(t.TempDir(), "jars", 1)
	require.NoError(t, err)
	defer c.Stop()
	err = c.boot(t.Context())
	require.ErrorContains(t, err, "java is not on PATH")
	require.ErrorContains(t, err, "deploy/need java mvn")
}

func TestClusterIDsAreKafkasKindOfUUID(t *testing.T) {
	require.Regexp(t, `^[\w-]{22}$`, clusterID())
	require.NotEqual(t, clusterID(), clusterID())
}
