package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"leadstream/cmd/leadstream/simulate"
	"leadstream/insight"
	"leadstream/internal/clickhouse"
)

type simulateWord struct {
	Seed     uint64 `help:"Same seed and same hour: same events, same ids, and playing them again changes nothing." default:"1"`
	Visitors int    `help:"People of the simulated day." default:"200"`
	Past     int    `help:"Older leads with known outcomes, sent before with the secret key." default:"600"`
	Key      string `help:"Write key." default:"demo"`
	Secret   string `help:"Secret key of a site with history: true, for the older leads." default:"demo-secret" env:"LEADSTREAM_SECRET"`
}

func (w *simulateWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return w.play(ctx, cfg, g.stdout)
}

// play sends the plan, waits until it is stored, and holds what came out
// against what is known beforehand.
func (w *simulateWord) play(ctx context.Context, cfg Config, out io.Writer) error {
	url := "http://" + browsable(cfg.Ingest.Listen)
	plan := simulate.NewPlan(simulate.Options{
		Seed: w.Seed, Visitors: w.Visitors, Past: w.Past, End: time.Now().Truncate(time.Hour), Base: url,
	})
	sent, accepted := len(plan.Events)+len(plan.History), 0
	fmt.Fprintf(out, "simulate: %d events of %d visitors and %d older leads, seed %d, ids %s-...\n", sent, w.Visitors, w.Past, w.Seed, plan.Prefix)
	client := &http.Client{Timeout: 30 * time.Second}
	for _, part := range []struct {
		key    string
		events []simulate.Event
	}{{w.Secret, plan.History}, {w.Key, plan.Events}} {
		sender := &simulate.Sender{Client: client, URL: url, Key: part.key}
		n, err := sender.Send(ctx, part.events, progress(out, accepted, sent))
		accepted += n
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	result, err := simulate.Check(ctx, conn, plan, sent)
	if err != nil {
		return err
	}
	result.Accepted = accepted
	result.Print(out)
	return result.Err()
}

// progress rewrites one line, at most a few times a second.
func progress(out io.Writer, before, total int) func(int) {
	last := time.Time{}
	return func(done int) {
		if done += before; time.Since(last) > 250*time.Millisecond || done == total {
			fmt.Fprintf(out, "\rsimulate: %d of %d accepted", done, total)
			last = time.Now()
		}
	}
}

// demo plays the seeded day and prints what a newcomer came to see.
func (b *base) demo(ctx context.Context) error {
	w := simulateWord{Seed: 1, Visitors: 200, Past: 600, Key: demoKey, Secret: demoSecret}
	if err := w.play(ctx, b.cfg, b.stdout); err != nil {
		return err
	}
	conn, err := clickhouse.Open(ctx, b.cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := simulate.PrintHotList(ctx, conn, b.stdout, 10); err != nil {
		return err
	}
	for _, name := range insight.Reports {
		b.say("")
		if err := insight.Report(ctx, conn, name, reportScope(b.models[0], demoSite), "table", b.stdout); err != nil {
			return err
		}
	}
	b.say("", "Still serving: http://"+browsable(b.cfg.Leads.Listen)+"/ has the live list. Ctrl-C stops it.")
	return nil
}

// demoURL is where a newcomer makes a first lead.
func (b *base) demoURL() string {
	if !b.withDemoSite {
		return ""
	}
	url := "http://" + browsable(b.cfg.Ingest.Listen) + "/demo/"
	// Its pages link to the leads app; told once, they remember another port.
	if _, port, _ := net.SplitHostPort(b.cfg.Leads.Listen); port != "8090" {
		url += "?leads=" + port
	}
	return url
}
