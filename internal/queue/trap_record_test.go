package queue

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// recovers runs a bare server on these queues until its recoverer has looked,
// which it does at once, and says of each task whether it was recovered. The
// first can be, unless none can.
func (f *fixture) recovers(queues []string, all ...tasks.Task) (recovered []bool) {
	f.Helper()
	weights := make(map[string]int)
	for _, q := range queues {
		weights[q] = 1
	}
	const complaint = "could not list lease expired"
	before := f.logged(complaint)
	s := asynq.NewServer(f.opt, asynq.Config{
		Queues: weights, RetryDelayFunc: after(time.Hour), ShutdownTimeout: 50 * time.Millisecond, Logger: newAsynqLog(f.log),
	})
	if err := s.Start(fails(errPlain)); err != nil {
		f.Fatal(err)
	}
	f.until("the recoverer has looked", func() bool { return f.logged(complaint) > before || f.state(all[0]) != "active" })
	s.Shutdown() // which waits for the recoverer
	for _, t := range all {
		recovered = append(recovered, f.state(t) != "active")
	}
	return recovered
}

// The trap: an active task without a lease is never recovered, whoever waits
// for it: its ID is taken, and enqueueing it again finds it there. Ours: it is
// found, and goes back to its queue once it has been seen so for a while.
func TestTrapOrphan(t *testing.T) {
	f := newFixture(t)
	orphan, lost := publish, tasks.Publish{Asset: asset, Build: 2}
	for _, p := range []tasks.Publish{orphan, lost} {
		f.put(p)
		f.lose(p)
	}
	f.raw.ZRem(t.Context(), "asynq:{publish}:lease", orphan.ID())
	if got := f.recovers([]string{"publish"}, lost, orphan); !slices.Equal(got, []bool{true, false}) {
		t.Errorf("recovered are %v, want the lost task and not the orphan", got)
	}
	if err := f.client.Enqueue(t.Context(), orphan); err != nil || f.state(orphan) != "active" {
		t.Errorf("Enqueue = %v, and the task is %s, want it there and stuck", err, f.state(orphan))
	}

	repair := func(grace time.Duration, dryRun bool, want Repair) {
		t.Helper()
		got, err := f.inspect.RepairOrphans(t.Context(), grace, dryRun)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("RepairOrphans(%v, dry %v) = %+v, %v, want %+v", grace, dryRun, got, err, want)
		}
	}
	found := Repair{Found: 1, Sample: []TaskRef{Ref(orphan)}}
	repair(time.Minute, true, found)
	if n := f.raw.Exists(t.Context(), orphansKey).Val(); n != 0 {
		t.Error("a dry run left a mark")
	}
	repair(time.Minute, false, found) // seen first
	repair(time.Minute, false, found) // not long enough
	if got := f.state(orphan); got != "active" {
		t.Errorf("task is %s within its grace, want active", got)
	}
	f.raw.ZIncrBy(t.Context(), orphansKey, -61, "publish/"+orphan.ID()) // the minute passes
	repair(time.Minute, true, found)
	mended := found
	mended.Mended = 1
	repair(time.Minute, false, mended)
	repair(time.Minute, false, Repair{})
	if got, l := f.state(orphan), f.lengths("publish"); got != "pending" || l.Active != 0 || l.Pending != 1 {
		t.Errorf("task is %s, lengths are %+v, want it pending", got, l)
	}
	if n := f.raw.Exists(t.Context(), orphansKey).Val(); n != 0 {
		t.Error("the mark is left")
	}
	s := f.server(nil, "publish")
	Handle(s, func(context.Context, tasks.Publish) error { return nil })
	f.run(s)
	f.untilState(orphan, "")
}

// An orphan that gets a lease, or ends, within its grace is left alone.
func TestOrphanThatLives(t *testing.T) {
	f := newFixture(t)
	f.put(publish)
	f.take(publish)
	f.raw.ZRem(t.Context(), "asynq:{publish}:lease", publish.ID())
	if _, err := f.inspect.RepairOrphans(t.Context(), time.Minute, false); err != nil {
		t.Fatal(err)
	}
	f.raw.ZIncrBy(t.Context(), orphansKey, -120, "publish/"+publish.ID())
	f.raw.ZAdd(t.Context(), "asynq:{publish}:lease", redisZ(time.Now().Add(time.Minute), publish.ID()))
	if got, err := f.inspect.RepairOrphans(t.Context(), time.Minute, false); err != nil || got.Found != 0 {
		t.Errorf("RepairOrphans = %+v, %v, want nothing found", got, err)
	}
	// The script looks again by itself, whatever was found a moment ago.
	ref := Ref(publish)
	n, err := orphanScript.Run(t.Context(), f.raw, []string{ref.key(), ref.prefix(), orphansKey}, ref.ID, "publish/"+ref.ID, 0).Int()
	if err != nil || n != 0 || f.state(publish) != "active" || f.raw.Exists(t.Context(), orphansKey).Val() != 0 {
		t.Errorf("orphanScript = %d, %v, and the task is %s, want it left alone", n, err, f.state(publish))
	}
}

// The trap: one record that cannot be decoded, with a lease that has ended,
// keeps the tasks of every queue from being recovered, by every worker. Ours:
// it is moved aside, its bytes kept, and the others are recovered.
func TestTrapPoisonRecord(t *testing.T) {
	f := newFixture(t)
	const poison = "\xff\xfe not a record"
	f.put(publish)
	f.lose(publish)
	f.put(submit)
	f.lose(submit)
	f.raw.HSet(t.Context(), Ref(submit).key(), "msg", poison)
	if got := f.recovers([]string{"publish", submit.Queue()}, publish); got[0] {
		t.Error("a task of another queue is recovered beside the record that cannot be read")
	}

	want := Repair{Found: 1, Sample: []TaskRef{Ref(submit)}}
	for _, dryRun := range []bool{true, false} {
		if !dryRun {
			want.Mended = 1
		}
		got, err := f.inspect.RepairRecords(t.Context(), true, dryRun)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("RepairRecords(dry %v) = %+v, %v, want %+v", dryRun, got, err, want)
		}
		if n := f.raw.LLen(t.Context(), DeadLetters).Val(); n != int64(want.Mended) {
			t.Errorf("%d dead letters, want %d", n, want.Mended)
		}
	}
	var letter DeadLetter
	if err := json.Unmarshal([]byte(f.raw.LIndex(t.Context(), DeadLetters, 0).Val()), &letter); err != nil {
		t.Fatal(err)
	}
	if msg, err := hex.DecodeString(letter.Msg); err != nil || string(msg) != poison || letter.ID != submit.ID() || letter.Queue != submit.Queue() ||
		letter.State != "active" || letter.Bytes != len(poison) || time.Since(letter.At) > time.Minute || letter.Why == "" {
		t.Errorf("dead letter is %+v, %v", letter, err)
	}
	if got := f.recovers([]string{"publish", submit.Queue()}, publish); !got[0] {
		t.Error("the task of the other queue is still not recovered")
	}
	f.enqueue(submit)
	if got := f.state(submit); got != "pending" {
		t.Errorf("task is %q, want its ID to be free", got)
	}
}

// Wrecks of every kind, in every state, and what is no wreck beside them.
func TestRepairRecords(t *testing.T) {
	ref := Ref(publish)
	for _, tt := range []struct {
		name   string
		wreck  func(f *fixture, state string)
		states []string
		msg    string // that is kept
	}{
		{"no record", func(f *fixture, _ string) { f.raw.HDel(f.Context(), ref.key(), "msg") }, []string{"pending", "active", "retry", "scheduled", "archived"}, ""},
		{"no key", func(f *fixture, _ string) { f.raw.Del(f.Context(), ref.key()) }, []string{"pending", "active", "retry", "scheduled", "archived"}, ""},
		{"broken", func(f *fixture, _ string) { f.raw.HSet(f.Context(), ref.key(), "msg", "\x0a\xff") }, []string{"pending", "active", "retry", "scheduled", "archived"}, "\x0a\xff"},
		{"empty", func(f *fixture, _ string) { f.raw.HSet(f.Context(), ref.key(), "msg", "") }, []string{"pending", "active"}, ""},
		{"not UTF-8", func(f *fixture, _ string) { f.raw.HSet(f.Context(), ref.key(), "msg", "\x0a\x01\xff") }, []string{"active"}, "\x0a\x01\xff"},
		{"another key's type", func(f *fixture, _ string) {
			f.raw.Del(f.Context(), ref.key())
			f.raw.Set(f.Context(), ref.key(), "text", 0)
		}, []string{"pending", "active", "retry"}, "text"},
	} {
		for _, state := range tt.states {
			t.Run(tt.name+"/"+state, func(t *testing.T) {
				f := newFixture(t)
				good := tasks.Publish{Asset: asset, Build: 2}
				f.put(good)
				f.putInto(state)
				tt.wreck(f, state)
				for _, dryRun := range []bool{true, false} {
					got, err := f.inspect.RepairRecords(t.Context(), false, dryRun)
					if err != nil || got.Found != 1 || got.Mended != map[bool]int{false: 1}[dryRun] {
						t.Errorf("RepairRecords(dry %v) = %+v, %v, want one", dryRun, got, err)
					}
				}
				var letter DeadLetter
				if err := json.Unmarshal([]byte(f.raw.LIndex(t.Context(), DeadLetters, 0).Val()), &letter); err != nil || letter.Msg != hex.EncodeToString([]byte(tt.msg)) {
					t.Errorf("dead letter is %+v, %v, want %q in it", letter, err, tt.msg)
				}
				if again, err := f.inspect.RepairRecords(t.Context(), false, false); err != nil || again.Found != 0 {
					t.Errorf("RepairRecords = %+v, %v, want nothing left", again, err)
				}
				if l := f.lengths("publish"); l.Outstanding() != 1 || l.Archived != 0 || f.raw.ZCard(t.Context(), "asynq:{publish}:lease").Val() != 0 || f.state(good) != "pending" {
					t.Errorf("lengths are %+v, want the good task alone", l)
				}
				f.enqueue(publish)
				if got := f.state(publish); got != "pending" {
					t.Errorf("task is %q, want its ID to be free", got)
				}
			})
		}
	}
}

// putInto puts the task of publish into a state without a server.
func (f *fixture) putInto(state string) {
	f.Helper()
	f.put(publish)
	ref := Ref(publish)
	switch state {
	case "pending":
	case "active":
		f.take(publish)
	default:
		f.raw.LRem(f.Context(), ref.prefix()+"pending", 0, ref.ID)
		f.raw.ZAdd(f.Context(), ref.prefix()+state, redisZ(time.Now().Add(time.Hour), ref.ID))
		f.raw.HSet(f.Context(), ref.key(), "state", state)
	}
}

// A record that has been replaced since it was read is left alone, and the dead
// letters do not grow without end.
func TestMoveAsideBounds(t *testing.T) {
	f := newFixture(t)
	f.put(publish)
	info := Info{ID: publish.ID(), Queue: "publish", State: "active", raw: "what it was"}
	if n, err := f.inspect.moveAside(t.Context(), info); err != nil || n != 0 || f.state(publish) != "pending" {
		t.Errorf("moveAside = %d, %v, want the task left alone", n, err)
	}
	gone := Info{ID: "publish:GONE:1", Queue: "publish", State: "active"} // done since it was listed
	if n, err := f.inspect.moveAside(t.Context(), gone); err != nil || n != 0 || f.raw.Exists(t.Context(), DeadLetters).Val() != 0 {
		t.Errorf("moveAside = %d, %v, want no dead letter of a task that is done", n, err)
	}
	for range maxDeadLetters + 5 {
		f.raw.LPush(t.Context(), DeadLetters, "{}")
	}
	f.raw.HSet(t.Context(), Ref(publish).key(), "msg", "\xff")
	if r, err := f.inspect.RepairRecords(t.Context(), false, false); err != nil || r.Mended != 1 {
		t.Errorf("RepairRecords = %+v, %v", r, err)
	}
	if n := f.raw.LLen(t.Context(), DeadLetters).Val(); n != maxDeadLetters {
		t.Errorf("%d dead letters are kept, want %d", n, maxDeadLetters)
	}
}

// The trap: the archive holds 10,000 tasks of a queue and 90 days, and deletes
// the oldest of them without a word when it takes another. Ours: it is a
// display. What was given up is found by the ledger; an ID that the archive has
// forgotten is free, and its work is done when it is asked for again.
func TestTrapArchiveForgets(t *testing.T) {
	f := newFixture(t)
	f.bring("archived")
	// 9,999 others fail after it; Asynq's script for archiving is what counts.
	fill := redis.NewScript(`
for n = 1, 9998 do
	local id = "publish:OTHER:" .. n
	redis.call("ZADD", KEYS[1], ARGV[1] + 1, id)
	redis.call("HSET", KEYS[2] .. id, "state", "archived", "msg", ARGV[2])
end`)
	msg := f.raw.HGet(t.Context(), Ref(publish).key(), "msg").Val()
	prefix := Ref(publish).prefix()
	if err := fill.Run(t.Context(), f.raw, []string{prefix + "archived", prefix + "t:"}, time.Now().Unix(), msg).Err(); err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	old := "publish:OTHER:1"
	f.raw.ZAdd(t.Context(), prefix+"archived", redisZ(time.Now().AddDate(0, 0, -91), old))
	if got := f.state(publish); got != "archived" {
		t.Fatalf("task is %q, want it in the archive still", got)
	}
	other := tasks.Publish{Asset: asset, Build: 2}
	f.put(other)
	stop := f.serve("publish", asynq.Config{}, fails(asynq.SkipRetry))
	f.untilState(other, "archived")
	stop()
	if n := f.raw.Exists(t.Context(), prefix+"t:"+old).Val(); n != 0 {
		t.Error("a task of 91 days is kept now")
	}
	third := tasks.Publish{Asset: asset, Build: 3}
	f.put(third)
	stop = f.serve("publish", asynq.Config{}, fails(asynq.SkipRetry))
	f.untilState(third, "archived")
	stop()
	if got, n := f.state(publish), f.lengths("publish").Archived; got != "" || n != 9999 {
		t.Errorf("task is %q in an archive of %d, want it forgotten", got, n)
	}

	if alive, err := f.inspect.Alive(t.Context(), []TaskRef{Ref(publish), Ref(third)}); err != nil || alive[0] || alive[1] {
		t.Errorf("Alive = %v, %v, want false for the forgotten and for the archived", alive, err)
	}
	s := f.server(nil, "publish")
	ran := make(chan int, 2)
	Handle(s, func(_ context.Context, p tasks.Publish) error { ran <- p.Build; return nil })
	f.run(s)
	for _, p := range []tasks.Publish{publish, third} {
		if err := f.client.Wake(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if got := <-ran; got != p.Build {
			t.Errorf("build %d ran, want %d", got, p.Build)
		}
	}
}
