package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// counts say what became of a report's rows. A row is in exactly one of them,
// and in Rows.
type counts struct {
	Manifest  string         `json:"manifest"`
	Rows      int            `json:"rows"`
	New       int            `json:"new"`       // enqueued, never seen before
	Changed   int            `json:"changed"`   // enqueued, other bytes or another profile than published
	InWork    int            `json:"in_work"`   // on their way already
	Unchanged int            `json:"unchanged"` // viewers have them
	Left      int            `json:"left"`      // new or changed, beyond --max-new
	Skipped   map[string]int `json:"skipped"`   // by reason
	Broken    map[string]int `json:"broken"`    // rows that cannot be read, by reason
	LeftFirst string         `json:"left_first,omitempty"`

	mu       sync.Mutex
	admitted int // new or changed, to be transcoded
}

func newCounts(manifest cloud.Location) *counts {
	return &counts{Manifest: manifest.String(), Skipped: map[string]int{}, Broken: map[string]int{}}
}

// maxReasons bounds the reasons that counts tell apart.
const maxReasons = 50

// note counts a row by a reason.
func (c *counts) note(m map[string]int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := m[reason]; !ok && len(m) >= maxReasons {
		reason = "other reasons"
	}
	m[reason]++
	c.Rows++
}

// add counts a row in n, which it returns.
func (c *counts) add(n *int) *int {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
	c.Rows++
	return n
}

// admit is add for an asset that will be transcoded, if the limit has a place
// for it. Otherwise the row counts as left, and the result is nil.
func (c *counts) admit(n *int, limit int, at cloud.Location) *int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Rows++
	if c.admitted < limit {
		c.admitted++
		*n++
		return n
	}
	if c.Left == 0 {
		c.LeftFirst = at.String()
	}
	c.Left++
	return nil
}

// takeBack undoes add or admit for a row that could not be enqueued, which ends
// the report.
func (c *counts) takeBack(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n--
	c.Rows--
}

// print tells the counts to a person.
func (c *counts) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  %d rows: %d new, %d changed, %d in work, %d unchanged, %d skipped, %d broken, %d left\n",
		c.Manifest, c.Rows, c.New, c.Changed, c.InWork, c.Unchanged, sum(c.Skipped), sum(c.Broken), c.Left)
	for _, kind := range []struct {
		what    string
		reasons map[string]int
	}{{"skipped", c.Skipped}, {"broken", c.Broken}} {
		for _, reason := range slices.Sorted(maps.Keys(kind.reasons)) {
			fmt.Fprintf(w, "  %s %d: %s\n", kind.what, kind.reasons[reason], reason)
		}
	}
	if c.Left > 0 {
		fmt.Fprintf(w, "  left %d, from %s on: more than --max-new would be transcoded; scan again when these are done, or raise --max-new\n", c.Left, plain(c.LeftFirst))
	}
}

func (c *counts) String() string {
	var b strings.Builder
	c.print(&b)
	return b.String()
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
