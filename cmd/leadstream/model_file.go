package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"

	"leadstream/internal/config"
	"leadstream/scoring/model"
)

// modelFile is what the file of one track holds at a start.
type modelFile struct {
	path  string // "" is the built-in model
	text  []byte
	track string       // what the file says, faults or not; "" if it cannot be read at all
	model *model.Model // nil with a fault, unless a published one stands in
	fault error
}

// readModels reads the file of every track, with the fault of each.
func (c *Config) readModels(report config.Report) []modelFile {
	list := []modelFile{readModelFile(c.Model)}
	taken := map[string]string{}
	if list[0].fault == nil {
		taken[list[0].track] = cmp.Or(c.Model, "the built-in model")
	}
	for i, path := range c.Models {
		f := readModelFile(path)
		if other, twice := taken[f.track]; twice && f.fault == nil {
			key := fmt.Sprintf("models[%d]", i)
			where := cmp.Or(report.Origins[key], report.Origins["models"], "--model")
			f.fault = fmt.Errorf("%s: %s: %s is of track %q, like %s: give each its own `track:`", where, key, path, f.track, other)
		} else if f.fault == nil {
			taken[f.track] = path
		}
		list = append(list, f)
	}
	return list
}

// loadModels is for whoever can do nothing with a faulty one.
func (c *Config) loadModels(report config.Report) ([]*model.Model, error) {
	files := c.readModels(report)
	return modelsOf(files), faultsOf(files)
}

func readModelFile(path string) modelFile {
	f := modelFile{path: path, text: model.DefaultText()}
	if path == "" {
		f.model = model.Default()
		f.track = f.model.Track()
		return f
	}
	if f.text, f.fault = os.ReadFile(path); f.fault != nil {
		f.fault = fmt.Errorf("model: %w (name a file with --model, or leave it out for the built-in one)", f.fault)
		return f
	}
	if f.model, f.fault = model.Load(f.text, path); f.fault != nil {
		f.model, f.track = nil, trackIn(f.text)
		return f
	}
	f.track = f.model.Track()
	return f
}

var trackLine = regexp.MustCompile(`(?m)^track:[ \t]*["']?([a-z0-9_]+)`)

// trackIn is the track of a file that has faults, perhaps such that it is no YAML: hence by its line.
func trackIn(text []byte) string {
	if m := trackLine.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return model.Default().Track()
}

func modelsOf(files []modelFile) (list []*model.Model) {
	for _, f := range files {
		list = append(list, f.model)
	}
	return list
}

func faultsOf(files []modelFile) error {
	var faults []error
	for _, f := range files {
		faults = append(faults, f.fault)
	}
	return errors.Join(faults...)
}
