package sim

import (
	"flag"
	"testing"
)

var (
	full = flag.Bool("full", false, "every point of every story and every meeting; else a sample of them")
	page = flag.String("table", "", "file to write what was tried and found to, as a page of Markdown")
	stop = flag.Bool("stop", true, "of each series of histories, stop at the first that fails")
)

// TestSimulation is the whole of it, with the table of what was tried.
func TestSimulation(t *testing.T) {
	tab := newTable()
	t.Run("points", func(t *testing.T) { testPoints(t, tab) })
	t.Run("pairs", func(t *testing.T) { testPairs(t, tab) })
	t.Run("Random", func(t *testing.T) { testRandom(t, tab) })
	t.Run("variants", func(t *testing.T) { testVariants(t, tab) })
	tab.write(t)
}
