package leads

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

const (
	// heartbeat keeps proxies, which cut silent connections after 30 s or more, from cutting this one.
	heartbeat = 15 * time.Second
	// writeTime bounds one write: a reader that hangs longer is gone.
	writeTime = 10 * time.Second
)

// getStream is GET /v1/stream: server-sent events, `lead` with a lead's new state and `reset` when the reader was too slow and
// should read the list anew. There are no ids to resume from: a browser that comes back reads the list, which is newer.
func (s *Service) getStream(w http.ResponseWriter, r *http.Request) {
	want, faults := parseWant(r)
	if len(faults) > 0 {
		badParameters(w, faults)
		return
	}
	c, err := s.hub.join(want)
	if err != nil {
		w.Header().Set("Retry-After", "5")
		refuse(w, refusal{Word: "busy", Message: "No live stream can be opened: " + err.Error() + "."})
		return
	}
	defer s.hub.leave(c)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold updates back
	if out.raw("retry: 2000\n: hello\n\n") != nil {
		return
	}
	s.pump(r, c, out)
}

// pump writes until either side ends. A failed write means that the reader has gone.
func (s *Service) pump(r *http.Request, c *client, out *eventWriter) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-c.gone:
			if c.slow {
				_ = out.event("reset", []byte(`{"reason":"slow"}`))
			}
			return
		case record := <-c.updates:
			err = out.lead(s.words().lead(record, now()))
		case <-beat.C:
			err = out.raw(": still here\n\n")
		}
		if err != nil {
			return
		}
	}
}

// parseWant reads which leads a stream is about.
func parseWant(r *http.Request) (func(*pb.LeadRecord) bool, []string) {
	read := &reader{values: r.URL.Query()}
	read.only([]string{"lead", "site", "track", "min_score", "token"})
	site, track, low := read.text("site"), read.text("track"), read.score("min_score")
	var lead string
	if text := read.text("lead"); text != "" {
		id, err := schemas.ParseLeadID(text)
		if err != nil {
			read.fault("lead: %s", err)
		}
		lead = string(id[:])
	}
	return func(record *pb.LeadRecord) bool {
		return (lead == "" || lead == string(record.GetLeadId())) &&
			(site == "" || site == record.GetSite()) &&
			(track == "" || track == record.GetTrack()) &&
			(low == nil || record.GetScore() >= *low)
	}, read.faults
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *eventWriter) lead(l Lead) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return o.event("lead", text)
}

// event writes one event; data is JSON, which has no line end of its own.
func (o *eventWriter) event(name string, data []byte) error {
	return o.raw("event: " + name + "\ndata: " + string(data) + "\n\n")
}

func (o *eventWriter) raw(text string) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.control.Flush()
}
