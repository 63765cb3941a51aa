package sim

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/show"
)

// table counts what was tried and what came of it.
type table struct {
	mu    sync.Mutex
	began time.Time
	rows  map[string]*row
	order []string

	broken map[string]int // the history in which a missing safeguard was seen
}

type row struct{ histories, lost, paid, half, over int }

func newTable() *table {
	return &table{began: time.Now(), rows: map[string]*row{}, broken: map[string]int{}}
}

// add counts one history.
func (t *table) add(name string, v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rows[name]
	if r == nil {
		r = new(row)
		t.rows[name] = r
		t.order = append(t.order, name)
	}
	r.histories++
	r.lost += min(len(v.lost), 1)
	r.paid += min(len(v.paid), 1)
	r.half += min(len(v.half), 1)
	r.over += min(len(v.over), 1)
}

// red counts the histories until a fleet without a safeguard was found out.
func (t *table) red(without string, tried int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken[without] = tried
}

// String is the table in Markdown, with the missing safeguards below it.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString("| tried | histories | lost | paid twice | half visible | over the cap |\n| --- | --: | --: | --: | --: | --: |\n")
	line := func(name string, r row) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", name, r.histories, r.lost, r.paid, r.half, r.over)
	}
	var sum row
	for _, name := range slices.Sorted(slices.Values(t.order)) {
		r := t.rows[name]
		line(name, *r)
		sum.histories += r.histories
		sum.lost += r.lost
		sum.paid += r.paid
		sum.half += r.half
		sum.over += r.over
	}
	line("**all**", sum)
	b.WriteString("\n| a fleet with | turns red in history |\n| --- | --: |\n")
	for _, name := range slices.Sorted(maps.Keys(t.broken)) {
		fmt.Fprintf(&b, "| %s | %d |\n", name, t.broken[name])
	}
	return b.String()
}

// write puts the table where -table says.
func (t *table) write(tt *testing.T) {
	tt.Helper()
	s := t.String()
	show.Table(tt, "simulation", s)
	if *page == "" || tt.Failed() {
		return
	}
	form := "a sample of the points and meetings"
	if *full {
		form = "every point of every story, every meeting of two ungoverned runs and a part of those of governed ones"
	}
	text := fmt.Sprintf(preface, form, *seed, *seed+uint64(*histories)-1, time.Since(t.began).Round(time.Second), s)
	if err := os.WriteFile(*page, []byte(text), 0o644); err != nil {
		tt.Error(err)
	}
}

const preface = `# The simulation

Whole lives of assets on a cloud, a queue and a Redis in memory and on a fake clock, with the real handlers, ledger,
governor, job board and reconciler (internal/e2e/sim). In each history one thing goes wrong, or in the random ones many: a process dies after a call of
a port, an answer is lost, a process is held up, two runs meet, Redis is emptied. Then the faults stop, and what is
left is held against the promises. Below are fleets that lack one safeguard, each of which has to be found out.

This was %s, and the random histories of the seeds %d to %d, in %v; ` + "`make simulation`" + ` writes this page.

%s`
