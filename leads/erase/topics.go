package erase

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"leadstream/schemas"
)

// topicEvidence says when each topic has lost its last copy: after retention, and the time until the segment that holds it
// is closed; in a compacted topic after the longest wait for compaction.
func (e *Eraser) topicEvidence(ctx context.Context, asked time.Time) ([]Evidence, error) {
	var names []string
	for _, t := range schemas.Topics() {
		names = append(names, t.Name)
	}
	configs, err := e.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("erase: ask for the topics' retention: %w", err)
	}
	var list []Evidence
	for _, c := range configs {
		settings := map[string]string{}
		for _, one := range c.Configs {
			settings[one.Key] = one.MaybeValue()
		}
		list = append(list, topicRow(c.Name, settings, asked))
	}
	return list, nil
}

func topicRow(name string, settings map[string]string, asked time.Time) Evidence {
	row := Evidence{Store: "topic " + name, FinishedAt: time.Now().UTC().Truncate(time.Millisecond)}
	bound, why := "retention.ms", "by retention"
	if settings["cleanup.policy"] == "compact" {
		bound, why = "max.compaction.lag.ms", "by compaction: the erased lead's newest record holds nothing but the mark that keeps it erased"
	}
	wait, err := strconv.ParseInt(settings[bound], 10, 64)
	const century = 100 * 365 * 24 * time.Hour
	if err != nil || wait < 0 || wait > century.Milliseconds() {
		row.Detail = "a log, which cannot be cleaned in place; it has no bound of time: set " + bound + " for one"
		if settings["retention.bytes"] != "" && settings["retention.bytes"] != "-1" {
			row.Detail = "a log, which cannot be cleaned in place; records go when a partition has outgrown " + settings["retention.bytes"] + " bytes"
		}
		return row
	}
	segment, _ := strconv.ParseInt(settings["segment.ms"], 10, 64)
	gone := asked.Add(time.Duration(wait+segment) * time.Millisecond)
	row.GoneBy, row.Detail = &gone, "a log, which cannot be cleaned in place; gone "+why
	return row
}
