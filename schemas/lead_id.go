package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// LeadID names a lead in every topic, table and URL: 16 bytes, written as a
// UUID (version 8, RFC 9562 section 5.8) made from the lead's event key, so
// that a visitor's id with any characters in it is safe in a URL and sorts in
// 16 bytes in ClickHouse.
type LeadID [16]byte

// EventKey is the record key of a visitor's events: the anonymous id, else the
// user id, within a site. Site names hold no slash, so keys cannot collide
// between sites.
func EventKey(site, anonymousID, userID string) string {
	if anonymousID == "" {
		return site + "/" + userID
	}
	return site + "/" + anonymousID
}

// AppendEventKey appends the EventKey to what is there, for writers of many.
func AppendEventKey(to []byte, site, anonymousID, userID string) []byte {
	if anonymousID == "" {
		anonymousID = userID
	}
	return append(append(append(to, site...), '/'), anonymousID...)
}

// NewLeadID derives the id from an event key.
func NewLeadID(eventKey string) LeadID { return LeadIDOf([]byte(eventKey)) }

// LeadIDOf is NewLeadID for a key in bytes.
func LeadIDOf(eventKey []byte) LeadID {
	sum := sha256.Sum256(eventKey)
	id := LeadID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant
	return id
}

// String is the UUID text form, lower case.
func (id LeadID) String() string { return string(id.AppendTo(make([]byte, 0, 36))) }

// AppendTo appends the text form.
func (id LeadID) AppendTo(to []byte) []byte {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return append(to, b[:]...)
}

// ParseLeadID reads the text form.
func ParseLeadID(s string) (LeadID, error) {
	var id LeadID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("lead id %.40q: want the form 01234567-89ab-8cde-8f01-23456789abcd", s)
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return LeadID{}, fmt.Errorf("lead id %.40q: %w", s, err)
	}
	return id, nil
}

// OriginKey is the key of the id that an event counts for by its own words: the
// user it names, else the visitor. Unlike EventKey, which keeps a visitor's events
// in one partition, it does not depend on where the event was made.
func OriginKey(site, anonymousID, userID string) string {
	if userID == "" {
		return site + "/" + anonymousID
	}
	return site + "/" + userID
}

// SplitKey takes a record key apart.
func SplitKey(key string) (site, id string) {
	site, id, _ = strings.Cut(key, "/")
	return site, id
}
