package ingest

import "leadstream/ingest/protocol"

// readAgent fills device, browser and system from the user agent, and marks machines.
func readAgent(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.UserAgent == "" {
		return nil
	}
	is := f.agents.Read(e.UserAgent)
	e.Device, e.Browser, e.Os, e.BotKind, e.Bot = is.Device, is.Browser, is.OS, is.Kind, is.Bot
	if e.Bot {
		f.note(botFlagged)
	}
	return nil
}
