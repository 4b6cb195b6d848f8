package scoring

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// moves is what a next-generation group has said and the loop has not done yet: the
// client's callbacks write here, the loop reads between two of its steps. Nothing is
// waited for with mu held. A nil one is of a classic group, and has nothing to say.
type moves struct {
	mu      sync.Mutex
	client  *kgo.Client
	news    *news                // nil when there is none
	doing   *news                // what the loop is at
	wake    context.CancelFunc   // ends the loop's poll
	waiting map[int32]bool       // granted, but not yet where they can be read
	brought map[int32]*bringing  // their restores, from the beginning until they are lost
	came    map[int32]*partition // restored and placed, for the loop to take in
	routed  map[int32]int64      // ends of routed that restores have seen

	work      sync.WaitGroup // restores
	following sync.Mutex     // of the standby: the loop and restores change it
}

// news is that the client took partitions away, or may have.
type news struct {
	all  bool
	nums map[int32]bool
	done chan struct{} // closed when the loop has let go of them
}

func newMoves() *moves {
	return &moves{waiting: map[int32]bool{}, brought: map[int32]*bringing{}, came: map[int32]*partition{}, routed: map[int32]int64{}}
}

// tell notes what was taken away and ends the loop's poll.
func (m *moves) tell(all bool, nums []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.news == nil {
		m.news = &news{nums: map[int32]bool{}, done: make(chan struct{})}
	}
	m.news.all = m.news.all || all
	for _, num := range nums {
		m.news.nums[num] = true
		delete(m.waiting, num)
		delete(m.brought, num)
	}
	if all {
		clear(m.waiting)
		clear(m.brought)
	}
	m.rouse()
}

func (m *moves) rouse() {
	if m.wake != nil {
		m.wake()
	}
}

// told tells whether there is news.
func (m *moves) told() bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.news != nil
}

// take gives the news to the loop.
func (m *moves) take() *news {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doing, m.news = m.news, nil
	return m.doing
}

// did says that the loop has done what it took.
func (m *moves) did(n *news) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doing = nil
	close(n.done)
}

// undone is news that the loop has not done yet, nil if there is none.
func (m *moves) undone() *news {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.news != nil {
		return m.news
	}
	return m.doing
}

// wakes says how the poll that begins now is ended.
func (m *moves) wakes(end context.CancelFunc) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wake = end
	if m.news != nil || len(m.came) > 0 {
		end()
	}
}

// arrived are the partitions that came since it was asked last.
func (m *moves) arrived() (came map[int32]*partition, routed map[int32]int64) {
	if m == nil {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.came) == 0 {
		return nil, nil
	}
	came, routed = m.came, m.routed
	m.came, m.routed = map[int32]*partition{}, map[int32]int64{}
	return came, routed
}

// wait returns when no restore is under way.
func (m *moves) wait() {
	if m != nil {
		m.work.Wait()
	}
}

// sawRouted notes where routed ended when a restore looked.
func (m *moves) sawRouted(ends map[int32]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for num, end := range ends {
		m.routed[num] = max(m.routed[num], end)
	}
}

// ours tells which partitions the standby leaves alone: from the beginning of the restore
// to the loss.
func (m *moves) ours() map[int32]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int32]bool{}
	for num := range m.brought {
		out[num] = true
	}
	return out
}
