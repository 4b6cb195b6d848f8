package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Options is one import.
type Options struct {
	File, MapFile string
	Map           Map
	URL, Key      string // of the collectors; a secret key
	Dir           string // of the state
	Restart       bool   // from the first row, whatever was done
	Patience      time.Duration
	Out           io.Writer
	Terminal      bool // Out is one: a bar is drawn
	Now           time.Time
}

// A batch is small enough to be answered within a second or two, and to be sent again without regret.
const (
	batchRows  = 500
	batchBytes = 1 << 20
	// shown is how many refused rows are printed; all are in the file of refused rows.
	shown = 20
)

// run is an import under way.
type run struct {
	o        Options
	path     string // of the state
	state    State
	mapper   *mapper
	sender   *sender
	rows     rows
	source   *source
	refused  *os.File
	printed  int
	progress progress

	events [][]byte
	lines  []int64
	bytes  int
	read   int64 // rows, with those that wait in events
}

// Run imports a file, or the rest of it.
func Run(ctx context.Context, o Options) (State, error) {
	r, done, err := prepare(o)
	if err != nil || done {
		return r.state, err
	}
	defer r.refused.Close()
	defer r.rows.close()
	err = r.all(ctx)
	r.progress.end(r)
	if err == nil {
		r.state.Done = true
		err = r.state.write(r.path)
	}
	return r.state, err
}

func prepare(o Options) (*run, bool, error) {
	r := &run{o: o, progress: progress{out: o.Out, bar: o.Terminal, began: time.Now()}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return r, false, err
	}
	var err error
	if r.path, err = statePath(o.Dir, o.File); err != nil {
		return r, false, err
	}
	name, err := identity(o.File, o.MapFile)
	if err != nil {
		return r, false, err
	}
	if r.state, err = readState(r.path); err != nil && !o.Restart {
		return r, false, err
	}
	how := os.O_APPEND
	switch {
	case o.Restart || r.state.Identity != name:
		if r.state.Rows > 0 && !o.Restart {
			fmt.Fprintln(o.Out, "import: the file or the map is another than in the last run: from the first row; rows that are the same count once")
		}
		whole, _ := filepath.Abs(o.File) // statePath has asked before
		r.state, how = State{File: whole, Identity: name}, os.O_TRUNC
	case r.state.Done:
		fmt.Fprintf(o.Out, "import: %s was imported already, %d rows (--restart sends it again: rows count once)\n", o.File, r.state.Rows)
		return r, true, nil
	case r.state.Rows > 0:
		fmt.Fprintf(o.Out, "import: going on after row %d\n", r.state.Rows)
	}
	if r.mapper, err = newMapper(o.Map, o.Now); err != nil {
		return r, false, err
	}
	if r.rows, r.source, err = openRows(o.File, o.Map); err != nil {
		return r, false, err
	}
	r.sender = &sender{client: &http.Client{Timeout: time.Minute}, url: o.URL, key: o.Key, patience: o.Patience, say: r.progress.say}
	r.refused, err = os.OpenFile(r.path+".refused.ndjson", os.O_CREATE|os.O_WRONLY|how, 0o600)
	return r, false, err
}

// all reads to the end. The state moves only behind rows whose events were answered: a run that is killed between two
// batches sends the last one again, and it counts once.
func (r *run) all(ctx context.Context) error {
	for {
		row, line, err := r.rows.next()
		var bad badRow
		switch {
		case errors.Is(err, io.EOF):
			return r.flush(ctx)
		case errors.As(err, &bad):
		case err != nil:
			return errors.Join(fmt.Errorf("%s:%d: %w", r.o.File, line, err), r.flush(ctx))
		}
		if r.read++; r.read <= r.state.Rows {
			continue // of an earlier run
		}
		if err := r.take(row, line, bad.error); err != nil {
			return err
		}
		if len(r.events) >= batchRows || r.bytes >= batchBytes {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *run) take(row map[string]any, line int64, bad error) error {
	var event []byte
	if bad == nil {
		event, bad = r.mapper.event(row)
	}
	switch {
	case bad != nil:
		return r.refuse(line, "bad_row", bad.Error(), row)
	case event == nil:
		r.state.Skipped++
	default:
		r.events, r.lines, r.bytes = append(r.events, event), append(r.lines, line), r.bytes+len(event)
	}
	return nil
}

func (r *run) flush(ctx context.Context) error {
	if len(r.events) > 0 {
		refused, err := r.sender.send(ctx, r.events)
		if err != nil {
			return err
		}
		for _, n := range refused {
			if err := r.refuse(r.lines[n.Index], n.Word, n.Message, json.RawMessage(r.events[n.Index])); err != nil {
				return err
			}
		}
		r.state.Accepted += int64(len(r.events) - len(refused))
	}
	r.events, r.lines, r.bytes = r.events[:0], r.lines[:0], 0
	r.state.Rows = r.read
	r.progress.show(r)
	return r.state.write(r.path)
}

// refuse counts a row, prints it while they are few, and keeps it in the file of refused rows.
func (r *run) refuse(line int64, word, message string, content any) error {
	r.state.Refused++
	if r.printed++; r.printed <= shown {
		r.progress.say(fmt.Sprintf("%s:%d: %s: %s", r.o.File, line, word, message))
	}
	text, err := json.Marshal(map[string]any{"line": line, "error": word, "message": message, "row": content})
	if err == nil {
		_, err = r.refused.Write(append(text, '\n'))
	}
	return err
}

// RefusedFile is where the rows that became no event are.
func RefusedFile(dir, file string) string {
	path, err := statePath(dir, file)
	if err != nil {
		return ""
	}
	return path + ".refused.ndjson"
}

// First makes the native events of the first n rows, without sending: each is an event or why the row is none.
func First(o Options, n int, each func(line int64, event []byte, err error)) error {
	m, err := newMapper(o.Map, o.Now)
	if err != nil {
		return err
	}
	in, _, err := openRows(o.File, o.Map)
	if err != nil {
		return err
	}
	defer in.close()
	for range n {
		row, line, err := in.next()
		var bad badRow
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			each(line, nil, bad.error)
			continue
		case err != nil:
			return fmt.Errorf("%s:%d: %w", o.File, line, err)
		}
		event, err := m.event(row)
		each(line, event, err)
	}
	return nil
}
