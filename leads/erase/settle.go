package erase

import (
	"context"
	"fmt"

	"leadstream/schemas"
)

// ends are where topics end now, in the partitions of the person's leads.
func (e *Eraser) ends(ctx context.Context, partitions map[int32]bool, topics ...string) (places, error) {
	listed, err := e.admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("erase: ask where the topics end: %w", err)
	}
	at := places{}
	for topic, parts := range listed {
		for partition, end := range parts {
			if partitions[partition] {
				at.raise(topic, partition, end.Offset)
			}
		}
	}
	return at, nil
}

// passed tells whether a group has read and committed everything below the places. What the broker itself does not have any
// more (the embedded one can lose its end with the machine's power) is not waited for.
func (e *Eraser) passed(ctx context.Context, group string, wanted places) (bool, error) {
	committed, err := e.admin.FetchOffsets(ctx, group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return false, fmt.Errorf("erase: ask how far group %s is: %w", group, err)
	}
	topics := make([]string, 0, len(wanted))
	for topic := range wanted {
		topics = append(topics, topic)
	}
	starts, err := e.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return false, fmt.Errorf("erase: ask where the topics begin: %w", err)
	}
	ends, err := e.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return false, fmt.Errorf("erase: ask where the topics end: %w", err)
	}
	for topic, parts := range wanted {
		for partition, want := range parts {
			end, _ := ends.Lookup(topic, partition)
			start, _ := starts.Lookup(topic, partition)
			want = min(want, end.Offset)
			done, _ := committed.Lookup(topic, partition)
			if want > start.Offset && done.At < want {
				return false, nil
			}
		}
	}
	return true, nil
}

// sinkTopics are what rows are made from.
var sinkTopics = []string{schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages}

// settling follows one request from step to step. Each step asks only whether it is done, so that it can be asked again.
type settling struct {
	partitions map[int32]bool
	scored     places // what scoring must have read: the commands, and the events before them
	stored     places // what the sink must have read after that; nil until scoring is there
}

func (e *Eraser) settling(ctx context.Context, told places) (*settling, error) {
	s := &settling{partitions: map[int32]bool{}, scored: told}
	for partition := range told[schemas.TopicRouted] {
		s.partitions[partition] = true
	}
	events, err := e.ends(ctx, s.partitions, schemas.TopicEvents)
	if err != nil {
		return nil, err
	}
	for partition, end := range events[schemas.TopicEvents] {
		s.scored.raise(schemas.TopicEvents, partition, end)
	}
	return s, nil
}

// done tells whether nothing of the person can come any more, and if not, who is waited for.
func (e *Eraser) done(ctx context.Context, s *settling) (waitingFor string, err error) {
	if s.stored == nil {
		for _, group := range e.cfg.ScoringGroups {
			if ok, err := e.passed(ctx, group, s.scored); err != nil || !ok {
				return "scoring", err
			}
		}
		if s.stored, err = e.ends(ctx, s.partitions, sinkTopics...); err != nil {
			return "scoring", err
		}
	}
	ok, err := e.passed(ctx, e.cfg.SinkGroup, s.stored)
	if err != nil || !ok {
		return "sink", err
	}
	return "", nil
}
