package model

import (
	"os"
	"path/filepath"
	"testing"
)

// TestScripts plays every script of testdata against the default model.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.score")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts found: %v", err)
	}
	m := Default()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range RunScript(m, file, text) {
				t.Error(f)
			}
		})
	}
}
