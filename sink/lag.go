package sink

import "github.com/twmb/franz-go/pkg/kgo"

// lag is how far behind its end each owned partition is.
type lag map[partition]progress

type progress struct {
	end  int64 // of what is committed by its producers, as of the last fetch
	next int64 // first offset that is not in ClickHouse
}

func (l lag) saw(p kgo.FetchTopicPartition) {
	at := partition{p.Topic, p.Partition}
	now, known := l[at]
	now.end = max(now.end, p.LastStableOffset)
	if !known && len(p.Records) > 0 {
		now.next = p.Records[0].Offset
	}
	l[at] = now
}

func (l lag) wrote(spans map[partition]span) {
	for at, s := range spans {
		now := l[at]
		now.next = s.last + 1
		l[at] = now
	}
}

func (l lag) publish(m *metrics) {
	sums := map[string]int64{}
	for at, p := range l {
		sums[at.topic] += max(0, p.end-p.next)
	}
	for topic, sum := range sums {
		m.lagRecords.WithLabelValues(topic).Set(float64(sum))
	}
}
