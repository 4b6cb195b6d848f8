package model

import "encoding/binary"

// packer writes.
type packer struct {
	b    []byte
	w    *Words
	base int64 // the newest event's time
}

func (p *packer) uint(v uint64)  { p.b = binary.AppendUvarint(p.b, v) }
func (p *packer) int(v int64)    { p.b = binary.AppendVarint(p.b, v) }
func (p *packer) fixed(v uint64) { p.b = binary.LittleEndian.AppendUint64(p.b, v) }

// when writes an instant; differences may wrap around, and wrap back when read.
func (p *packer) when(at int64) { p.int(at - p.base) }

// day writes a day that is most likely some days ago, 0 for none.
func (p *packer) day(day int32) {
	if day == 0 {
		p.uint(0)
		return
	}
	ago := p.base/msDay - int64(day)
	p.uint(uint64(ago<<1^ago>>63) + 1)
}

// word writes a text of which there are few, text any other; see Words.
func (p *packer) word(s string) { p.write(s, maxWords) }
func (p *packer) text(s string) { p.write(s, maxTexts) }

// The lowest two bits of a text's number say what it is.
const (
	textPlain = iota // so many bytes follow
	textWord         // the number of a word
	textUUID         // 16 bytes follow
)

func (p *packer) write(s string, limit int) {
	if n, ok := p.w.number(s, limit); ok {
		p.uint(uint64(n)<<2 | textWord)
		return
	}
	p.plain(s)
}

// plain writes a text that no other lead has.
func (p *packer) plain(s string) {
	if len(s) == 36 {
		if id, ok := parseUUID(s); ok {
			p.uint(textUUID)
			p.b = append(p.b, id[:]...)
			return
		}
	}
	p.uint(uint64(len(s)) << 2) // textPlain
	p.b = append(p.b, s...)
}

// parseUUID reads what schemas.LeadID.String writes, and nothing else: small letters.
func parseUUID(s string) (id [16]byte, ok bool) {
	at := 0
	for i := 0; i < 36; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			continue
		}
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return id, false
		}
		id[at/2] = id[at/2]<<4 | c
		at++
	}
	return id, true
}

func (p *packer) bytes(v []byte) {
	p.uint(uint64(len(v)))
	p.b = append(p.b, v...)
}

// What kind of stamp it is: most are the newest event's.
const (
	kindNewest = iota
	kindNone
	kindOwn // written out
)

func stampKind(s, newest stamp) byte {
	switch s {
	case newest:
		return kindNewest
	case stamp{}:
		return kindNone
	}
	return kindOwn
}

func (p *packer) kind(s, newest stamp) { p.b = append(p.b, stampKind(s, newest)) }

// stamp writes one whose kind is told elsewhere.
func (p *packer) stamp(s, newest stamp) {
	if stampKind(s, newest) == kindOwn {
		p.when(s.at)
		p.fixed(s.hash)
	}
}
