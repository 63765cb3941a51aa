package storm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// binaries copies worker and enqueuer into the storm's folder, so that one run
// is of one build, whatever is built beside it.
func (s *Storm) binaries() string {
	s.t.Helper()
	dir := filepath.Join(s.Dir, "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"worker", "enqueuer"} {
		to := filepath.Join(dir, name)
		if _, err := os.Stat(to); err == nil {
			continue // of the earlier session
		}
		if out, err := exec.Command("cp", filepath.Join(lcproc.Root(), "bin", name), to).CombinedOutput(); err != nil {
			s.t.Fatalf("%v: %s", err, out)
		}
	}
	return dir
}

// Rage does the steps that are still to be done, in their time.
func (s *Storm) Rage() {
	s.t.Helper()
	done := make(map[int]bool)
	offset := time.Duration(0)
	for _, e := range s.Journal.Entries() {
		if e.N > 0 {
			done[e.N] = true
		}
	}
	looking, stop := context.WithCancel(s.ctx)
	defer stop()
	s.waiting.Go(func() { s.looker.Run(looking, 250*time.Millisecond, s.anyAsset, func() { s.count.looks.Add(1) }) })
	steps := s.Plan.Steps()
	for _, step := range steps {
		if done[step.N] {
			offset = max(offset, step.At)
			if step.Kind == stepBatch {
				s.arrived.Store(int64(step.Batch + 1))
			}
		}
	}
	begin := time.Now().Add(-offset)
	figures := time.NewTicker(5 * time.Second)
	defer figures.Stop()
	for _, step := range steps {
		if done[step.N] {
			continue
		}
		for wait := time.Until(begin.Add(step.At)); wait > 0; wait = time.Until(begin.Add(step.At)) {
			select {
			case <-s.ctx.Done():
				s.t.Fatal(s.ctx.Err())
			case <-time.After(wait):
			case <-figures.C:
				s.Journal.Note(Entry{What: "figures", Figures: s.count.figures()})
			}
		}
		s.do(step)
	}
	stop()
	s.waiting.Wait()
}

func (s *Storm) do(step Step) {
	s.t.Helper()
	switch step.Kind {
	case stepBatch:
		if err := s.arrive(step.Batch); err != nil {
			s.t.Fatal(err)
		}
		s.arrived.Store(int64(step.Batch + 1))
		s.Journal.Note(Entry{What: stepBatch, N: step.N})
	case stepKill:
		s.at(step, s.kill)
	case stepStall:
		s.at(step, s.stall)
	case stepFlush:
		s.at(step, s.flush)
	case stepRedis:
		begin := time.Now()
		s.Fleet.Redis.Kill()
		time.Sleep(time.Duration(200+rand.IntN(1500)) * time.Millisecond)
		s.Fleet.Redis.Restart()
		s.Journal.Note(Entry{What: stepRedis, N: step.N, Took: time.Since(begin).Seconds()})
	}
}

// patience is how long a chosen call is waited for; then the step is done at
// random, and noted so.
const patience = 45 * time.Second

// at does a step at its chosen call, or now with a random worker.
func (s *Storm) at(step Step, do func(step Step, slot int, c *Call) (Fate, bool)) {
	anywhere := func() {
		for s.ctx.Err() == nil {
			if _, ok := do(step, rand.IntN(len(s.workers)), nil); ok {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if step.Point == nil {
		if step.Kind == stepStall { // the driver goes on meanwhile
			s.waiting.Go(anywhere)
			return
		}
		anywhere()
		return
	}
	n := s.traps.arm(*step.Point, func(c Call) (Fate, bool) { return do(step, c.Slot, &c) })
	s.waiting.Go(func() {
		select {
		case <-n.done:
			return
		case <-time.After(min(patience, s.Plan.Lasts/4)):
		}
		for !s.traps.disarm(n) {
			select {
			case <-n.done:
				return
			case <-time.After(20 * time.Millisecond): // it springs just now
			}
		}
		anywhere()
	})
}

// met is the entry of a step that was done at a call, or at random.
func met(step Step, slot int, c *Call) Entry {
	e := Entry{What: step.Kind, N: step.N, Slot: slot}
	if c != nil {
		p := c.Point()
		e.Point, e.About = &p, c.About
	}
	return e
}

func (s *Storm) kill(step Step, slot int, c *Call) (Fate, bool) {
	if !s.workers[slot].Kill() {
		return Pass, false
	}
	s.Journal.Note(met(step, slot, c))
	return Drop, true
}

// stall stops a worker. A call that waits in the network meanwhile goes on
// just before the worker does.
func (s *Storm) stall(step Step, slot int, c *Call) (Fate, bool) {
	resume, ok := s.workers[slot].Stall()
	if !ok {
		return Pass, false
	}
	begin := time.Now()
	select {
	case <-time.After(s.Plan.Stall):
	case <-s.ctx.Done():
	}
	time.AfterFunc(time.Second, resume)
	e := met(step, slot, c)
	e.Took = (time.Since(begin) + time.Second).Seconds()
	e.At = time.Now().Add(time.Second)
	s.Journal.Note(e)
	return Pass, true
}

// flush empties Redis, and reports the library again: what nobody had looked
// at yet was in Redis alone.
func (s *Storm) flush(step Step, slot int, c *Call) (Fate, bool) {
	if err := command(s.Fleet.Redis.Addr, "FLUSHALL"); err != nil {
		return Pass, false
	}
	s.Journal.Note(met(step, slot, c))
	s.waiting.Go(s.report)
	return Pass, true
}

// command sends one word to Redis.
func command(addr, word string) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "*1\r\n$%d\r\n%s\r\n", len(word), word); err != nil {
		return err
	}
	v, err := readValue(bufio.NewReader(conn))
	if err == nil && v.kind == '-' {
		err = errors.New(string(v.raw))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Settle ends the faults and waits until nothing is in work any more. It
// returns how long that took, and false if it took too long.
func (s *Storm) Settle() (time.Duration, bool) {
	s.t.Helper()
	s.calm.Store(true)
	s.Fleet.Cloud.SetFaults()
	s.Journal.Note(Entry{What: "calm", Figures: s.count.figures()})
	if s.Plan.Last {
		if err := command(s.Fleet.Redis.Addr, "FLUSHALL"); err != nil {
			s.t.Fatal(err)
		}
		s.Journal.Note(Entry{What: stepFlush})
	}
	s.report()
	begin := time.Now()
	told := begin
	hurry, err := newHurry(s.Fleet, s.Plan.Rate)
	if err != nil {
		s.t.Fatal(err)
	}
	defer hurry.Close()
	for time.Since(begin) < s.Plan.Calm {
		if s.Plan.Hurry {
			if err := hurry.tick(s.ctx); err != nil {
				s.t.Logf("jobs are not looked for sooner: %v", err)
			}
		}
		left, err := s.left()
		if err == nil && left == "" {
			took := time.Since(begin)
			s.Journal.Note(Entry{What: "converged", Took: took.Seconds(), Figures: s.count.figures()})
			return took, true
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			s.t.Logf("after %v of calm: %s", time.Since(begin).Round(time.Second), left)
		}
		time.Sleep(time.Second)
	}
	return time.Since(begin), false
}

// left says what is still in work.
func (s *Storm) left() (string, error) {
	records, open := 0, 0
	for _, err := range s.Fleet.Book.List(s.ctx) {
		if err != nil {
			return "", err
		}
		records++
	}
	for _, err := range s.Fleet.Book.Open(s.ctx) {
		if err != nil {
			return "", err
		}
		open++
	}
	jobs := 0
	if open == 0 && records == s.Plan.Assets {
		for _, j := range s.Fleet.Cloud.Jobs() {
			if j.Status == "SUBMITTED" || j.Status == "PROGRESSING" {
				jobs++
			}
		}
	}
	if open+jobs == 0 && records == s.Plan.Assets {
		return "", nil
	}
	return fmt.Sprintf("%d records of %d, %d open markers, %d jobs unfinished", records, s.Plan.Assets, open, jobs), nil
}
