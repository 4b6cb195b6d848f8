package model

import (
	"encoding/binary"

	"leadstream/schemas"
)

func (u *unpacker) fail(err error) {
	if u.err == nil {
		u.err, u.b = err, nil
	}
}

func (u *unpacker) uint() uint64 {
	if len(u.b) > 0 && u.b[0] < 0x80 {
		v := u.b[0]
		u.b = u.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.fail(errShort)
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v := u.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// take cuts n bytes off.
func (u *unpacker) take(n uint64) []byte {
	if n > uint64(len(u.b)) {
		u.fail(errShort)
		return nil
	}
	b := u.b[:n:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) fixed() uint64 {
	if b := u.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (u *unpacker) byte() byte {
	if b := u.take(1); b != nil {
		return b[0]
	}
	return 0
}

// count is how many things of at least so many bytes follow.
func (u *unpacker) count(least uint64) uint64 {
	n := u.uint()
	if n > uint64(len(u.b))/least {
		u.fail(errShort)
		return 0
	}
	return n
}

func (u *unpacker) when() int64 { return u.int() + u.base }

func (u *unpacker) day() int32 {
	v := u.uint()
	if v == 0 {
		return 0
	}
	v--
	return int32(u.base/msDay - (int64(v>>1) ^ -int64(v&1)))
}

func (u *unpacker) text() string {
	n := u.uint()
	switch n & 3 {
	case textWord:
		s, err := u.w.text(n >> 2)
		if err != nil {
			u.fail(err)
		}
		return s
	case textUUID:
		if b := u.take(16); b != nil {
			return schemas.LeadID(b).String()
		}
		return ""
	}
	return string(u.take(n >> 2))
}

func (u *unpacker) stamp(kind byte, newest stamp) stamp {
	switch kind {
	case kindNewest:
		return newest
	case kindNone:
		return stamp{}
	}
	at := u.when()
	return stamp{at, u.fixed()}
}
