package spool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// The child that is killed is this test binary, told so by its environment.
const (
	childDir  = "LEADSTREAM_SPOOL_TEST_DIR"
	childLife = "LEADSTREAM_SPOOL_TEST_LIFE"
)

// killFor: go test ./ingest/spool -run Killed -kill-for 5m
var killFor = flag.Duration("kill-for", 20*time.Second, "how long TestKilledAtAnyMoment goes on killing")

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childLife)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func killConfig(dir string) Config {
	cfg := DefaultConfig()
	cfg.Dir = dir
	cfg.SegmentBytes, cfg.MaxBytes, cfg.SegmentAge = 64<<10, 1<<30, time.Second
	return cfg
}

// child appends and drains until it is killed. It says "A id" when Append has returned nil; "P id" is its broker: what stands in
// the pipe outlives the child. Lines are short enough for the system to write each as a whole.
func child(dir, life string) error {
	s, err := Open(killConfig(dir), Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	tell := func(text string) { mu.Lock(); defer mu.Unlock(); _, _ = os.Stdout.WriteString(text) }
	tell("B\n") // begun
	for caller := range 20 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s.%d.%d", life, caller, n)
				r := rec(fmt.Sprintf("%s.%d", life, caller), id+" "+strings.Repeat("x", rand.IntN(600)))
				if err := s.Append(context.Background(), r); err != nil {
					tell("E " + err.Error() + "\n")
					return
				}
				tell("A " + id + "\n")
			}
		}()
	}
	return s.Drain(context.Background(), func(_ context.Context, records []Record) error {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		if rand.IntN(4) == 0 {
			return errAway
		}
		for _, r := range records[:rand.IntN(len(records)+1)] { // a part of the batch gets through before the rest fails
			tell("P " + idOf(r) + "\n")
		}
		if rand.IntN(4) == 0 {
			return errAway
		}
		for _, r := range records {
			tell("P " + idOf(r) + "\n")
		}
		return nil
	})
}

func idOf(r Record) string {
	id, _, _ := strings.Cut(string(r.Value), " ")
	return id
}

// killing is what the parent knows of all lives.
type killing struct {
	accepted map[string]bool
	produced map[string]bool
	next     map[string]int // by caller of a life: the smallest number not seen yet
	disorder []string
}

func (k *killing) arrived(id string) {
	if k.produced[id] {
		return
	}
	k.produced[id] = true
	caller, number := id[:strings.LastIndexByte(id, '.')], id[strings.LastIndexByte(id, '.')+1:]
	n, err := strconv.Atoi(number)
	if err != nil || n < k.next[caller] {
		k.disorder = append(k.disorder, id)
	}
	k.next[caller] = n + 1
}

// TestKilledAtAnyMoment: kill -9, again and again; torn bytes are put behind the last segment now and then. Whatever Append had
// answered nil reaches the broker, each caller's records in order.
func TestKilledAtAnyMoment(t *testing.T) {
	total := *killFor
	if testing.Short() {
		total = min(total, 2*time.Second)
	}
	dir, lives := t.TempDir(), 0
	k := &killing{accepted: map[string]bool{}, produced: map[string]bool{}, next: map[string]int{}}
	for end := time.Now().Add(total); time.Now().Before(end); lives++ {
		k.live(t, dir, lives)
		if lives%3 == 0 {
			tear(t, dir)
		}
	}
	s, err := Open(killConfig(dir), Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Drain(ctx, func(_ context.Context, records []Record) error {
			for _, r := range records {
				k.arrived(idOf(r))
			}
			return nil
		})
	}()
	require.NoError(t, s.WaitDrained(ctx))
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.NoError(t, s.Close())

	require.Greater(t, len(k.accepted), 100)
	for id := range k.accepted {
		require.True(t, k.produced[id], "%s was accepted and never reached the broker", id)
	}
	require.Empty(t, k.disorder)
	t.Logf("%d lives, %d accepted, %d reached the broker", lives, len(k.accepted), len(k.produced))
}

// live runs one child, kills it, and takes in what it said.
func (k *killing) live(t *testing.T, dir string, life int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childLife, life))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for begun := false; ; {
		line, err := lines.ReadString('\n')
		if err != nil { // the end, perhaps in the middle of a line, which then was not said
			break
		}
		if !begun {
			require.Equal(t, "B\n", line)
			begun = true
			kill := time.AfterFunc(time.Duration(5+rand.IntN(400))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
			continue
		}
		what, id := line[0], strings.TrimSpace(line[1:])
		switch what {
		case 'A':
			k.accepted[id] = true
		case 'P':
			k.arrived(id)
		default:
			t.Fatalf("the child says %q", line)
		}
	}
	var exit *exec.ExitError
	require.True(t, errors.As(cmd.Wait(), &exit) && !exit.Exited(), "the child ended by itself: %s", complaints.String())
}

// tear puts the beginning of a frame behind the newest segment, as a kill in the middle of a write does.
func tear(t *testing.T, dir string) {
	t.Helper()
	list := files(t, dir, "*"+suffix)
	if len(list) == 0 {
		return
	}
	slices.Sort(list)
	f, err := os.OpenFile(list[len(list)-1], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	torn := appendFrame(nil, rec("k", strings.Repeat("torn", 100)))
	_, err = f.Write(torn[:1+rand.IntN(len(torn)-1)])
	require.NoError(t, errors.Join(err, f.Close()))
}
