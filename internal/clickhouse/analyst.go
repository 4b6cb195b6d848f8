package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"leadstream/internal/config"
)

// Analyst is a person or a tool that reads the tables and changes nothing.
type Analyst struct {
	Name     string        `yaml:"name"`
	Password config.Secret `yaml:"password"` // none: from the server's own machine only
	// Sites are all that the analyst sees, in every table and view; none: all sites.
	Sites []string `yaml:"sites"`

	Memory         config.Size   `yaml:"memory"`           // of one query
	QueryTime      time.Duration `yaml:"query_time"`       // of one query
	QueriesPerHour int           `yaml:"queries_per_hour"` //
	TimePerHour    time.Duration `yaml:"time_per_hour"`    // of all queries of an hour together
	Concurrent     int           `yaml:"concurrent"`       // queries at once
}

// analystDefaults bound a stranger to what an hour of work at a dashboard needs, and no runaway join.
var analystDefaults = Analyst{Memory: 2 << 30, QueryTime: time.Minute, QueriesPerHour: 20_000, TimePerHour: time.Hour, Concurrent: 10}

// WithDefaults fills in what was left out.
func (a Analyst) WithDefaults() Analyst {
	fill(&a.Memory, analystDefaults.Memory)
	fill(&a.QueryTime, analystDefaults.QueryTime)
	fill(&a.QueriesPerHour, analystDefaults.QueriesPerHour)
	fill(&a.TimePerHour, analystDefaults.TimePerHour)
	fill(&a.Concurrent, analystDefaults.Concurrent)
	return a
}

var analystName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

func validateAnalysts(all []Analyst, owner string) error {
	var faults []error
	seen := map[string]bool{}
	for i, a := range all {
		add := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("analysts[%d]."+format, append([]any{i}, args...)...))
		}
		if !analystName.MatchString(a.Name) {
			add("name: must be a letter and then letters, digits or _ (got %q)", a.Name)
		}
		if a.Name == owner || a.Name == "default" {
			add("name: %s is a user who may do everything; choose another", a.Name)
		}
		if seen[a.Name] {
			add("name: %s is there twice", a.Name)
		}
		seen[a.Name] = true
		for _, site := range a.Sites {
			if site == "" || strings.ContainsAny(site, "'\\\n") {
				add("sites: must be names of sites (got %q)", site)
			}
		}
		if a.Memory < 0 || a.QueryTime < 0 || a.QueriesPerHour < 0 || a.TimePerHour < 0 || a.Concurrent < 0 {
			add("name: %s has a bound below zero; leave it out for the default", a.Name)
		}
		if a.QueryTime > 0 && a.QueryTime < time.Second {
			add("query_time: must be a second or more (got %s)", a.QueryTime)
		}
	}
	return errors.Join(faults...)
}
