package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"leadstream/ingest"
	"leadstream/schemas/pb"
)

type deadletterWord struct {
	List   deadletterListWord   `cmd:"" help:"Count dead letters by stage, site and reason, and name the newest of each."`
	Show   deadletterShowWord   `cmd:"" help:"Print one dead letter and what mends it."`
	Replay deadletterReplayWord `cmd:"" help:"Play dead letters again, after what was wrong is mended; safe to repeat."`
}

// Help stands below `leadstream deadletter --help`.
func (deadletterWord) Help() string {
	return `Examples:
  leadstream deadletter list --since 24h
  leadstream deadletter show 3:17
  leadstream deadletter replay --reason too_large --site shop --dry-run`
}

// letterFilter chooses dead letters.
type letterFilter struct {
	Since  time.Duration `help:"Only of the last so long, such as 24h; 0 = all that the topic holds." default:"0"`
	Stage  string        `help:"Only of this stage: ingest, scoring or sink."`
	Site   string        `help:"Only of this site; letters of scoring and sink often do not know theirs."`
	Reason string        `help:"Only with this reason."`
}

func (f letterFilter) takes(l letter, now time.Time) bool {
	return (f.Since == 0 || time.UnixMilli(l.At).After(now.Add(-f.Since))) &&
		(f.Stage == "" || f.Stage == l.Stage) && (f.Site == "" || f.Site == l.Site) && (f.Reason == "" || f.Reason == l.Reason)
}

type deadletterListWord struct {
	letterFilter
	Format string `help:"table or json." enum:"table,json" default:"table"`
}

// letterCount is a row of the list.
type letterCount struct {
	Stage    string    `json:"stage"`
	Site     string    `json:"site"`
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	Replayed int       `json:"failed_again"` // of these, played again and failed again: a newer letter stands for them
	Newest   time.Time `json:"newest"`
	Example  string    `json:"example"`
}

func (w *deadletterListWord) Run(g *globals) error {
	box, err := openLetters(g)
	if err != nil {
		return err
	}
	defer box.close()
	rows := map[[3]string]*letterCount{}
	err = box.each(func(l letter) {
		if !w.takes(l, time.Now()) {
			return
		}
		key := [3]string{l.Stage, l.Site, l.Reason}
		row := rows[key]
		if row == nil {
			row = &letterCount{Stage: l.Stage, Site: l.Site, Reason: l.Reason}
			rows[key] = row
		}
		row.Count++
		if box.superseded[l.place()] {
			row.Replayed++
		}
		if at := time.UnixMilli(l.At).UTC(); !at.Before(row.Newest) {
			row.Newest, row.Example = at, l.place()
		}
	})
	if err != nil {
		return err
	}
	var list []*letterCount
	for _, row := range rows {
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b *letterCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Stage+a.Site+a.Reason, b.Stage+b.Site+b.Reason)
	})
	return printCounts(g.stdout, list, w.Format)
}

func printCounts(out io.Writer, list []*letterCount, format string) error {
	if format == "json" {
		if list == nil {
			list = []*letterCount{}
		}
		return json.NewEncoder(out).Encode(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(out, "no dead letters")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COUNT\tSTAGE\tSITE\tREASON\tFAILED AGAIN\tNEWEST\tSHOW")
	for _, row := range list {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\t%s\n", row.Count, row.Stage, orDash(row.Site), row.Reason, row.Replayed, row.Newest.Format(time.RFC3339), row.Example)
	}
	return table.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

type deadletterShowWord struct {
	Place string `arg:"" help:"PARTITION:OFFSET, as the list names it."`
}

func (w *deadletterShowWord) Run(g *globals) error {
	box, err := openLetters(g)
	if err != nil {
		return err
	}
	defer box.close()
	var found *letter
	if err := box.each(func(l letter) {
		if l.place() == w.Place {
			found = &l
		}
	}); err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("no dead letter stands at %q: PARTITION:OFFSET is what `leadstream deadletter list` names; the topic keeps its records for a month", w.Place)
	}
	l := found
	out := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	source := "an HTTP request to " + orDash(l.Path)
	if l.Topic != "" {
		source = fmt.Sprintf("%s, partition %d, offset %d", l.Topic, l.Partition, l.Offset)
	}
	for _, row := range [][2]string{
		{"at", time.UnixMilli(l.At).UTC().Format(time.RFC3339Nano)}, {"stage", l.Stage}, {"reason", l.Reason}, {"detail", l.Detail},
		{"source", source}, {"site", l.Site}, {"protocol", l.Protocol}, {"key", readableBytes(l.Key)}, {"replay of", l.ReplayOf},
		{"to mend it", ingest.Mend(l.DeadLetter)},
	} {
		if row[1] != "" {
			fmt.Fprintf(out, "%s\t%s\n", row[0], row[1])
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "payload, %d bytes:\n%s\n", len(l.Payload), payloadText(l.DeadLetter))
	return nil
}

// payloadText is the record of a topic as JSON if it is one, else the bytes as they came.
func payloadText(d *pb.DeadLetter) string {
	if d.Topic != "" {
		m := message(d.Topic)
		if proto.Unmarshal(d.Payload, m) == nil {
			return readable(d.Topic, d.Payload)
		}
	}
	return readableBytes(d.Payload)
}

// readableBytes is text as it is, if no terminal can be harmed by it, else quoted.
func readableBytes(b []byte) string {
	text := string(b)
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return text
	}
	return fmt.Sprintf("%q", text)
}

type deadletterReplayWord struct {
	letterFilter
	Places []string `arg:"" optional:"" help:"PARTITION:OFFSET of single letters; without, all that the filters take."`
	DryRun bool     `help:"Only say what would be played, and what would come of it."`
}

func (w *deadletterReplayWord) Run(g *globals) error {
	if len(w.Places) == 0 && w.letterFilter == (letterFilter{}) {
		return errors.New("say which: PARTITION:OFFSET, or at least one of --since, --stage, --site, --reason (`leadstream deadletter list` shows what there is)")
	}
	box, err := openLetters(g)
	if err != nil {
		return err
	}
	defer box.close()
	var chosen []letter
	skipped := 0
	err = box.each(func(l letter) {
		if len(w.Places) > 0 && !slices.Contains(w.Places, l.place()) || !w.takes(l, time.Now()) {
			return
		}
		if box.superseded[l.place()] && len(w.Places) == 0 {
			skipped++ // the letter that its last replay became stands for it
			return
		}
		chosen = append(chosen, l)
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	done, err := box.replay(ctx, chosen, w.DryRun, g.stdout)
	done.skipped = skipped
	done.print(g.stdout, w.DryRun)
	return err
}
