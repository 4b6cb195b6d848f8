package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommittedScriptIsBuiltFromItsSource(t *testing.T) {
	fresh, err := bundle("../src/main.ts")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../dist/tracker.js")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, kept) {
		t.Error("tracker/dist/tracker.js is not what tracker/src gives: run `go generate ./tracker` and commit it")
	}
}

func TestWriteMakesTheFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "src", "main.ts"), []byte("console.log(1 as number)"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "dist", "tracker.js"))
	if err != nil || !strings.Contains(string(got), "console.log(1)") {
		t.Errorf("built %q, %v", got, err)
	}
}

func TestASourceThatDoesNotParseIsNamed(t *testing.T) {
	entry := filepath.Join(t.TempDir(), "main.ts")
	if err := os.WriteFile(entry, []byte("let let = ("), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := bundle(entry)
	if err == nil || !strings.Contains(err.Error(), "main.ts:1:") {
		t.Errorf("want an error that names file and line, got %v", err)
	}
}
