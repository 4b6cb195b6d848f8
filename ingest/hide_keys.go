package ingest

import (
	"encoding/json"
	"net/url"
	"strings"
)

// hiddenKey stands where a secret key stood.
const hiddenKey = "KEY-REMOVED"

// hideKeys takes every secret key of the config out of a text. Protocols without headers carry the key in the event itself, and a
// refused event is kept for a month, for whoever may read the dead-letter topic.
func hideKeys(cfg Config) *strings.Replacer {
	var pairs []string
	for _, s := range cfg.Sites {
		for _, secret := range s.SecretKeys {
			key := secret.Reveal()
			quoted, err := json.Marshal(key)
			if err != nil || key == "" {
				continue // unreachable: a string that was validated
			}
			pairs = append(pairs, key, hiddenKey, strings.Trim(string(quoted), `"`), hiddenKey, url.QueryEscape(key), hiddenKey)
		}
	}
	return strings.NewReplacer(pairs...)
}
