package scoring

import (
	"context"
	"errors"
	"time"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// standby follows the changelog of the partitions that others have, so that this
// worker has their leads when it gets them: a takeover then reads only what was
// written in the last moments. It costs the memory of those leads and a second
// reader of leads. It is a hint, like a snapshot: what it holds is the state at
// p.changelog, and every assignment still restores from there to the high watermark.
type standby struct {
	*session
	parts map[int32]*partition
	end   context.CancelFunc
	done  chan struct{} // closed when nothing touches parts any more
}

// follow begins to follow partitions, each from where its state stands.
func (s *session) follow(parts map[int32]*partition) *standby {
	ctx, end := context.WithCancel(s.ctx)
	b := &standby{session: s, parts: parts, end: end, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for ctx.Err() == nil {
			if err := b.read(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("scoring: standby interrupted, going on where it stood", zap.Error(err))
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		}
	}()
	return b
}

// stop ends it and gives what it has. A nil standby has nothing.
func (b *standby) stop() map[int32]*partition {
	if b == nil {
		return nil
	}
	b.end()
	<-b.done
	return b.parts
}

// read follows until ctx ends or something fails. Then every partition's state
// stands at its changelog offset. Of the embedded broker's last transaction only a
// restore can tell whether it is whole (torn.go): it is read again.
func (b *standby) read(ctx context.Context) error {
	r := newRestorer(b.session, b.parts)
	defer func() {
		for num, w := range r.last {
			if b.cfg.FreshTransactionalID {
				b.parts[num].changelog = w.first
			} else {
				r.believed(b.parts[num], w)
			}
		}
		r.finish()
	}()
	if err := b.bottom(ctx); err != nil {
		return err
	}
	from := map[int32]kgo.Offset{}
	for num, p := range b.parts {
		from[num] = kgo.NewOffset().At(p.changelog)
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, b.Worker.kafka...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{schemas.TopicLeads: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollRecords(ctx, 10_000)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			return errors.Join(errors.New("scoring: standby"), e.Err)
		}
		fetches.EachRecord(r.take)
		b.metrics.followed.Add(float64(fetches.NumRecords()))
	}
}

// bottom is what the tails are read on top of: see base.
func (b *standby) bottom(ctx context.Context) error {
	starts, ends, err := bounds(ctx, b.admin, schemas.TopicLeads)
	if err != nil {
		return err
	}
	return b.bases(b.parts, starts, ends)
}

// others are the partitions that this worker does not have: those it gave up or
// followed before, as they stand, and the rest from nothing.
func (s *session) others(mine map[int32]bool, warm map[int32]*partition) map[int32]*partition {
	out := map[int32]*partition{}
	for num := range s.topic.Partitions {
		switch {
		case mine[num]:
		case warm[num] != nil:
			out[num] = warm[num]
		default:
			out[num] = s.fresh(num)
		}
	}
	return out
}

// fresh is a partition that nothing is known of.
func (s *session) fresh(num int32) *partition {
	p := newPartition(num, s.now().UnixMilli())
	p.embedded = s.cfg.FreshTransactionalID
	p.model = s.wanted.Load()
	return p
}
