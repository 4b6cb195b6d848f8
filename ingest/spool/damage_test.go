package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// template is one segment that a crash left: n records, and the offsets where each ends.
func template(t testing.TB, n int) (name string, content []byte, ends []int) {
	t.Helper()
	s := openAt(t, t.TempDir())
	s.add(t, numbers("value number ", n)...)
	s.crash()
	path := files(t, s.dir, "*.spool")[0]
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	first, salt, ok := parseName(filepath.Base(path))
	require.True(t, ok)
	require.Equal(t, uint64(1), first)
	for at := headerSize; at < len(content); {
		f, err := parse(content[at:], seedOf(salt))
		require.NoError(t, err)
		at += f.size
		ends = append(ends, at)
	}
	require.Len(t, ends, n)
	return filepath.Base(path), content, ends
}

// reopened is a spool over one segment with this content.
func reopened(t testing.TB, name string, content []byte) *rig {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	return openAt(t, dir)
}

// TestTornAtEveryByte cuts the last frame everywhere: all before it is there, in order, and the spool goes on.
func TestTornAtEveryByte(t *testing.T) {
	name, content, ends := template(t, 5)
	for cut := ends[3] + 1; cut < ends[4]; cut++ {
		s := reopened(t, name, content[:cut])
		require.Equal(t, 1.0, s.metric(t, "torn_total"))
		require.Equal(t, int64(cut-ends[3]), s.Recovered().Torn)
		s.add(t, "after")
		require.Equal(t, append(numbers("value number ", 4), "after"), s.drainAll(t, &broker{}), "cut at %d", cut)
		require.NoError(t, s.Close())

		s = openAt(t, s.dir)
		require.Zero(t, s.metric(t, "torn_total"), "a tail is cut once")
		require.NoError(t, s.Close())
	}
}

// TestTornInTheHeader: a crash between the creation of a segment and its first sync.
func TestTornInTheHeader(t *testing.T) {
	name, content, _ := template(t, 1)
	for cut := range headerSize {
		s := reopened(t, name, content[:cut])
		s.add(t, "after")
		require.Equal(t, []string{"after"}, s.drainAll(t, &broker{}), "cut at %d", cut)
		require.Zero(t, s.metric(t, "quarantined_bytes_total"))
		require.NoError(t, s.Close())
		require.Empty(t, files(t, s.dir, "*.spool"))
	}
}

// TestZeroesAtTheEnd is what some file systems leave after a power cut: the length moved, the content did not.
func TestZeroesAtTheEnd(t *testing.T) {
	name, content, _ := template(t, 3)
	s := reopened(t, name, append(slices.Clone(content), make([]byte, 5000)...))
	require.Equal(t, 1.0, s.metric(t, "torn_total"))
	require.Zero(t, s.metric(t, "quarantined_bytes_total"), "there is nothing in zeroes to keep")
	require.Len(t, s.drainAll(t, &broker{}), 3)
}

// TestEveryByteFlipped: whichever byte the disk changes, all other records come out in order; what does not is kept in a *.bad
// file and counted.
func TestEveryByteFlipped(t *testing.T) {
	const n = 4
	name, content, ends := template(t, n)
	all := numbers("value number ", n)
	for at := range content {
		damaged := slices.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		s := reopened(t, name, damaged)
		want := slices.Clone(all)
		if at >= headerSize { // a header can be done without
			hit, _ := slices.BinarySearch(ends, at+1)
			want = slices.Delete(want, hit, hit+1)
		}
		require.Equal(t, want, s.drainAll(t, &broker{}), "byte %d", at)
		require.Positive(t, s.metric(t, "quarantined_bytes_total"), "byte %d", at)
		require.NoError(t, s.Close())
		bad := files(t, s.dir, "*.bad")
		require.Len(t, bad, 1, "byte %d", at)
		kept, err := os.ReadFile(bad[0])
		require.NoError(t, err)
		require.True(t, bytes.Contains(damaged, kept), "the bytes are as they were found")
		require.True(t, at < headerSize || bytes.Contains(kept, damaged[ends[n-1]-10:]) || bytes.Contains(damaged, kept))
	}
}

// TestDamageInASealedSegment is found when it is drained, not at the start; several faults cost only what they hit.
func TestDamageInASealedSegment(t *testing.T) {
	s := openAt(t, t.TempDir())
	for i := range 40 {
		s.add(t, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 5000)))
	}
	s.crash()
	list := files(t, s.dir, "*.spool")
	require.Greater(t, len(list), 3)
	slices.Sort(list)
	content, err := os.ReadFile(list[1])
	require.NoError(t, err)
	content[6000]++
	content[20_000]++
	require.NoError(t, os.WriteFile(list[1], content, 0o600))
	s = openAt(t, s.dir)
	require.Zero(t, s.metric(t, "quarantined_bytes_total"))
	got := s.drainAll(t, &broker{})
	require.Len(t, got, 38)
	require.True(t, slices.IsSorted(got))
	require.InDelta(t, 2*5045, s.metric(t, "quarantined_bytes_total"), 50)
	require.NoError(t, s.Close())
	require.Equal(t, []string{list[1] + badSuffix}, files(t, s.dir, "*.bad"))
	require.Empty(t, files(t, s.dir, "*.spool"))
}

// TestAnEventThatHoldsAFrame: somebody sends the bytes of a frame as an event, and the disk breaks the frame around it. Without
// the salt, the forged record would come out.
func TestAnEventThatHoldsAFrame(t *testing.T) {
	forged := appendFrame(nil, rec("victim", "forged"))
	stamp(forged, 3, 0)
	s := openAt(t, t.TempDir())
	s.add(t, "1", string(forged), "3")
	s.crash()
	path := files(t, s.dir, "*.spool")[0]
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(content, forged)
	require.Positive(t, at)
	content[at-20]++
	require.NoError(t, os.WriteFile(path, content, 0o600))
	s = openAt(t, s.dir)
	require.Equal(t, []string{"1", "3"}, s.drainAll(t, &broker{}))
}

// TestANewerFormatIsNotSkipped: the one thing that stops a start.
func TestANewerFormatIsNotSkipped(t *testing.T) {
	name, content, _ := template(t, 1)
	_, salt, _ := parseName(name)
	h := header(1, salt)
	binary.LittleEndian.PutUint16(h[6:], formatVersion+1)
	binary.LittleEndian.PutUint32(h[20:], crc32.Checksum(h[:20], castagnoli))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), append(h, content[headerSize:]...), 0o600))
	_, err := tryOpen(t, dir)
	require.ErrorIs(t, err, errNewer)
	require.ErrorContains(t, err, "has format 2, this one reads 1: it was written by a newer leadstream: start that one until the spool is empty")
	require.FileExists(t, filepath.Join(dir, name))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	require.Len(t, openAt(t, dir).drainAll(t, &broker{}), 1, "the refusal let the folder go")
}

// TestForeignFilesAreLeftAlone: the folder may hold what is not ours.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := []string{"notes.txt", "1.spool", "00000000000000000001-zzzzzzzz.spool", "x.bad"}
	for _, name := range foreign {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600))
	}
	s := openAt(t, dir)
	s.add(t, "1")
	require.Equal(t, []string{"1"}, s.drainAll(t, &broker{}))
	require.NoError(t, s.Close())
	for _, name := range foreign {
		require.FileExists(t, filepath.Join(dir, name))
	}
}

// TestRandomDamage: whatever happens to the bytes of three segments, what comes out was put in, in order and once, and the
// spool keeps working.
func TestRandomDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		s := openAt(t, t.TempDir())
		for i := range 30 {
			s.add(t, fmt.Sprintf("%02d%s", i, strings.Repeat("y", 6000)))
		}
		s.crash()
		for range 1 + random.IntN(4) {
			list := files(t, s.dir, "*.spool")
			path := list[random.IntN(len(list))]
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, mutate(random, content), 0o600))
		}
		s = openAt(t, s.dir)
		s.add(t, "zz")
		got := s.drainAll(t, &broker{})
		require.True(t, slices.IsSorted(got))
		require.Equal(t, len(got), len(slices.Compact(slices.Clone(got))))
		require.Equal(t, "zz", got[len(got)-1])
		for _, v := range got[:len(got)-1] {
			require.Len(t, v, 6002)
		}
		require.NoError(t, s.Close())
	}
}

func mutate(random *rand.Rand, b []byte) []byte {
	if len(b) == 0 {
		return []byte("where nothing was")
	}
	at := random.IntN(len(b))
	switch random.IntN(5) {
	case 0:
		return b[:at]
	case 1:
		b[at] ^= byte(1 + random.IntN(255))
	case 2: // a page of zeroes
		clear(b[at:min(len(b), at+4096)])
	case 3: // bytes go missing
		return append(b[:at:at], b[min(len(b), at+1+random.IntN(9000)):]...)
	case 4: // a stale copy of an earlier part
		copy(b[at:], slices.Clone(b[at/2:]))
	}
	return b
}

// FuzzFrames: no bytes make the parser panic or read beyond them, and what it accepts is what would be written.
func FuzzFrames(f *testing.F) {
	good := appendFrame(nil, rec("key", "value"))
	stamp(good, 42, 7)
	f.Add(good, uint32(7))
	f.Add(good[:20], uint32(7))
	f.Add([]byte{}, uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, seed uint32) {
		// The checksum is mended so that the fuzzer gets behind it.
		if len(b) >= frameHead {
			n := binary.LittleEndian.Uint32(b)
			if size := uint64(frameHead) + uint64(n); n >= bodyHead && size <= uint64(len(b)) {
				binary.LittleEndian.PutUint32(b[4:], checksum(b[:size], seed))
			}
		}
		for rest := b; ; {
			got, err := parse(rest, seed)
			if err != nil {
				break
			}
			again := appendFrame(nil, got.record)
			stamp(again, got.seq, seed)
			require.Equal(t, rest[:got.size], again)
			rest = rest[got.size:]
		}
		require.LessOrEqual(t, resync(b, seed, 0, ^uint64(0)), len(b))
	})
}

// unsynced makes a fuzzer's disk fast; what it looks for does not depend on syncs.
type unsynced struct{ *os.File }

func (unsynced) Sync() error { return nil }

// FuzzSegment: any file under a segment's name opens, drains, and leaves nothing that waits.
func FuzzSegment(f *testing.F) {
	name, content, _ := template(f, 3)
	f.Add(content)
	f.Add(content[:len(content)-3])
	f.Add([]byte{})
	fast := disk{
		openFile: func(name string, flag int, perm fs.FileMode) (file, error) {
			real, err := os.OpenFile(name, flag, perm)
			return unsynced{real}, err
		},
		syncDir: func(string) error { return nil },
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, old := range files(t, dir, "*") {
			require.NoError(t, os.Remove(old))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
		cfg := testConfig()
		cfg.Dir = dir
		s, err := open(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()}, fast)
		if errors.Is(err, errNewer) {
			return
		}
		require.NoError(t, err)
		// Without Drain's goroutine, whose timing would look like coverage to the fuzzer.
		r := reader{spool: s}
		for s.Pending() {
			from := s.drained.Load()
			got, err := r.next(from)
			require.NoError(t, err)
			require.Greater(t, got.upTo, from)
			s.advance(got.upTo)
		}
		r.close()
		require.NoError(t, s.Close())
	})
}
