package kafka

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuseCreates answers CreateTopics with a code for as long as told; each counts.
func refuseCreates(c *kfake.Cluster, code *kerr.Error, message string, times int32) *atomic.Int32 {
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Add(1) > times {
			return nil, nil, false
		}
		req := kreq.(*kmsg.CreateTopicsRequest)
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode, st.ErrorMessage = rt.Topic, code.Code, &message
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	return &asked
}

func TestACreateThatMayWorkLaterIsTriedAgain(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	asked := refuseCreates(c, kerr.ThrottlingQuotaExceeded, "", 3)
	require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), wanted))
	require.Greater(t, asked.Load(), int32(3))
	topics, _ := details(t, cfg)
	require.ElementsMatch(t, []string{"a.v1", "b.v1"}, topics.Names())
}

func TestAnotherProcessMayCreateTheTopicInBetween(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	other := client(t, cfg)
	var once atomic.Bool
	c.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if once.Swap(true) {
			return nil, nil, false
		}
		// The cluster waits for us here: let the other process's create through first, with its own partition count.
		c.SleepControl(func() {
			err := EnsureTopics(t.Context(), other, []Topic{{Name: "a.v1", Partitions: 7}, {Name: "b.v1", Partitions: 4}})
			if err != nil {
				t.Error(err)
			}
		})
		return nil, nil, false
	})
	err := EnsureTopics(t.Context(), client(t, cfg), wanted)
	require.ErrorContains(t, err, "topic a.v1 has 7 partitions, the config wants 4")
	require.NotContains(t, err.Error(), "b.v1", "somebody else's topic of the right shape is as good as ours")
}

func TestABrokersOwnWordsAreKept(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	refuseCreates(c, kerr.PolicyViolation, "names must begin with team-", 100)
	err := EnsureTopics(t.Context(), client(t, cfg), wanted[:1])
	require.ErrorIs(t, err, kerr.PolicyViolation)
	require.ErrorContains(t, err, "topic a.v1: cannot be created: names must begin with team-: POLICY_VIOLATION")
}

func TestEnsureTopicsGivesUpWithItsContextAndSaysWhatItWaitedFor(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	refuseCreates(c, kerr.RequestTimedOut, "", 100) // and it was not created behind our back either
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err := EnsureTopics(ctx, client(t, cfg), wanted[:1])
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestATopicThatMayNotBeSeenIsNotWaitedFor(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(4, "a.v1"))
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, rt := range req.Topics {
			mt := kmsg.NewMetadataResponseTopic()
			mt.Topic, mt.ErrorCode = rt.Topic, kerr.TopicAuthorizationFailed.Code
			resp.Topics = append(resp.Topics, mt)
		}
		return resp, nil, true
	})
	err := EnsureTopics(t.Context(), client(t, cfg), wanted[:1])
	require.ErrorIs(t, err, kerr.TopicAuthorizationFailed)
	require.ErrorContains(t, err, "topic a.v1: ")
}

func TestNoBrokerIsSaidByEveryQuestion(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Brokers = []string{"127.0.0.1:1"}
	cl := client(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, EnsureTopics(ctx, cl, wanted), "kafka: asking for the topics: ")
	_, err := Drift(ctx, cl, wanted)
	require.ErrorContains(t, err, "kafka: asking for the topics' settings: ")
}
