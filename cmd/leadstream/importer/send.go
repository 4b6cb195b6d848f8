package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// sender posts batches to the collectors, and waits while they cannot store.
type sender struct {
	client   *http.Client
	url, key string
	patience time.Duration
	say      func(string)
}

// no is why the collectors refused one event of a batch.
type no struct {
	Index   int    `json:"index"`
	Word    string `json:"error"`
	Message string `json:"message"`
}

// errFatal is an answer that no repeat makes better.
var errFatal = errors.New("the collectors refuse the import as such")

// send returns when every event is kept or refused for good.
func (s *sender) send(ctx context.Context, events [][]byte) ([]no, error) {
	status, body, err := s.post(ctx, events)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Word    string `json:"error"`
		Message string `json:"message"`
		Count   int    `json:"refused_count"`
		Refused []no   `json:"refused"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %d, and no JSON: %.200q: is this a collector?", errFatal, status, body)
	}
	switch {
	case status == http.StatusOK && answer.Count == len(answer.Refused):
		return answer.Refused, nil
	case status == http.StatusOK:
		return nil, fmt.Errorf("%w: %d events were refused and %d named: is the key a secret one?", errFatal, answer.Count, len(answer.Refused))
	case status == http.StatusUnauthorized, status == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %d %s: %s", errFatal, status, answer.Word, answer.Message)
	case len(events) == 1:
		return []no{{0, answer.Word, answer.Message}}, nil
	}
	// All were refused, or the request was: one by one each hears its own reason.
	var all []no
	for i := range events {
		one, err := s.send(ctx, events[i:i+1])
		if err != nil {
			return nil, err
		}
		for _, n := range one {
			n.Index = i
			all = append(all, n)
		}
	}
	return all, nil
}

// post repeats what may become better by itself: no connection, 429, 503 and other faults of a server.
func (s *sender) post(ctx context.Context, events [][]byte) (status int, body []byte, err error) {
	whole := bytes.Join(events, []byte(","))
	whole = append(append([]byte(`{"events":[`), whole...), "]}"...)
	began, wait := time.Now(), 250*time.Millisecond
	for {
		status, body, err = s.once(ctx, whole)
		if err == nil && status < 500 && status != http.StatusTooManyRequests {
			return status, body, nil
		}
		if err == nil {
			err = fmt.Errorf("%d %.200s", status, bytes.TrimSpace(body))
		}
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		if time.Since(began) > s.patience {
			return 0, nil, fmt.Errorf("%s takes nothing for %v: %w (start the collectors, then the same command again: it goes on where it was)", s.url, s.patience, err)
		}
		s.say("waiting for the collectors: " + err.Error())
		select {
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func (s *sender) once(ctx context.Context, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(s.key, "")
	answer, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	return answer.StatusCode, text, err
}
