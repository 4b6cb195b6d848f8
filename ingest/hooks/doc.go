// Package hooks reads what social networks, messengers and other systems push: it verifies a delivery over its raw bytes,
// then turns the bytes into events. No clock, no network: the answer depends on the configuration and the Request alone, so
// every source can be fuzzed and shown by golden payloads.
//
// One file is one source; hook.go has the table of them. A source first says who may speak (open, in constant time, with a
// window of five minutes where the sender signs a time), then what was said (read). A delivery is refused as a whole only when
// it is not genuine or cannot be read; an update of a kind that nobody has heard of is an event of type social, named by its
// kind, with all that was sent in its properties.
//
// People are anonymous here: meta:123 is a pseudonym that the network made for this page. Whoever learns who it is sends an
// identify event with that anonymous_id and the user's own id, and both become one lead.
package hooks
