package scoring

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"
)

func TestTwoWorkersShareThePartitionsWhileOneComesAndGoes(t *testing.T) {
	t.Parallel() // most of it is waiting
	eachProtocol(t, twoWorkersShareThePartitionsWhileOneComesAndGoes)
}

func twoWorkersShareThePartitionsWhileOneComesAndGoes(t *testing.T, protocol string) {
	r := newRig(t, "", testPartitions)
	r.protocol = protocol
	stop, fed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(fed)
		for seed := uint64(1); ; seed++ {
			select {
			case <-stop:
				return
			default:
				r.send(visits(seed%4, 100, 40)...)
				time.Sleep(5 * time.Millisecond)
			}
		}
	}()
	first, second := r.config(), r.config()
	first.TransactionalID, second.TransactionalID = "scoring-a", "scoring-b"
	a := r.start(first)
	r.progress(a.cfg.Group)
	for range 2 {
		b := r.start(second)
		require.Eventually(t, func() bool { return b.counter("leadstream_scoring_events_total") > 0 }, time.Minute, 10*time.Millisecond,
			"the second worker gets no partition")
		r.progress(a.cfg.Group)
		b.stop()
		r.progress(a.cfg.Group)
	}
	b := r.start(second)
	require.Eventually(t, func() bool { return b.Ready(context.Background()) == nil }, time.Minute, 10*time.Millisecond)
	a.stop() // now the partitions move the other way
	close(stop)
	<-fed
	r.settled(a.cfg.Group)
	b.stop()
	r.requireTruth()
}

func TestAnAbortedTransactionIsUndoneAndDoneAgain(t *testing.T) {
	eachProtocol(t, anAbortedTransactionIsUndoneAndDoneAgain)
}

func anAbortedTransactionIsUndoneAndDoneAgain(t *testing.T, protocol string) {
	r := newRig(t, "", testPartitions)
	r.protocol = protocol
	r.send(visits(1, 500, 10)...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	var refused atomic.Int32
	// What a worker hears that lost its place in the group before it could commit.
	r.broker.ControlKey(int16(kmsg.TxnOffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if refused.Add(1) > 3 {
			return nil, nil, false
		}
		r.broker.KeepControl()
		in := req.(*kmsg.TxnOffsetCommitRequest)
		resp := in.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
		for _, topic := range in.Topics {
			out := kmsg.NewTxnOffsetCommitResponseTopic()
			out.Topic, out.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				part := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, kerr.IllegalGeneration.Code
				out.Partitions = append(out.Partitions, part)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp, nil, true
	})
	r.send(visits(2, 500, 10)...)
	r.send(visits(1, 500, 10)...)
	r.settled(w.cfg.Group)
	w.stop()
	require.GreaterOrEqual(t, refused.Load(), int32(3), "nothing was aborted: the test tested nothing")
	r.requireTruth()
}

func TestAFailedCommitBeginsASessionAgain(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.send(visits(1, 300, 10)...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	var failed atomic.Bool
	// What a worker hears that slept past its transaction's timeout.
	r.broker.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		failed.Store(true)
		resp := req.ResponseKind().(*kmsg.EndTxnResponse)
		resp.ErrorCode = kerr.ProducerFenced.Code
		return resp, nil, true
	})
	r.send(visits(2, 300, 10)...)
	r.settled(w.cfg.Group)
	require.True(t, failed.Load())
	require.Equal(t, 1.0, w.counter("leadstream_scoring_session_restarts_total"))
	w.stop()
	r.requireTruth()
}

func TestAWorkerThatKeepsFailingSaysSo(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.broker.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.broker.KeepControl()
		resp := req.ResponseKind().(*kmsg.EndTxnResponse)
		resp.ErrorCode = kerr.ProducerFenced.Code
		return resp, nil, true
	})
	r.send(visits(1, 10, 2)...)
	w := r.worker(r.config())
	w.pause = 10 * time.Millisecond
	began := time.Now()
	err := w.Run(context.Background())
	require.ErrorContains(t, err, "5 sessions in a row failed")
	require.ErrorIs(t, err, kerr.ProducerFenced)
	require.GreaterOrEqual(t, time.Since(began), 15*w.pause, "every pause is twice the last")
}

// TestARestoreWaitsForTheFormerOwnersOpenTransaction is the fault of restoring
// to the last stable offset: the successor takes over the offsets of a
// transaction whose records it has not read.
func TestARestoreWaitsForTheFormerOwnersOpenTransaction(t *testing.T) {
	t.Parallel() // most of it is waiting
	eachProtocol(t, aRestoreWaitsForTheFormerOwnersOpenTransaction)
}

func aRestoreWaitsForTheFormerOwnersOpenTransaction(t *testing.T, protocol string) {
	r := newRig(t, "", testPartitions)
	r.protocol = protocol
	r.send(visits(1, 200, 10)...)
	end := r.formerOwner(DefaultConfig().Group)
	b := r.start(r.config())
	time.Sleep(1500 * time.Millisecond)
	require.Error(t, b.Ready(context.Background()), "ready without the records of a transaction that may still stand")
	end()
	require.Eventually(t, func() bool { return b.Ready(context.Background()) == nil }, time.Minute, 10*time.Millisecond)
	r.send(visits(2, 200, 10)...)
	r.send(visits(1, 200, 10)...)
	r.settled(b.cfg.Group)
	b.stop()
	r.requireTruth()
}

// formerOwner folds all events as a worker does, and gets as far as a worker
// that stops between the commit of its offsets and the end of its transaction.
func (r *rig) formerOwner(group string) (end func()) {
	ctx := context.Background()
	owner, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.TransactionalID("former"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(r.t, err)
	r.t.Cleanup(owner.Close)
	require.NoError(r.t, owner.BeginTransaction())
	write := func(p int32, topic, key string, m proto.Message, headers ...kgo.RecordHeader) {
		b, err := proto.Marshal(m)
		require.NoError(r.t, err)
		require.NoError(r.t, owner.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: p, Key: []byte(key), Value: b, Headers: headers}).FirstErr())
	}
	parts := map[int32]*partition{}
	for _, rec := range r.read(schemas.TopicEvents) {
		p := parts[rec.Partition]
		if p == nil {
			p = newPartition(rec.Partition, 0)
			parts[p.num] = p
		}
		id, ev, no := decode(rec)
		require.Nil(r.t, no)
		out, _ := p.fold(r.model, r.model.Apply, incoming{id: id, event: ev, source: &pb.Source{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset}, record: rec})
		p.fence.events = rec.Offset
		for _, row := range out.Ledger {
			write(p.num, schemas.TopicLedger, id.String(), row)
		}
		for _, row := range out.Stages {
			write(p.num, schemas.TopicStages, id.String(), row)
		}
	}
	for _, p := range parts {
		p.records(r.model, func(rec *pb.LeadRecord) {
			write(p.num, schemas.TopicLeads, schemas.LeadID(rec.LeadId).String(), rec, p.fence.header())
		})
	}
	r.commitInTransaction(owner, group, parts)
	return func() { require.NoError(r.t, owner.EndTransaction(ctx, kgo.TryCommit)) }
}

func (r *rig) commitInTransaction(owner *kgo.Client, group string, parts map[int32]*partition) {
	ctx := context.Background()
	id, epoch, err := owner.ProducerID(ctx)
	require.NoError(r.t, err)
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = "former", id, epoch, group
	added, err := add.RequestWith(ctx, owner)
	require.NoError(r.t, err)
	require.NoError(r.t, kerr.ErrorForCode(added.ErrorCode))
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = "former", id, epoch, group
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic = schemas.TopicEvents
	detail, err := r.admin.ListTopics(ctx, schemas.TopicEvents)
	require.NoError(r.t, err)
	topic.TopicID = detail[schemas.TopicEvents].ID
	for num, p := range parts {
		at := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		at.Partition, at.Offset = num, p.fence.events+1
		topic.Partitions = append(topic.Partitions, at)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, owner)
	require.NoError(r.t, err)
	for _, p := range resp.Topics[0].Partitions {
		require.NoError(r.t, kerr.ErrorForCode(p.ErrorCode))
	}
}
