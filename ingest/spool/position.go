package spool

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
)

// place is how far the spool got.
type place struct {
	drained uint64 // the broker has acknowledged all before this
	settled uint64 // all before this was acknowledged KeepFor ago: nobody needs it any more
	clean   bool   // written by Close, as the last thing
	boot    [16]byte
}

// position keeps the place in a file of two slots, written in turns and in place: a torn write leaves the other slot, and a
// full disk does not matter once the file is there.
type position struct {
	path string
	disk disk
	file file
	turn uint64
}

const (
	slotSize   = 64
	slotStride = 4096 // one slot never shares a disk's sector with the other
	slotMagic  = "lspos\x00\x00\x01"
)

// load returns the newest slot that is whole; known is false if there is none.
func (p *position) load() (at place, known bool, err error) {
	b, err := os.ReadFile(p.path)
	if os.IsNotExist(err) {
		return place{}, false, nil
	}
	if err != nil {
		return place{}, false, fmt.Errorf("spool: %w", err)
	}
	for start := 0; start+slotSize <= len(b); start += slotStride {
		if turn, slot, ok := parseSlot(b[start : start+slotSize]); ok && turn >= p.turn {
			p.turn, at, known = turn, slot, true
		}
	}
	return at, known, nil
}

// save returns when at is on disk.
func (p *position) save(at place) error {
	if p.file == nil {
		if err := p.create(); err != nil {
			return err
		}
	}
	p.turn++
	if _, err := p.file.WriteAt(formatSlot(p.turn, at), int64(p.turn%2)*slotStride); err != nil {
		return fmt.Errorf("spool: position: %w", err)
	}
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("spool: position: %w", err)
	}
	return nil
}

func (p *position) create() error {
	f, err := p.disk.openFile(p.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("spool: position: %w", err)
	}
	var last [1]byte // makes room for both slots now, while there is some
	if _, err := f.ReadAt(last[:], 2*slotStride-1); err != nil {
		if _, err = f.WriteAt(make([]byte, slotStride), slotStride); err == nil {
			err = p.disk.syncDir(filepath.Dir(p.path))
		}
		if err != nil {
			f.Close()
			return fmt.Errorf("spool: position: %w", err)
		}
	}
	p.file = f
	return nil
}

func (p *position) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

func formatSlot(turn uint64, at place) []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, slotMagic...)
	b = binary.LittleEndian.AppendUint64(b, turn)
	b = binary.LittleEndian.AppendUint64(b, at.drained)
	b = binary.LittleEndian.AppendUint64(b, at.settled)
	clean := uint64(0)
	if at.clean {
		clean = 1
	}
	b = binary.LittleEndian.AppendUint64(b, clean)
	b = append(b, at.boot[:]...)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseSlot(b []byte) (turn uint64, at place, ok bool) {
	sum := slotSize - 4
	if string(b[:8]) != slotMagic || binary.LittleEndian.Uint32(b[sum:]) != crc32.Checksum(b[:sum], castagnoli) {
		return 0, place{}, false
	}
	at.drained, at.settled = binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	at.clean = b[32] == 1
	copy(at.boot[:], b[40:56])
	return binary.LittleEndian.Uint64(b[8:]), at, true
}

// bootID differs after every start of the machine: a clean stop before a power cut is no clean stop for a broker without fsync.
// Where the system does not say, it is zero, and only the flag counts.
func bootID() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err == nil {
		copy(id[:], b)
	}
	return id
}
