package governor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func (f *fixture) await(asset string, seq int) bool {
	f.t.Helper()
	gone, err := f.Await(f.t.Context(), asset, seq, []string{"/watch/" + asset + "/master.m3u8", "/watch/" + asset + "/manifest.mpd"})
	if err != nil {
		f.t.Fatal(err)
	}
	return gone
}

// line is who waits, as "ASSET:SEQ", the oldest first.
func (f *fixture) stale(most int) string {
	f.t.Helper()
	line, err := f.Stale(f.t.Context(), most)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, s := range line.First {
		all = append(all, fmt.Sprintf("%s:%d", s.Asset, s.Seq))
	}
	return fmt.Sprint(line.Count, " ", strings.Join(all, " "))
}

func TestStale(t *testing.T) {
	f := newFixture(t, Options{})
	moved := func(f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, most int, want string) {
		t.Helper()
		if got := f.stale(most); got != want {
			t.Errorf("%s the line is %q, want %q", when, got, want)
		}
	}
	want("with nobody", 10, "0 ")
	f.await("a", 2)
	f.pass(time.Second)
	f.await("b", 3)
	f.pass(time.Second)
	f.await("a", 2) // keeps its place
	want("after two came", 10, "2 a:2 b:3")
	want("cut", 1, "2 a:2")
	f.await("a", 1) // an outdated run
	want("after an older switch came", 10, "2 a:2 b:3")
	f.await("a", 3) // its entries were written later
	want("after a newer switch came", 10, "2 b:3 a:3")

	line, err := f.Stale(t.Context(), 10)
	if err != nil || !line.Now.Equal(f.now) || !line.Newest.Equal(f.now) || line.First[0].Since.Equal(f.now) || len(line.First[0].Paths) != 2 {
		t.Errorf("Stale = %+v, %v", line, err)
	}

	moved(func() error { return f.Sent(t.Context(), []Stale{{Asset: "b", Seq: 3}, {Asset: "a", Seq: 2}}) })
	want("with b in a batch, and of a an older switch", 10, "1 a:3")
	if f.await("b", 3) {
		t.Error("what is in a batch is gone")
	}
	want("after b came again", 10, "1 a:3")
	f.await("b", 4)
	want("with b replaced meanwhile", 10, "2 a:3 b:4")
	moved(func() error { return f.Gone(t.Context(), []Stale{{Asset: "b", Seq: 3}, {Asset: "a", Seq: 2}}) })
	if f.await("b", 4) || f.await("a", 3) {
		t.Error("an earlier invalidation counts for a later switch")
	}
	if !f.await("b", 3) || !f.await("a", 2) {
		t.Error("what is complete is not gone")
	}
	want("with later switches", 10, "2 a:3 b:4")
	moved(func() error { return f.Sent(t.Context(), []Stale{{Asset: "a", Seq: 3}, {Asset: "b", Seq: 4}}) })
	f.pass(SentFor + time.Second)
	f.await("b", 4)
	want("long after it was sent", 10, "1 b:4")
	f.redis.FlushAll()
	if f.await("b", 4) {
		t.Error("gone after a loss")
	}
	want("after a loss", 10, "1 b:4")
	moved(func() error { return f.Gone(t.Context(), []Stale{{Asset: "b", Seq: 4}}) })
	want("in the end", 10, "0 ")
	f.pass(GoneFor + time.Second)
	moved(func() error { return f.Gone(t.Context(), []Stale{{Asset: "c", Seq: 1}}) })
	if f.await("b", 4) {
		t.Error("it is remembered for ever")
	}
}

// Those with a wildcard have a line of their own, and an asset is in one of the
// two: that of its last switch.
func TestStaleWild(t *testing.T) {
	f := newFixture(t, Options{})
	want := func(when string, count, wild int) {
		t.Helper()
		line, err := f.Stale(t.Context(), 10)
		if err != nil || line.Count != count || len(line.First) != count || line.WildCount != wild || len(line.Wild) != min(wild, wildMost) {
			t.Errorf("%s Stale = %+v, %v, want %d and %d with a wildcard", when, line, err, count, wild)
		}
	}
	remove := func(asset string, seq int) {
		t.Helper()
		if _, err := f.Await(t.Context(), asset, seq, []string{"/watch/" + asset + "/master.m3u8", "/media/" + asset + "/*"}); err != nil {
			t.Fatal(err)
		}
	}
	f.await("a", 2)
	remove("b", 2)
	remove("b", 2)
	want("after one of each", 1, 1)
	remove("a", 3)
	want("after a was removed", 0, 2)
	f.await("b", 4)
	want("after b was shown again", 1, 1)
	if err := f.Sent(t.Context(), []Stale{{Asset: "a", Seq: 3}, {Asset: "b", Seq: 3}}); err != nil {
		t.Fatal(err)
	}
	want("with a in a batch, and of b an older switch", 1, 0)
	for i := range wildMost + 1 {
		remove(fmt.Sprint("c", i), 2)
	}
	want("with many", 1, wildMost+1)
}

func TestStaleMany(t *testing.T) {
	f := newFixture(t, Options{})
	var all []Stale
	for i := range 1201 {
		a := fmt.Sprintf("a%04d", i)
		f.await(a, 2)
		all = append(all, Stale{Asset: a, Seq: 2})
	}
	if err := f.Sent(t.Context(), all[:1200]); err != nil {
		t.Fatal(err)
	}
	if got := f.stale(3000); got != "1 a1200:2" {
		t.Errorf("the line is %q", got)
	}
}

func TestAsked(t *testing.T) {
	f := newFixture(t, Options{})
	for _, want := range []string{"", "2026-11 10000", "2026-12 20000"} {
		if want != "" {
			if err := f.Ask(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := f.Asked(t.Context()); got != want || err != nil {
			t.Errorf("Asked = %q, %v, want %q", got, err, want)
		}
	}
	if err := f.ShutBy(t.Context(), ScopeInvalidations, "the budget", "the budget", 0); err != nil {
		t.Error(err)
	}
}
