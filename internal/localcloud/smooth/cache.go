package smooth

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// maxKept bounds the fragments of all indexes that are kept: 40 bytes each.
const maxKept = 1 << 20

// indexes keeps the indexes used last.
type indexes struct {
	mu       sync.Mutex
	byFile   map[string]*list.Element
	recent   *list.List // of *kept, latest use first
	used     int        // fragments in all
	building map[string]*building
}

type kept struct {
	key   string
	index *Index
}

// building is an index that is being read. Its fields are set before done is
// closed.
type building struct {
	done  chan struct{}
	index *Index
	err   error
}

// of returns the index of a file, reading each version once however many ask
// for it at the same time.
func (c *indexes) of(ctx context.Context, f *File) (*Index, error) {
	key := f.ID + "\x00" + f.Version
	c.mu.Lock()
	if el := c.byFile[key]; el != nil {
		c.recent.MoveToFront(el)
		c.mu.Unlock()
		return el.Value.(*kept).index, nil
	}
	if b := c.building[key]; b != nil {
		c.mu.Unlock()
		select {
		case <-b.done:
			return b.index, b.err
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another reader: %w", context.Cause(ctx))
		}
	}
	b := &building{done: make(chan struct{})}
	if c.building == nil {
		c.building, c.byFile, c.recent = make(map[string]*building), make(map[string]*list.Element), list.New()
	}
	c.building[key] = b
	c.mu.Unlock()

	b.index, b.err = ReadIndex(f, f.Size)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.building, key)
	if b.err == nil {
		c.keep(&kept{key, b.index})
	}
	close(b.done)
	return b.index, b.err
}

// keep adds an index; those unused for longest make room. The caller holds c.mu.
func (c *indexes) keep(k *kept) {
	c.byFile[k.key] = c.recent.PushFront(k)
	c.used += cost(k)
	for c.used > maxKept && c.recent.Len() > 1 {
		el := c.recent.Back()
		c.recent.Remove(el)
		old := el.Value.(*kept)
		delete(c.byFile, old.key)
		c.used -= cost(old)
	}
}

// cost is what an index counts for, with an estimate of its overhead.
func cost(k *kept) int { return k.index.Len() + 10 }
