package sim

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// table counts what was tried and what came of it.
type table struct {
	mu    sync.Mutex
	began time.Time
	rows  map[string]*row
	order []string
	notes []string
}

type row struct{ histories, lost, paid, half, over int }

func newTable() *table { return &table{began: time.Now(), rows: map[string]*row{}} }

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

// note adds a line below the table.
func (t *table) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "tried\thistories\tlost\tpaid twice\thalf visible\tover the cap\t")
	var sum row
	for _, name := range slices.Sorted(slices.Values(t.order)) {
		r := t.rows[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, r.histories, r.lost, r.paid, r.half, r.over)
		sum.histories += r.histories
		sum.lost += r.lost
		sum.paid += r.paid
		sum.half += r.half
		sum.over += r.over
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t%d\t\n", sum.histories, sum.lost, sum.paid, sum.half, sum.over)
	w.Flush()
	for _, n := range t.notes {
		fmt.Fprintln(&b, n)
	}
	fmt.Fprintf(&b, "in %v\n", time.Since(t.began).Round(time.Second))
	return b.String()
}

func (t *table) print(tt *testing.T) {
	tt.Helper()
	s := t.String()
	tt.Log("\n" + s)
	if *show {
		fmt.Fprint(os.Stdout, s)
	}
}
