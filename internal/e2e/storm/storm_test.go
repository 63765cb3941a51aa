package storm

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/e2e/show"
)

var (
	chaos = flag.String("chaos", "", "folder of a full storm, which is begun or gone on with there")
	seed  = flag.Uint64("seed", 0, "of the storm; 0: by the clock, or as it was begun")
	part  = flag.Int("part", 1, "the full storm is divided by this")
)

// short is the storm of every test run, of about a minute and a half. Asynq
// gives back what a dead worker held after 60 to 150 s, which does not fit: so
// Redis is emptied once more at the end, and the reconciler has to bring all of
// it back. The full form waits for Asynq too, and for whoever looks for a job.
var short = Plan{
	Assets: 150, Batches: 4, Live: 10, Bad: 2, Changed: 4, Workers: 3,
	Kills: 9, Chosen: 7, Stalls: 1, Stall: 16 * time.Second, Flushes: 1, Last: true, Redis: 1,
	Lasts: 20 * time.Second, Calm: 2 * time.Minute, Rate: 20, Hurry: true, Jobs: "20s-2m",
	Lost: 0.01, LostRedis: 0.002, Refused: 0.01, FailJob: 0.01,
}

// full is the storm of `make chaos`.
var full = Plan{
	Assets: 5000, Batches: 25, Live: 10, Bad: 2, Changed: 4, Workers: 4,
	Kills: 200, Chosen: 150, Stalls: 12, Stall: 75 * time.Second, Flushes: 20, Redis: 5,
	Lasts: 24 * time.Minute, Calm: 12 * time.Minute, Rate: 20, Jobs: "60s-6m",
	Lost: 0.01, LostRedis: 0.002, Refused: 0.01, FailJob: 0.01,
}

// part is a storm of the same kind, n times smaller and shorter.
func (p Plan) part(n int) Plan {
	for _, x := range []*int{&p.Assets, &p.Batches, &p.Kills, &p.Chosen, &p.Stalls, &p.Flushes, &p.Redis} {
		*x = max(*x/n, 1)
	}
	p.Lasts /= time.Duration(n)
	return p
}

func TestStorm(t *testing.T) {
	if testing.Short() || *chaos != "" {
		t.Skip("the short form only")
	}
	t.Parallel()
	p := short
	p.Seed = *seed
	if p.Seed == 0 {
		p.Seed = uint64(time.Now().UnixNano())
	}
	rage(t, t.ArtifactDir(), p) // go test -artifacts keeps it
}

// TestChaos is the full form: go test -run TestChaos ./internal/e2e/storm -chaos DIR.
func TestChaos(t *testing.T) {
	if *chaos == "" {
		t.Skip("make chaos runs it")
	}
	dir := *chaos
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(lcproc.Root(), dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := full.part(max(*part, 1))
	p.Seed = *seed
	if p.Seed == 0 && !begun(dir) {
		p.Seed = uint64(time.Now().UnixNano())
	}
	result := rage(t, dir, p)
	if *part > 1 {
		return
	}
	page := "# The storm\n\n" + preface + "\n" + result.String()
	if err := os.WriteFile(filepath.Join(lcproc.Root(), "docs", "chaos.md"), []byte(page), 0o644); err != nil {
		t.Error(err)
	}
}

func begun(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "journal.jsonl"))
	return err == nil && info.Size() > 0
}

const preface = "What `make chaos` has last come to: real workers, a real Redis and the local cloud, killed, stopped, emptied and\n" +
	"lied to, and judged from outside once all is at rest. The run wrote this page itself.\n"

// rage runs a storm to its end and fails the test for what the judge finds.
func rage(t *testing.T, dir string, p Plan) *Result {
	t.Helper()
	s := New(t, dir, p)
	t.Logf("seed %d", s.Plan.Seed)
	s.Rage()
	settled, ok := s.Settle()
	if !ok {
		t.Errorf("not at rest after %v of calm", settled.Round(time.Second))
	}
	verdict, err := s.world().Judge(t.Context())
	if err != nil {
		t.Fatalf("judge: %v", err)
	}
	verdict.Violations = append(verdict.Violations, s.looker.Wrong()...)
	result := s.Result(verdict, settled)
	show.Table(t, "storm", result.String())
	if err := os.WriteFile(filepath.Join(dir, "result.md"), []byte(result.String()), 0o644); err != nil {
		t.Error(err)
	}
	if n := len(verdict.Violations); n > 0 {
		t.Errorf("%d violations; seed %d", n, s.Plan.Seed)
	}
	if n := s.exits.Load(); n > 0 {
		t.Errorf("%d programs ended by themselves", n)
	}
	return result
}
