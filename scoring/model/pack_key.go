package model

import (
	"errors"
	"fmt"
	"slices"

	"leadstream/schemas"
)

// A lead's id is a hash of its site and of the visitor's or user's id, which the lead
// keeps, too. Of the two 16 bytes a packed lead has one: the id that gives the other.
// It stands at the front, so that whoever looks for a lead need not unpack it.

// keyOf tells which fact the lead's id is made of, if any.
func keyOf(l *Lead) uint64 {
	switch {
	case l.anonymousID.value != "" && keyID(l.site, l.anonymousID.value) == l.id:
		return keyAnonymous
	case l.userID.value != "" && keyID(l.site, l.userID.value) == l.id:
		return keyUser
	}
	return 0
}

// keyFact is that fact.
func keyFact(l *Lead, mask uint64) *fact {
	switch {
	case mask&keyAnonymous != 0:
		return &l.anonymousID
	case mask&keyUser != 0:
		return &l.userID
	}
	return nil
}

// keyID is schemas.NewLeadID of schemas.EventKey, mostly without an allocation.
func keyID(site, id string) schemas.LeadID {
	var buffer [128]byte
	return schemas.LeadIDOf(append(append(append(buffer[:0], site...), '/'), id...))
}

func (p *packer) key(l *Lead, mask uint64) {
	if f := keyFact(l, mask); f != nil {
		p.plain(f.value)
		return
	}
	p.b = append(p.b, l.id[:]...)
}

// key reads into the lead what stands there, which may be its id: that is known.
func (u *unpacker) key(l *Lead, mask uint64) {
	if f := keyFact(l, mask); f != nil {
		f.value = u.text()
		return
	}
	u.take(uint64(len(l.id)))
}

var errKey = errors.New("packed lead: its key is damaged")

// PackedID is the id of a packed lead. Texts are those of its Words.
func PackedID(b []byte, texts []string) (id schemas.LeadID, err error) {
	u := unpacker{b: b}
	mask, site := u.uint(), u.uint()
	var key [128]byte
	k := key[:0]
	switch {
	case mask&(keyAnonymous|keyUser) == 0:
		if site&3 == textPlain {
			u.take(site >> 2)
		}
		if full := u.take(uint64(len(id))); full != nil {
			return schemas.LeadID(full), nil
		}
		return id, errKey
	case site&3 == textWord:
		if site>>2 >= uint64(len(texts)) {
			return id, fmt.Errorf("packed lead: word %d of %d", site>>2, len(texts))
		}
		k = append(k, texts[site>>2]...)
	default:
		k = append(k, u.take(site>>2)...)
	}
	k = append(k, '/')
	if n := u.uint(); n&3 == textUUID {
		if raw := u.take(16); raw != nil {
			k = schemas.LeadID(raw).AppendTo(slices.Grow(k, 36))
		}
	} else {
		k = append(k, u.take(n>>2)...)
	}
	if u.err != nil {
		return id, errKey
	}
	return schemas.LeadIDOf(k), nil
}
