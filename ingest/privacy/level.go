package privacy

import "leadstream/schemas/pb"

// Level is how much of a visitor is kept; the stricter is the greater.
type Level int

// The four levels.
const (
	Full       Level = iota
	NoIP             // all but the address
	Cookieless       // no address, no session, and a pseudonym of the day instead of the browser's id
	Drop             // nothing
)

// Why is who decided a level: the word of the refusal, when it is Drop.
type Why int

// From the strongest voice to the weakest.
const (
	VisitorDenied Why = iota // the event's own no
	SiteDrops                // the site keeps nothing
	VisitorOptedOut
	NobodyAsked
)

// Level weighs the visitor's word, their browser's signal and the site's policy: none can loosen what another asks for, but a yes
// to this site outweighs the browser's general signal.
func (g *Guard) Level(word pb.Consent, optedOut bool) (Level, Why) {
	level, why := Full, NobodyAsked
	switch word {
	case pb.Consent_CONSENT_DENIED:
		return Drop, VisitorDenied
	case pb.Consent_CONSENT_COOKIELESS:
		level = Cookieless
	case pb.Consent_CONSENT_UNKNOWN:
		if !optedOut {
			level = g.unasked
		}
	}
	if optedOut && word != pb.Consent_CONSENT_FULL && g.optedOut > level {
		level, why = g.optedOut, VisitorOptedOut
	}
	if g.keep > level {
		level, why = g.keep, SiteDrops
	}
	return level, why
}
