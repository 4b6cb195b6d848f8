package ingest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/ingest/agent"
	"leadstream/ingest/geo"
	"leadstream/ingest/hooks"
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/ingest/spool"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Replayer takes what the collectors refused through decoder and pipeline once more, as of the time it was received: with the same
// site and the same trust, since a page's claim does not become a server's by failing once. What the letter does not hold is
// missing: the sender's address and user agent, and the skew of its clock.
type Replayer struct {
	sites  sites
	limits protocol.Limits
	salts  *privacy.Salts
	agents *agent.Reader
	atlas  *geo.Atlas
}

// ErrNotReplayable says that a letter does not hold enough.
var ErrNotReplayable = errors.New("cannot be played again")

// NewReplayer needs the sites, and the limits: raising one is what mends too_large.
func NewReplayer(cfg Config) (*Replayer, error) {
	atlas, err := geo.New(cfg.GeoIP, geo.Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	if err != nil {
		return nil, err
	}
	salts, err := privacy.OpenSalts("", cfg.Privacy.DaySecret.Reveal(), zap.NewNop(), time.Now())
	if err != nil {
		return nil, err
	}
	limits := protocol.Limits{Events: cfg.MaxBatch, Bytes: int(cfg.MaxEvent)}
	return &Replayer{sites: newSites(cfg), limits: limits, salts: salts, agents: agent.NewReader(), atlas: atlas}, nil
}

// Replay is what the letter at partition and offset becomes: records for the topics, events and again letters, the latter linked to
// this one. The same letter makes the same records, so that a replay may be repeated.
func (r *Replayer) Replay(d *pb.DeadLetter, partition int32, offset int64) (records []spool.Record, events, again int, err error) {
	known := r.sites.named[d.Site]
	switch {
	case len(d.Payload) == 0 || strings.Contains(d.Detail, "("+contentGone):
		return nil, 0, 0, fmt.Errorf("%w: its content was not kept", ErrNotReplayable)
	case strings.HasSuffix(d.Detail, "("+contentCut+")"):
		return nil, 0, 0, fmt.Errorf("%w: only the first %d bytes of it were kept", ErrNotReplayable, len(d.Payload))
	case known == nil:
		return nil, 0, 0, fmt.Errorf("%w: the site %q is none of ingest.sites of this config", ErrNotReplayable, d.Site)
	}
	request, decode, ok := protocol.Again(d.Protocol, d.Path, string(d.Payload), r.limits)
	if !ok {
		return nil, 0, 0, fmt.Errorf("%w: no decoder reads %q without its delivery; ask the provider to deliver it again", ErrNotReplayable, d.Protocol)
	}
	f := &facts{
		site: known, trusted: d.Trusted, protocol: d.Protocol, path: d.Path, receivedAt: d.At,
		salts: r.salts, agents: r.agents, atlas: r.atlas, note: func(change) {}, removed: func(privacy.Removal, int) {}, hide: r.sites.hide,
	}
	batch, err := decode(request)
	var no *protocol.Fault
	switch {
	case errors.As(err, &no):
		batch.Items = []protocol.Item{{Event: &pb.Event{}, Raw: string(d.Payload), Fault: no}}
	case err != nil:
		return nil, 0, 0, err
	}
	l := r.letters(f, batch.Items, d, partition, offset)
	records, err = encode(l)
	return records, len(l.events), len(l.dead), err
}

func (r *Replayer) letters(f *facts, items []protocol.Item, d *pb.DeadLetter, partition int32, offset int64) (l letters) {
	for i := range items {
		it := &items[i]
		if it.Fault == nil && it.Event.EventId == "" {
			// Of the letter's place, and of its time lest a topic that begins anew gives it away twice.
			it.Event.EventId = fmt.Sprintf("dead-letter-%d-%d-%d-%d", partition, offset, d.At, i)
		}
		for s := 0; s < len(steps) && it.Fault == nil; s++ {
			it.Fault = steps[s].run(f, it)
		}
		if it.Fault == nil {
			l.events = append(l.events, it.Event)
			continue
		}
		if it.Fault.Reason == consentDenied { // a site that has become stricter since
			continue
		}
		dead := deadLetter(f, it)
		dead.ReplayOf = fmt.Sprintf("%d:%d", partition, offset)
		l.dead = append(l.dead, dead)
	}
	return l
}

// Mend is what a person does about a reason before the letter is played again.
func Mend(d *pb.DeadLetter) string {
	switch {
	case strings.Contains(d.Detail, "("+contentGone), strings.HasSuffix(d.Detail, "("+contentCut+")"):
		return "nothing: its content is not there"
	case d.Stage != "ingest":
		return "mend what the detail names (an update of leadstream, the model, a table), then `leadstream deadletter replay`"
	}
	switch protocol.Reason(d.Reason) {
	case protocol.TooLarge:
		return "raise ingest.max_event, or let the sender send less, then replay"
	case recordTooLarge:
		return "raise max.message.bytes of the broker's topic, then replay"
	case hooks.BadMapping:
		return "mend the map of the hook; the provider must deliver again"
	case secretKeyNeeded:
		return "let the sender sign with a secret key; a replay stays what it was"
	case unknownType:
		return "the type is one of " + strings.Join(schemas.EventTypes, ", ") + ": mend the sender"
	}
	return "mend the sender: a replay helps only if the collectors have changed since"
}
