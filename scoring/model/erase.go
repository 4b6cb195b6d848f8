package model

// RefusedErased: the event was received before its person was erased; nothing was applied.
const RefusedErased = "erased"

// Erase makes the lead one that nothing is known of, but that what a collector received up to `until` (Unix ms) is not to be
// folded again: such records are still in topics. What comes later is a new acquaintance. The revision goes on, so that the
// record which says so is the newest. It tells whether anything changed; erasing twice does not.
func (m *Model) Erase(l *Lead, until int64) bool {
	if until <= l.erasedUntil {
		return false
	}
	*l = Lead{id: l.id, site: l.site, revision: l.revision + 1, erasedUntil: until}
	m.bind(l)
	return true
}

// Blank tells whether nothing is known of the lead: not yet, or not any more.
func (l *Lead) Blank() bool { return l.firstSeen == 0 }
