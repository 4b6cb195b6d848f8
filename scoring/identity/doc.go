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
// A lead that was itself handed on passes everything on. An event that reaches a lead
// without its part goes back to the id's home, which knows where the part is: it gets
// there behind whatever moved the part, because all that concerns a home stands in
// one partition, in the order of cause and effect.
//
// # Why any order ends the same
//
// A part notes the homes that hand it on: its way. It only ever goes forward, and by
// no home twice; when it cannot go on, or its way is no more, it goes to its own home
// and sets out again. A home that takes its state back, or lets a part pass while it
// waits for that, sends a recall behind what went on. Recalls cannot overtake, and if
// several homes on a way changed their minds, then all behind the last of them did
// not, so that its recall gets through. Hence, once nothing is on its way any more,
// each part is where the way that claims and verdicts want ends.
//
// # Circles
//
// People may say of ids that they are each other. They are one person then, and the
// first of their keys stays, whoever spoke first. All homes of a circle pass on, so
// that parts come round. A home whose own part comes home by itself reads the others
// from the part's way; if its key is the first of all, it stays and remembers them
// (model.Home.Circle), and the others' parts, sent again, end there. By then the way
// may be one no more; but then a recall by one of those it remembers is behind the
// part, and opens the circle: the home gives its part again. So in the end whoever
// stays is the first of a true circle; and each true circle has one that stays,
// because nothing else can keep the part of the first from coming round.
//
// It does end. A home that stays sends a recall, too, for what had passed it; that
// opens only circles that it is on and not the first of, those of smaller keys. So
// the largest key that ever stays is sent off by verdicts alone, of which there are
// finitely many, the next one by these and that, and so on.
package identity
