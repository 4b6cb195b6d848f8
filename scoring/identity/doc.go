// Package identity decides whose an event is, and moves what an id has brought to
// the lead it belongs to. It is pure: leads and records in, changed leads and
// records for `routed` out.
//
// Reads     an id's own lead and one event, or one record of routed (Desk.Event, Desk.Routed)
// Writes    the same lead, changed, and what has to be sent to other ids' homes
// Promises  every event counts in exactly one lead; whatever the order of events,
//
//	claims, verdicts and hand-overs, they end in the same leads
//
// # Refuses   a record that came round too often, and a part it cannot read
//
// # How it works
//
// An event counts for the user it names, else for its visitor: its origin. Each id
// has a home, the lead of its own key in its own partition, which alone knows
// where the id belongs (model.Home): claims by events, verdicts by people. The
// state of an id is in one place: at home, or with the lead that home handed it
// to, as a part of its own (model.Part).
//
//	home                                          another lead
//	 | an event names a user: claim                |
//	 |--- give: all that the id has brought ------>| joins it, keeps it as a part
//	 |--- event --------------------------------->| counts it in that part and in the union
//	 | a person says no; an older claim comes late  |
//	 |--- recall --------------------------------->| cuts the part off, unites the rest anew
//	 |<-- back ------------------------------------|
//	 | keeps it, or gives it to the right lead      |
//
// A lead that was itself handed on passes everything on. What reaches a lead that
// has no such part goes back to the id's home, which knows where the part is: it
// gets there behind whatever moved the part, because all that concerns a home
// stands in one partition, in the order of cause and effect.
package identity
