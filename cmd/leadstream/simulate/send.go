package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// batchSize is what a busy tracker sends at once.
const batchSize = 50

// Sender posts events to a collector and waits its turn when told to.
type Sender struct {
	Client *http.Client
	// The collector's address, without a path.
	URL string
	// A write key, or the secret key for history.
	Key string
}

// Send posts events in order, in batches, and returns how many the collector
// said it accepted. 429 and 503 are waited out as Retry-After says; any other
// refusal ends the sending with the collector's own sentence.
func (s *Sender) Send(ctx context.Context, events []Event, progress func(done int)) (accepted int, err error) {
	for batch := range slices.Chunk(events, batchSize) {
		if err := s.post(ctx, batch); err != nil {
			return accepted, err
		}
		accepted += len(batch)
		if progress != nil {
			progress(accepted)
		}
	}
	return accepted, nil
}

func (s *Sender) post(ctx context.Context, batch []Event) error {
	body, err := json.Marshal(map[string]any{"sent_at": time.Now().UnixMilli(), "events": batch})
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		wait, err := s.once(ctx, body)
		if err == nil {
			return nil
		}
		if wait == 0 || attempt == 10 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// once posts the body; wait > 0 means: try again after that long.
func (s *Sender) once(ctx context.Context, body []byte) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.SetBasicAuth(s.Key, "")
	request.Header.Set("Content-Type", "application/json")
	response, err := s.Client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("simulate: %w (is a collector listening there? start one with `leadstream all`)", err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	switch response.StatusCode {
	case http.StatusOK:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		wait = time.Duration(max(1, seconds)) * time.Second
	}
	return wait, fmt.Errorf("simulate: collector answered %s: %s", response.Status, bytes.TrimSpace(answer))
}
