package ingest

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/ingest/spool"
)

// apart produces a record in a batch of its own. A broker that finds a batch too large refuses all records of it, those of other
// requests too, although most of them would fit: only who is refused alone is too large. Such a record comes after later ones
// of its visitor, which changes no score: that is a function of the set.
type apart struct {
	opts []kgo.Opt

	mu     sync.Mutex // one record at a time, hence one a batch
	client *kgo.Client
}

// again gives what was refused in company its second chance, and then tells how the sending went.
func (a *apart) again(ctx context.Context, s *sending) error {
	if s.away != nil || len(s.refused.Index) == 0 {
		return s.outcome()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == nil {
		client, err := kgo.NewClient(a.opts...)
		if err != nil {
			return fmt.Errorf("%w: %w", errBrokerAway, err) // unreachable: the other client took the same options
		}
		a.client = client
	}
	var no spool.Refused
	for _, i := range s.refused.Index {
		was := s.records[i]
		err := a.client.ProduceSync(ctx, &kgo.Record{Topic: was.Topic, Key: was.Key, Value: was.Value}).FirstErr()
		switch {
		case err == nil:
		case refusedForGood(err):
			no.Index, no.Why = append(no.Index, i), err
		default:
			return fmt.Errorf("%w: %w", errBrokerAway, err)
		}
	}
	if len(no.Index) == 0 {
		return nil
	}
	return &no
}

func (a *apart) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil {
		a.client.Close()
	}
}
