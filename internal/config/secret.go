package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Secret is a value that never reaches a log, a report or the effective config: every formatting of it prints ***.
// In a config it may be the secret itself, env:NAME (an environment variable) or file:PATH (a file such as Kubernetes and
// Docker mount, relative to the config file; one trailing line end is dropped). Load puts the secret itself in its place.
type Secret string

const redacted = "***"

// Reveal returns the secret for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// String prints ***, or nothing when no secret is set, so that "not set" can be told from "set".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString keeps %#v from printing the secret.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText keeps JSON, YAML and zap's reflection from printing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// resolveSecrets replaces references by what they name, everywhere below v.
func (l *loader) resolveSecrets(v reflect.Value, path string) {
	if v.Type() == secretType {
		secret, err := l.resolve(v.String())
		if err != nil {
			l.faultAt(path, err.Error())
			return
		}
		v.SetString(secret)
		return
	}
	l.descend(v, path, l.resolveSecrets)
}

func (l *loader) resolve(raw string) (string, error) {
	if name, ok := strings.CutPrefix(raw, "env:"); ok {
		value, set := l.env[name]
		if !set || value == "" {
			return "", fmt.Errorf("names the environment variable %s, which is not set", name)
		}
		return value, nil
	}
	if name, ok := strings.CutPrefix(raw, "file:"); ok {
		if !filepath.IsAbs(name) {
			name = filepath.Join(l.folder(), name)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("names a file that cannot be read: %w", err)
		}
		secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		if secret == "" {
			return "", fmt.Errorf("names the file %s, which is empty", name)
		}
		return secret, nil
	}
	return raw, nil
}
