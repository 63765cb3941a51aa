package storm

import (
	"sync"
	"sync/atomic"
)

// traps are what is to happen at calls to come. The zero value is empty.
type traps struct {
	armed atomic.Int64
	mu    sync.Mutex
	list  []*trap
}

// trap springs once, at a call at its point.
type trap struct {
	point  Point
	spring func(Call) (fate Fate, sprung bool) // not sprung: it goes on waiting
	busy   bool
	done   chan struct{} // closed once it has sprung
}

// arm sets a trap. Its done channel is closed once it has sprung.
func (t *traps) arm(p Point, spring func(Call) (Fate, bool)) *trap {
	n := &trap{point: p, spring: spring, done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, n)
	t.armed.Add(1)
	return n
}

// disarm takes a trap away, and reports false if it springs or has sprung.
func (t *traps) disarm(n *trap) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.busy {
		return false
	}
	return t.remove(n)
}

func (t *traps) remove(n *trap) bool {
	for i, x := range t.list {
		if x == n {
			t.list = append(t.list[:i:i], t.list[i+1:]...)
			t.armed.Add(-1)
			return true
		}
	}
	return false
}

// meet springs the first trap at the call's point, if there is one.
func (t *traps) meet(c Call) Fate {
	if t.armed.Load() == 0 {
		return Pass
	}
	t.mu.Lock()
	var n *trap
	for _, x := range t.list {
		if x.point == c.Point() && !x.busy {
			n = x
			n.busy = true
			break
		}
	}
	t.mu.Unlock()
	if n == nil {
		return Pass
	}
	fate, sprung := n.spring(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	n.busy = false
	if sprung {
		t.remove(n)
		close(n.done)
	}
	return fate
}
