package schemas

import "slices"

// The topics. Names are versioned: a layout that old readers cannot read gets
// a new number, and both are written until the readers have moved.
const (
	TopicEvents     = "leadstream.events.v1"
	TopicRouted     = "leadstream.routed.v1"
	TopicLeads      = "leadstream.leads.v1"
	TopicLedger     = "leadstream.ledger.v1"
	TopicStages     = "leadstream.stages.v1"
	TopicDeadLetter = "leadstream.deadletter.v1"
)

// HeaderAgain marks a record of what happened long ago and was scored anew: its age is no lag.
const HeaderAgain = "again"

// ReplayHeader stands on a record that `leadstream deadletter replay` wrote: PARTITION:OFFSET of the dead letter it was. A stage
// that refuses the record again names it in the new letter's replay_of.
const ReplayHeader = "replay-of"

// DefaultPartitions is the same for every topic, because a lead's state lives
// in the partition of its events and all its outputs stay in the same one.
// It cannot be changed later: keyed state does not move.
const DefaultPartitions = 12

// Topic is one topic's definition.
type Topic struct {
	Name string
	// Compacted topics keep the newest record of each key for ever.
	Compacted bool
	// What the topic carries, for `leadstream migrate` and the docs.
	Carries string
}

// Topics are all of them, in the order of the path.
func Topics() []Topic {
	return []Topic{
		{TopicEvents, false, "accepted events, keyed by site and visitor"},
		{TopicRouted, false, "events and hand-overs re-keyed to the known lead"},
		{TopicLeads, true, "a lead's whole state: changelog and public snapshot"},
		{TopicLedger, false, "one record a counted or refused rule hit"},
		{TopicStages, false, "one record a stage transition"},
		{TopicDeadLetter, false, "what could not be read, with reason and bytes"},
	}
}

// EventTypes are the canonical event types, in the order docs list them.
var EventTypes = []string{
	"page", "screen", "dwell", "scroll", "click", "form", "track",
	"identify", "group", "alias", "social", "market", "crm",
}

// KnownType tells whether t is one of EventTypes.
func KnownType(t string) bool { return slices.Contains(EventTypes, t) }
