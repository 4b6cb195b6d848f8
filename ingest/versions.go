package ingest

import (
	"leadstream/ingest/agent"
	"leadstream/ingest/channel"
	"leadstream/ingest/privacy"
	"leadstream/ingest/session"
)

// baseVersions are of the steps that this build decides: whoever compares two months of events sees where they were read
// otherwise.
var baseVersions = "agent/" + agent.Version() + " channel/" + channel.Version + " privacy/" + privacy.Version + " session/" + session.Version

// versions is what enriched_by says of the events of now.
func (s *Service) versions() string {
	if files := s.atlas.Version(); files != "" {
		return baseVersions + " " + files
	}
	return baseVersions
}
