package privacy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const ip, chrome = "203.0.113.7", "Mozilla/5.0 Chrome"

func salts(t *testing.T, dir, secret string, now time.Time) *Salts {
	t.Helper()
	s, err := OpenSalts(dir, secret, zap.NewNop(), now)
	require.NoError(t, err)
	return s
}

func TestPseudonymsLastADay(t *testing.T) {
	at := noon.UnixMilli()
	s := salts(t, "", "", noon)
	one := s.Pseudonym(at, "demo", ip, chrome)
	require.Regexp(t, `^c:[0-9a-f]{24}$`, one)
	require.Equal(t, one, s.Pseudonym(at+dayMs/2-1, "demo", ip, chrome))
	others := map[string]bool{one: true}
	for _, other := range []string{
		s.Pseudonym(at+dayMs/2, "demo", ip, chrome), s.Pseudonym(at, "shop", ip, chrome), s.Pseudonym(at, "demo", "203.0.113.8", chrome),
		s.Pseudonym(at, "demo", ip, "x"), salts(t, "", "", noon).Pseudonym(at, "demo", ip, chrome),
	} {
		require.False(t, others[other], "two visitors, one pseudonym")
		others[other] = true
	}
	midnight := noon.Add(12 * time.Hour)
	require.NoError(t, s.Forget(midnight.Add(9*time.Minute)))
	require.Equal(t, one, s.Pseudonym(at, "demo", ip, chrome), "a request that straddles midnight")
	require.NoError(t, s.Forget(midnight.Add(11*time.Minute)))
	require.NotEqual(t, one, s.Pseudonym(at, "demo", ip, chrome), "a salt that is over is forgotten")
}

// A restart begins no new visitors; when the day is over, its salt is nowhere.
func TestTheDaysSaltOutlivesARestartAndNotTheDay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "privacy")
	s := salts(t, dir, "", noon)
	one := s.Pseudonym(noon.UnixMilli(), "demo", ip, chrome)
	require.Equal(t, one, salts(t, dir, "", noon.Add(time.Hour)).Pseudonym(noon.UnixMilli(), "demo", ip, chrome))

	file := filepath.Join(dir, "salt-2026-03-02")
	salt, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	next := noon.Add(12*time.Hour + 11*time.Minute)
	require.NoError(t, s.Forget(next))
	require.NoFileExists(t, file)
	for _, kept := range s.days {
		require.NotEqual(t, salt, kept[:])
	}

	// A collector that did not run at midnight deletes it at its start.
	require.NoError(t, os.WriteFile(file, salt, 0o600))
	require.NoError(t, os.WriteFile(file+".123", salt, 0o600), "a crash between two steps")
	s = salts(t, dir, "", next)
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, 1)
	require.Equal(t, "salt-2026-03-03", names[0].Name())
	require.NotEqual(t, one, s.Pseudonym(noon.UnixMilli(), "demo", ip, chrome))
}

func TestCollectorsOfOneSecretAgree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "unused")
	a, b := salts(t, dir, "0123456789abcdef", noon), salts(t, "", "0123456789abcdef", noon)
	at := noon.UnixMilli()
	require.Equal(t, a.Pseudonym(at, "demo", ip, chrome), b.Pseudonym(at, "demo", ip, chrome))
	require.NotEqual(t, a.Pseudonym(at, "demo", ip, chrome), a.Pseudonym(at+dayMs, "demo", ip, chrome))
	require.NotEqual(t, a.Pseudonym(at, "demo", ip, chrome), salts(t, "", "fedcba9876543210", noon).Pseudonym(at, "demo", ip, chrome))
	require.NoDirExists(t, dir)
}

// Two processes of one folder agree on the salt, whoever is first.
func TestOneFolderOneSalt(t *testing.T) {
	dir := t.TempDir()
	found := make(chan string)
	for range 8 {
		go func() {
			s, err := OpenSalts(dir, "", zap.NewNop(), noon)
			if err != nil {
				found <- err.Error()
				return
			}
			found <- s.Pseudonym(noon.UnixMilli(), "demo", ip, chrome)
		}()
	}
	first := <-found
	require.Regexp(t, `^c:`, first)
	for range 7 {
		require.Equal(t, first, <-found)
	}
}

func TestSaltFaultsSayTheKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := OpenSalts(file, "", zap.NewNop(), noon)
	require.ErrorContains(t, err, "ingest.privacy.dir: ")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "salt-2026-03-02"), []byte("short"), 0o600))
	_, err = OpenSalts(dir, "", zap.NewNop(), noon)
	require.ErrorContains(t, err, "has 5 bytes, not 32: remove it")
}
