package scoring

import (
	"errors"
	"fmt"

	"leadstream/schemas"
	"leadstream/scoring/model"
)

// leads keeps a partition's leads packed, and knows when which of them falls. A
// lead that an event touches is unpacked, and packed again when its transaction
// stands; what is here is always the committed state.
type leads struct {
	rows   arena
	words  *model.Words
	timers timers
	buffer []byte // what is being packed
	// old are leads that were restored from a record of another version than the
	// published one: they have to be scored anew before anything is folded into them.
	old map[schemas.LeadID]struct{}
	// owing are leads, or have parts, that came to be here since: they are scored anew beside the line.
	owing     map[schemas.LeadID]struct{}
	restoring model.Lead
	swept     model.Lead
	of        string // the consumer group whose snapshot it was; "" is unknown, in files of earlier builds
	cursor    struct {
		chunk, offset int
		of            *chunk // the number may belong to another one by now
	}
}

func newLeads() *leads {
	s := &leads{words: model.NewWords()}
	s.rows = newArena(func(packed []byte) schemas.LeadID { return idOf(packed, s.words.Texts()) })
	return s
}

// idOf is whose a packed lead is; see unpack.
func idOf(packed []byte, texts []string) schemas.LeadID {
	id, err := model.PackedID(packed, texts)
	if err != nil {
		panic(damaged(err))
	}
	return id
}

func damaged(err error) string {
	return fmt.Sprintf("scoring: state in memory is damaged; start again, from the changelog: %v", err)
}

func (s *leads) len() int       { return s.rows.len() }
func (s *leads) outdated() bool { return len(s.old) > 0 }

// unsettled tells whether some lead is not scored under the model that the others are: a snapshot names
// one model for all of its leads.
func (s *leads) unsettled() bool { return len(s.old) > 0 || len(s.owing) > 0 }

func (s *leads) forget(id schemas.LeadID) {
	s.rows.forget(id)
	delete(s.old, id)
	delete(s.owing, id)
}

// load unpacks a lead into memory that may be used again.
func (s *leads) load(m *model.Model, id schemas.LeadID, into *model.Lead) (due int64, ok bool) {
	r, ok := s.rows.get(id)
	if !ok {
		return 0, false
	}
	s.unpack(m, r, into)
	return r.due, true
}

// unpack reads what store wrote, or what a snapshot with the right CRC held: if it
// cannot, this process' memory is damaged, and none of it may be written anywhere.
func (s *leads) unpack(m *model.Model, r row, into *model.Lead) {
	if err := m.Unpack(r.packed, r.id, s.words, into); err != nil {
		panic(damaged(err))
	}
}

// store keeps what the lead is now; due is when it falls, 0 is never.
func (s *leads) store(l *model.Lead, due int64) {
	s.buffer = l.Pack(s.buffer[:0], s.words)
	s.rows.put(row{id: l.ID(), due: due, open: l.Open(), packed: s.buffer})
	s.arm(l.ID(), due)
	switch {
	case l.Scored() == "":
		delete(s.owing, l.ID())
	case s.owing == nil:
		s.owing = map[schemas.LeadID]struct{}{l.ID(): {}}
	default:
		s.owing[l.ID()] = struct{}{}
	}
}

// restore takes one record of the changelog, which replaces what was known of
// the lead.
func (s *leads) restore(m *model.Model, record []byte) (receivedAt int64, err error) {
	lead := &s.restoring
	rec, err := m.RestoreBytes(lead, record)
	if err != nil {
		return 0, err
	}
	at := rec.FallsAt
	if rec.ModelVersion != m.Version() {
		at, _ = m.Due(lead) // solved by another model: what it says does not hold
	}
	s.store(lead, at)
	s.scoredBy(m, lead.ID(), rec.ModelVersion)
	lead.Reset(schemas.LeadID{}, "") // its texts are parts of a whole fetch
	s.rows.clean()
	return rec.ReceivedAt, nil
}

// scoredBy notes whether a restored lead's record is of the published model.
func (s *leads) scoredBy(m *model.Model, id schemas.LeadID, version string) {
	if number, _ := m.Publication(); number == 0 || version == m.Version() {
		delete(s.old, id)
		return
	}
	if s.old == nil {
		s.old = map[schemas.LeadID]struct{}{}
	}
	s.old[id] = struct{}{}
	delete(s.owing, id)
}

// refit solves all timers anew: another model's do not hold.
func (s *leads) refit(m *model.Model) {
	lead := new(model.Lead)
	s.rows.each(func(r row) {
		s.unpack(m, r, lead)
		s.scoredBy(m, r.id, "") // by which one is not known, but not by this
		due, _ := m.Due(lead)
		if due != r.due {
			s.store(lead, due)
		}
	})
	s.rows.clean()
}

// raiseRevision makes a lead's next revision one above what readers have seen.
func (s *leads) raiseRevision(m *model.Model, id schemas.LeadID, seen uint64) {
	lead := new(model.Lead)
	if due, ok := s.load(m, id, lead); ok {
		lead.RaiseRevision(seen)
		s.store(lead, due)
	}
}

// sweep looks at n leads that nobody touches: their closed days are folded, so that
// they do not stay in memory for ever, and those that have faded leave memory. It goes
// round and round.
func (s *leads) sweep(m *model.Model, watermark int64, n int, below float64) (err error) {
	if s.rows.spill.dir == "" {
		below = 0
	}
	lead := &s.swept
	for looks := 16 * n; looks > 0 && n > 0; looks-- {
		r, at := s.nextRow()
		if r.packed == nil {
			return err
		}
		if !r.open && (below == 0 || r.due != 0) || !s.rows.lives(&r, at) {
			continue
		}
		n--
		s.unpack(m, r, lead)
		folded := m.Fold(lead, watermark)
		switch {
		case mayFade(m, lead, r, watermark, below):
			s.buffer = lead.Pack(s.buffer[:0], s.words)
			err = errors.Join(err, s.rows.fade(row{id: r.id, open: lead.Open(), packed: s.buffer}))
		case folded:
			s.store(lead, r.due)
		}
	}
	return err
}

// nextRow is the next row after the cursor, which may be dead, and its place; at the
// arena's end there is none, and the cursor begins again.
func (s *leads) nextRow() (r row, at uint64) {
	for c := &s.cursor; c.chunk < len(s.rows.chunks); c.chunk++ {
		chunk := s.rows.chunks[c.chunk]
		if chunk != c.of {
			c.of, c.offset = chunk, 0
		}
		if c.chunk == s.rows.fading {
			continue // looked at already
		}
		if chunk != nil && c.offset < len(chunk.b) {
			r, size := parseRow(chunk.b[c.offset:])
			at := uint64(c.chunk)<<chunkBits | uint64(c.offset)
			c.offset += size
			return r, at
		}
	}
	s.cursor.chunk, s.cursor.of = 0, nil
	return row{}, 0
}
