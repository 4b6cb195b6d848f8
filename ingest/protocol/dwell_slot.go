package protocol

import "strconv"

// slotMs is how long a heartbeat that does not say its length is taken to stand for.
const slotMs = 15_000

// dwellSlot makes an order-free measure of engaged time out of a heartbeat, which says "there was activity just now" and
// neither how many came before it nor when its view began.
//
// An event's engaged_ms is cumulative within its view id, and only the largest counts; a count of pings cannot be had from
// one ping, whatever arrives late or twice. So time is cut into slots, each its own view id, and a slot in which at least one
// ping fell counts in full. Of a visitor who stays active, the sum is the time from the first ping to the last, exact to one
// slot at either end; a lone ping counts a whole slot. slot is the client's heartbeat if that is longer.
func dwellSlot(it *Item, view string, at Instant, slot int64) {
	it.Event.EngagedMs = uint32(slot)
	it.Event.ViewId = ""
	if view != "" && at.State == Known {
		it.Event.ViewId = view + "/" + strconv.FormatInt(at.Ms/slot, 10)
	}
}
