package scoring

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// bounds are where topics begin and end: the oldest records kept, and the high
// watermarks. (Not the last stable offsets: see the package's doc.)
func bounds(ctx context.Context, admin *kadm.Client, topics ...string) (starts, ends kadm.ListedOffsets, err error) {
	if starts, err = listed(admin.ListStartOffsets(ctx, topics...)); err != nil {
		return nil, nil, fmt.Errorf("scoring: start offsets of %s: %w", strings.Join(topics, ", "), err)
	}
	if ends, err = listed(admin.ListEndOffsets(ctx, topics...)); err != nil {
		return nil, nil, fmt.Errorf("scoring: end offsets of %s: %w", strings.Join(topics, ", "), err)
	}
	return starts, ends, nil
}

// listed makes an answer with a partition's error in it an error.
func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	return offsets, err
}

func offsetOf(listed kadm.ListedOffsets, topic string, num int32) int64 {
	o, _ := listed.Lookup(topic, num)
	return o.Offset
}
