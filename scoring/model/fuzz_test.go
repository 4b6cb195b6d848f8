package model

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// FuzzLoad: any bytes either load into a model that can score, or are refused
// with faults that have a place.
func FuzzLoad(f *testing.F) {
	f.Add(defaultFile)
	files, _ := filepath.Glob("testdata/bad/*.yml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	events := visit(20)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Load(data, "f.yml")
		var faults *Faults
		if err != nil {
			if !errors.As(err, &faults) || len(faults.List) == 0 || faults.List[0].Line < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		l := lead()
		for _, ev := range events {
			m.Apply(l, ev, nil)
		}
		checkLead(t, m, l)
	})
}

// FuzzApply: any record of the events topic can be applied, twice, with the same
// score, and the lead survives a restart.
func FuzzApply(f *testing.F) {
	for _, ev := range visit(6) {
		data, err := proto.Marshal(ev)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	won, err := proto.Marshal(crm("c", monday, `{"stage":"won","amount":1}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(won)
	m := Default()
	f.Fuzz(func(t *testing.T, data []byte) {
		ev := &pb.Event{}
		if proto.Unmarshal(data, ev) != nil {
			return
		}
		l := lead()
		rows := m.Apply(l, page("first", "/pricing", monday), nil).Ledger
		rows = append(rows, m.Apply(l, ev, nil).Ledger...)
		score := m.Score(l, l.clock)
		rows = append(rows, m.Apply(l, ev, nil).Ledger...)
		if again := m.Score(l, l.clock); again != score {
			t.Fatalf("once %v, twice %v", score, again)
		}
		if folded := FoldLedger(rows, l.clock); folded != score {
			t.Fatalf("ledger %v, score %v", folded, score)
		}
		checkLead(t, m, l)
	})
}

// FuzzScript: any text is a script or is refused line by line; none breaks the runner.
func FuzzScript(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.score")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("at 1d crm won amount=1e400 unsigned\nexpect falls 1d x\nexpect next\nexpect ledger\nlead \"\"\nstart 9999-12-31\n")
	m := Default()
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, failure := range RunScript(m, "f.score", []byte(text)) {
			if failure.Line < 0 || failure.Line > lines || failure.Message == "" {
				t.Fatalf("%+v", failure)
			}
		}
	})
}
