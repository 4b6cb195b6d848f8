package insight

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/schemas"
)

// The stages by which a path ends. They are the model's default names; a path without them has no forecast.
const (
	StageWon  = "won"
	StageLost = "lost"
)

// DefaultWindow is the time a lead is given to move on before it counts as one that did not.
const DefaultWindow = 30 * 24 * time.Hour

// Scope says whose leads a question is about.
type Scope struct {
	Site  string // "" = all sites
	Track string // "" = all tracks: only sensible with one model
	// The path in its order, as the model names it.
	Stages []schemas.StageName
	// The instant of the answer.
	At time.Time
	// Window is what makes a lead matured: it entered the stage at least this long before At. Leads that came later are left
	// out whatever happened to them. Counting those of them that have already left would count the quick ones only, and promise
	// too much; counting all would count the slow ones as failures, and promise too little (TestOnlyAgeMatures).
	Window time.Duration
}

// Validate reports every fault of a scope at once.
func (s Scope) Validate() error {
	var faults []error
	if len(s.Stages) == 0 {
		faults = append(faults, errors.New("stages: the path has none"))
	}
	if s.At.IsZero() {
		faults = append(faults, errors.New("at: no instant given"))
	}
	if s.Window < 0 || s.Window > 5*365*24*time.Hour {
		faults = append(faults, fmt.Errorf("window: must be 0 to 5 years (got %s)", s.Window))
	}
	return errors.Join(faults...)
}

// order is the position of a stage on the path, from 1; 0 when the path does not have it.
func (s Scope) order(stage string) int {
	return 1 + slices.IndexFunc(s.Stages, func(name schemas.StageName) bool { return name.ID == stage })
}

func (s Scope) stageIDs() []string {
	ids := make([]string, len(s.Stages))
	for i, stage := range s.Stages {
		ids[i] = stage.ID
	}
	return ids
}

// where is the scope as a condition over any table with site and track.
func (s Scope) where() (text string, args []any) {
	text = "1"
	if s.Site != "" {
		text += " AND site = {site:String}"
		args = append(args, clickhouse.Named("site", s.Site))
	}
	if s.Track != "" {
		text += " AND track = {track:String}"
		args = append(args, clickhouse.Named("track", s.Track))
	}
	return text, args
}
