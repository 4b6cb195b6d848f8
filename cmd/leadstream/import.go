package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"leadstream/cmd/leadstream/importer"
	"leadstream/ingest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

//	events.csv, .ndjson, .parquet
//	        |  map.yml
//	   [ importer ] -POST /v1/events, secret key-> the collectors, as everything else
//	        `-- data_dir/import: how far, and the rows refused

type importWord struct {
	File     string        `arg:"" help:"CSV, NDJSON (also .gz, .zst) or Parquet." type:"existingfile"`
	Map      string        `required:"" help:"YAML file: what the columns mean (docs/import.md)." placeholder:"FILE" type:"existingfile"`
	DryRun   bool          `help:"Print the first events as they would be stored, and send nothing."`
	First    int           `short:"n" help:"How many rows a dry run shows." default:"5"`
	Restart  bool          `help:"From the first row, although an earlier run was at work; rows count once."`
	URL      string        `help:"Address of the collectors (default: ingest.listen of the config)." placeholder:"http://HOST:PORT"`
	Patience time.Duration `help:"How long to wait for collectors that do not answer." default:"5m"`
}

// Help stands below `leadstream import --help`.
func (importWord) Help() string {
	return `Examples:
  leadstream import --map crm.yml events.csv --dry-run
  leadstream import --map crm.yml events.csv
  leadstream import --map web.yml events.ndjson.gz --url https://collect.example.com`
}

func (w *importWord) Run(g *globals) error {
	cfg, _, err := g.load()
	m, mapErr := importer.LoadMap(w.Map)
	if err := errors.Join(err, mapErr); err != nil {
		return err
	}
	cfg.stores()
	key, err := historyKey(cfg.Ingest, m.Site)
	if err != nil {
		return err
	}
	o := importer.Options{
		File: w.File, MapFile: w.Map, Map: *m, Key: key, URL: strings.TrimSuffix(w.URL, "/"), Dir: cfg.under("import"), Restart: w.Restart,
		Patience: w.Patience, Out: g.stdout, Terminal: terminal(g.stdout), Now: time.Now(),
	}
	if o.URL == "" {
		o.URL = "http://" + browsable(cfg.Ingest.Listen)
	}
	if w.DryRun {
		return dryRun(cfg.Ingest, o, w.First, g.stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	state, err := importer.Run(ctx, o)
	if err != nil {
		return fmt.Errorf("import: after row %d: %w", state.Rows, err)
	}
	fmt.Fprintf(g.stdout, "import: %d rows: %d accepted, %d passed over, %d refused\n", state.Rows, state.Accepted, state.Skipped, state.Refused)
	if state.Refused > 0 {
		fmt.Fprintf(g.stdout, "import: the refused rows and why: %s\n", importer.RefusedFile(o.Dir, w.File))
	}
	return nil
}

// historyKey finds the key that may say when an event was received. Without that right the collectors would take old events as of
// now, and they would count for nothing.
func historyKey(cfg ingest.Config, site string) (string, error) {
	for _, s := range cfg.Sites {
		switch {
		case s.Name != site:
		case !s.History:
			return "", fmt.Errorf("import: ingest.sites: the site %q needs history: true, here and at the collectors, which then take events of years gone by", site)
		case len(s.SecretKeys) == 0:
			return "", fmt.Errorf("import: ingest.sites: the site %q needs a secret key: whoever has a public one could rewrite the past", site)
		default:
			return s.SecretKeys[0].Reveal(), nil
		}
	}
	return "", fmt.Errorf("import: the map's site %q is none of ingest.sites (name the collectors' config with --config)", site)
}

// dryRun takes the first rows through the collectors' own decoder and pipeline, in this process.
func dryRun(cfg ingest.Config, o importer.Options, n int, out io.Writer) error {
	pipeline, err := ingest.NewReplayer(cfg)
	if err != nil {
		return err
	}
	var failed error
	err = importer.First(o, n, func(line int64, event []byte, no error) {
		at := fmt.Sprintf("%s:%d", o.File, line)
		switch {
		case no != nil:
			fmt.Fprintf(out, "%s: bad_row: %v\n", at, no)
			return
		case event == nil:
			fmt.Fprintf(out, "%s: passed over\n", at)
			return
		}
		records, _, _, err := pipeline.Replay(&pb.DeadLetter{Site: o.Map.Site, Protocol: "native", Payload: event, Trusted: true, At: o.Now.UnixMilli()}, 0, line)
		if err != nil {
			failed = errors.Join(failed, err)
			return
		}
		for _, r := range records {
			fmt.Fprintf(out, "%s: %s\n", at, canonical(r.Topic, r.Value))
		}
	})
	return errors.Join(err, failed)
}

func canonical(topic string, value []byte) string {
	if topic == schemas.TopicDeadLetter {
		d := new(pb.DeadLetter)
		if err := proto.Unmarshal(value, d); err != nil {
			return err.Error()
		}
		return d.Reason + ": " + d.Detail
	}
	e := new(pb.Event)
	if err := proto.Unmarshal(value, e); err != nil {
		return err.Error()
	}
	properties, traits := e.Properties, e.Traits
	e.Properties, e.Traits = nil, nil // bytes would be printed as base64
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s properties=%s traits=%s", text, properties, traits)
}

// terminal tells whether somebody watches.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
