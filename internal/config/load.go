package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
)

// Options says where values come from. All of it is given by the caller: this package reads no flags and no global environment.
type Options struct {
	Prefix    string   // environment names begin with Prefix_; LEADSTREAM makes LEADSTREAM_INGEST_LISTEN set ingest.listen
	File      string   // YAML file; empty = none
	Env       []string // NAME=value pairs, as os.Environ gives them
	IgnoreEnv []string // names with the prefix that are not keys, such as LEADSTREAM_CONFIG; a trailing * matches the rest
	Set       []string // "ingest.listen=:8080", from the command line
}

// Report tells where each value that is not a default came from.
type Report struct {
	File    string            // the file read, or ""
	Origins map[string]string // full key -> "config.yml:12", "LEADSTREAM_INGEST_LISTEN" or "--set"
}

// loader carries one Load through its sources.
type loader struct {
	opts    Options
	root    reflect.Value
	schema  *section
	origins map[string]origin
	env     map[string]string
	faults  []Fault
}

// origin is the place a key was last set at. line is 0 outside the file.
type origin struct {
	source string
	line   int
}

func (o origin) String() string {
	if o.line > 0 {
		return fmt.Sprintf("%s:%d", o.source, o.line)
	}
	return o.source
}

// Load fills dst, a pointer to a struct that already holds the defaults. The error, if any, is a *Faults.
func Load(dst any, opts Options) (Report, error) {
	root := reflect.ValueOf(dst)
	if root.Kind() != reflect.Pointer || root.IsNil() || root.Elem().Kind() != reflect.Struct {
		return Report{}, fmt.Errorf("config: Load wants a pointer to a struct, got %T", dst)
	}
	schema, err := describe(root.Elem().Type())
	if err != nil {
		return Report{}, err
	}
	l := &loader{opts: opts, root: root.Elem(), schema: schema, origins: map[string]origin{}, env: environment(opts.Env)}
	if opts.File != "" {
		l.readFile(opts.File)
	}
	l.readEnv()
	l.readSet()
	l.resolveSecrets(l.root, "")
	l.validate(l.root, "")

	report := Report{File: opts.File, Origins: make(map[string]string, len(l.origins))}
	for key, from := range l.origins {
		report.Origins[key] = from.String()
	}
	return report, joinFaults(l.faults)
}

// readFile parses the YAML file and assigns what it holds.
func (l *loader) readFile(name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the name already stands in front
		}
		l.fault(Fault{Where: name, Text: fmt.Sprintf("cannot be read: %v", err)})
		return
	}
	body, fault := parseYAML(name, text)
	if fault != nil {
		l.fault(*fault)
		return
	}
	if body != nil {
		l.assign(body, l.root, "")
	}
}

// folder is what relative "file:" secrets are relative to.
func (l *loader) folder() string {
	if l.opts.File == "" {
		return "."
	}
	return filepath.Dir(l.opts.File)
}

func (l *loader) fault(f Fault) { l.faults = append(l.faults, f) }
