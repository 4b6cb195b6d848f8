package embedded

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// leader is a member of a group that joins, and is killed before it says who gets what.
type leader struct {
	t      *testing.T
	client *kgo.Client
	member string
}

// join waits in JoinGroup as long as the broker lets it.
func (l *leader) join(ctx context.Context) (*kmsg.JoinGroupResponse, error) {
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = []string{"work"}
	protocol.Metadata = meta.AppendTo(nil)
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = "crew", l.member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 2000, 300_000
	req.Protocols = append(req.Protocols, protocol)
	return req.RequestWith(ctx, l.client)
}

// TestAMemberIsNotForgottenWhileItWaitsForADeadLeader: its client would hear nothing for the whole
// rebalance timeout, five minutes here.
func TestAMemberIsNotForgottenWhileItWaitsForADeadLeader(t *testing.T) {
	cfg := DefaultBrokerConfig()
	cfg.Dir, cfg.Addr, cfg.MinSessionTimeout = "", "127.0.0.1:0", time.Second
	broker, err := StartBroker(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	addr := broker.Addrs()[0]
	admin := kadm.NewClient(client(t, addr))
	_, err = admin.CreateTopic(t.Context(), 2, 1, nil, "work")
	require.NoError(t, err)

	dead := &leader{t: t, client: client(t, addr, kgo.RetryTimeout(time.Minute))}
	first, err := dead.join(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, kerr.ErrorForCode(first.ErrorCode), kerr.MemberIDRequired)
	dead.member = first.MemberID
	alone, err := dead.join(t.Context())
	require.NoError(t, err)
	require.Equal(t, alone.MemberID, alone.LeaderID)

	// Its session is over half a second before the dead leader's: no race to be lucky in.
	got := make(chan map[string][]int32, 8)
	client(t, addr, kgo.ConsumerGroup("crew"), kgo.ConsumeTopics("work"), kgo.Balancers(kgo.RangeBalancer()),
		kgo.SessionTimeout(1500*time.Millisecond), kgo.HeartbeatInterval(200*time.Millisecond), kgo.RebalanceTimeout(5*time.Minute),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { got <- parts }))
	for { // until both are in the same generation, and the other one waits in SyncGroup for the leader
		again, err := dead.join(t.Context())
		require.NoError(t, err)
		if len(again.Members) == 2 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for limit := time.After(time.Minute); ; {
		select {
		case parts := <-got:
			if len(parts["work"]) == 2 {
				return
			}
		case <-limit:
			t.Fatal("the member that lives was given nothing within a minute")
		}
	}
}
