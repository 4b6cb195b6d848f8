package ingest

import (
	"leadstream/ingest/geo"
	"leadstream/ingest/protocol"
)

// readAgent fills device, browser and system from the user agent, and marks machines.
func readAgent(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.UserAgent != "" {
		is := f.agents.Read(e.UserAgent)
		e.Device, e.Browser, e.Os, e.BotKind, e.Bot = is.Device, is.Browser, is.OS, is.Kind, is.Bot
	}
	if e.Network == geo.Scanner { // whatever browser it says it is
		e.Device, e.BotKind, e.Bot = "bot", "scanner", true
	}
	if e.Bot {
		f.note(botFlagged)
	}
	return nil
}
