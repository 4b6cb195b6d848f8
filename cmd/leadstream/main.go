// Command leadstream is the whole pipeline in one binary: a word a role, and
// `all` for every role in one process.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"leadstream/internal/embedded"
)

// version is set by the linker (make build).
var version = "dev"

type words struct {
	globals

	All        allWord        `cmd:"" help:"The whole path in one process: collectors, scoring, store, leads and web app."`
	Ingest     ingestWord     `cmd:"" help:"Collectors only: HTTP in, events topic out."`
	Score      scoreWord      `cmd:"" help:"A scoring worker only; start several to share the partitions."`
	Sink       sinkWord       `cmd:"" help:"Topics to ClickHouse only."`
	Leads      leadsWord      `cmd:"" help:"Leads API and web app only."`
	Migrate    migrateWord    `cmd:"" help:"Create topics and tables; safe to repeat."`
	Check      checkWord      `cmd:"" help:"Print the effective config and every fault of config and model at once."`
	Model      modelWord      `cmd:"" help:"Work on a scoring model."`
	Report     reportWord     `cmd:"" help:"Print an analysis: funnel or forecast."`
	Export     exportWord     `cmd:"" help:"Write a table or view to a file: parquet, csv or ndjson."`
	Erasure    erasureWord    `cmd:"" help:"Search every store for a person who was erased, or will be."`
	Simulate   simulateWord   `cmd:"" help:"Play seeded visitors through the front door and check what comes out."`
	Tail       tailWord       `cmd:"" help:"Print a topic's records readably."`
	Import     importWord     `cmd:"" help:"Send history from a file (CSV, NDJSON, Parquet) through the collectors."`
	Deadletter deadletterWord `cmd:"" help:"Look at what could not be read, and play it again once that is mended."`
	Version    versionWord    `cmd:"" help:"Print version, commit and Go version."`
}

const examples = `Examples:
  leadstream all                                  everything on this machine
  leadstream all --ingest-listen 127.0.0.1:8081   another port (also LEADSTREAM_INGEST_LISTEN, ingest.listen)
  leadstream check --model my-model.yml           what is wrong with my model?
  leadstream score --config leadstream.yml        one more scoring worker
  leadstream report forecast --format json
  leadstream tail events --follow`

func main() {
	embedded.MaybeChild()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0 done, 1 failed, 2 not understood.
func run(args []string, stdout, stderr io.Writer) int {
	var w words
	left := -1
	parser, err := kong.New(&w,
		kong.Name("leadstream"),
		kong.Description("Behavioural lead scoring: from a visitor's beacon to a salesperson's hot list.\n\n"+examples),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { left = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "leadstream:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	word, err := parser.Parse(args)
	if left >= 0 { // --help has been printed
		return left
	}
	if err != nil {
		fmt.Fprintf(stderr, "leadstream: %v (see `leadstream --help`)\n", err)
		return 2
	}
	w.stdout, w.stderr = stdout, stderr
	if err := word.Run(&w.globals); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
