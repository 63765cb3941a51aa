package edge

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

// entry is an answer of an origin, or an object that is too large to keep:
// then file is open, or passed says that the request has to be passed on.
type entry struct {
	status  int
	header  http.Header
	body    []byte
	file    io.ReadSeekCloser
	passed  bool
	age     int64 // seconds that it was old when it came
	fetched time.Time
	fresh   time.Time // may be served until then

	dist    string
	named   string // path and query, as invalidations name it
	key     string
	lasting bool // is never invalidated
}

func (n *entry) content() io.ReadSeeker {
	if n.file != nil {
		return n.file
	}
	return bytes.NewReader(n.body)
}

func (n *entry) close() {
	if n.file != nil {
		_ = n.file.Close() // only read
	}
}

// size is what an entry costs the cache, with an estimate of its overhead.
func (n *entry) size() int64 { return int64(len(n.body)) + int64(2*len(n.key)) + 1024 }

// cache keeps entries within a number of bytes; the one unused for longest
// goes first. It is not safe for concurrent use.
type cache struct {
	limit, used int64
	byKey       map[string]*list.Element
	recent      *list.List // of *entry, latest use first
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, byKey: make(map[string]*list.Element), recent: list.New()}
}

func (c *cache) get(key string) *entry {
	el := c.byKey[key]
	if el == nil {
		return nil
	}
	c.recent.MoveToFront(el)
	return el.Value.(*entry)
}

func (c *cache) put(n *entry) {
	c.remove(n.key)
	if n.size() > c.limit {
		return
	}
	c.byKey[n.key] = c.recent.PushFront(n)
	c.used += n.size()
	for c.used > c.limit {
		c.remove(c.recent.Back().Value.(*entry).key)
	}
}

func (c *cache) remove(key string) {
	if el := c.byKey[key]; el != nil {
		c.used -= el.Value.(*entry).size()
		c.recent.Remove(el)
		delete(c.byKey, key)
	}
}

// purge removes what an invalidation names.
func (c *cache) purge(matches func(dist, named string, lasting bool) bool) {
	for el := c.recent.Front(); el != nil; {
		n := el.Value.(*entry)
		el = el.Next()
		if matches(n.dist, n.named, n.lasting) {
			c.remove(n.key)
		}
	}
}

// matcher tells what a completed invalidation names.
type matcher struct {
	dist     string
	exact    map[string]bool
	prefixes []string
}

func newMatcher(p cloudfront.Purge) matcher {
	m := matcher{dist: p.Distribution, exact: make(map[string]bool)}
	for _, path := range p.Paths {
		if prefix, wild := strings.CutSuffix(path, "*"); wild {
			m.prefixes = append(m.prefixes, purgeForm(prefix))
		} else {
			m.exact[purgeForm(path)] = true
		}
	}
	return m
}

// matches reports whether an object is named. Smooth Streaming media cannot be
// invalidated.
func (m matcher) matches(dist, named string, lasting bool) bool {
	if lasting || dist != m.dist {
		return false
	}
	if m.exact[named] {
		return true
	}
	for _, p := range m.prefixes {
		if strings.HasPrefix(named, p) {
			return true
		}
	}
	return false
}
