package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// waiting are the IDs of the tasks that are to be done, in order.
func (s *stand) waiting() []string {
	s.t.Helper()
	inspector, err := openInspector(s.redisConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	defer inspector.Close()
	ids := []string{}
	for t, err := range inspector.Tasks(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

// archive puts a task into Asynq's archive, as one that was given up.
func (s *stand) archive(t tasks.Task) {
	s.t.Helper()
	opt, err := queue.ParseRedis(s.redis.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	defer client.Close()
	look := asynq.NewInspector(opt)
	defer look.Close()
	payload, err := tasks.Encode(t)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = client.Enqueue(asynq.NewTask(t.Kind(), payload), asynq.TaskID(t.ID()), asynq.Queue(t.Queue()))
	if err := errors.Join(err, look.ArchiveTask(t.Queue(), t.ID())); err != nil {
		s.t.Fatal(err)
	}
}

// TestRedrive: exactly one class is sent again, each asset at the stage that
// failed, and a repeat sends nothing.
func TestRedrive(t *testing.T) {
	id := func(key string) string { return tasks.AssetID("library", key) }
	var roles []string
	for _, key := range []string{"role-0.mp4", "role-1.mp4", "role-2.mp4", "role-3.mp4", "role-4.mp4", "odd.mp4"} {
		roles = append(roles, "transcode-submit:"+id(key)+":2")
	}
	slices.Sort(roles)
	for _, tt := range []struct {
		class string
		says  string
		want  []string // task IDs, or their beginnings
	}{
		{"access", "6 assets sent again\n       6 go on at transcode-submit\n", roles},
		{"incomplete", "1 assets sent again\n       1 go on at publish\n", []string{"publish:" + id("half.mp4") + ":1"}},
		{"bad source", "3 assets sent again\n       3 go on at ingest\n", []string{"ingest:", "ingest:", "ingest:"}},
		{"canceled", "0 assets sent again\n", nil},
	} {
		t.Run(tt.class, func(t *testing.T) {
			s := failing(t)
			dry := strings.Replace(tt.says, "assets sent", "assets would be sent", 1)
			if out := s.want(0, []string{"redrive", "--dry-run", "--class", tt.class}); out != dry {
				t.Errorf("a dry run says\n%s\nwant\n%s", out, dry)
			}
			if got := s.waiting(); len(got) != 0 {
				t.Fatalf("a dry run enqueues %q", got)
			}
			if out := s.want(0, []string{"redrive", "--class", tt.class}); out != tt.says {
				t.Errorf("says\n%s\nwant\n%s", out, tt.says)
			}
			got := s.waiting()
			ok := len(got) == len(tt.want)
			for i := range min(len(got), len(tt.want)) {
				ok = ok && strings.HasPrefix(got[i], tt.want[i])
			}
			if !ok {
				t.Errorf("enqueued\n%q, want\n%q", got, tt.want)
			}
			s.want(0, []string{"redrive", "--class", tt.class}, "0 assets sent again\n")
			if again := s.waiting(); !slices.Equal(again, got) {
				t.Errorf("a repeat enqueues %q after %q", again, got)
			}
			left := 10 - len(tt.want)
			s.want(0, []string{"failures"}, fmt.Sprintf("%d assets failed\n", left))
		})
	}
}

// TestRedriveAssets: by name, with what is skipped and why.
func TestRedriveAssets(t *testing.T) {
	s := failing(t)
	half := tasks.AssetID("library", "half.mp4")
	s.archive(tasks.Publish{Asset: half, Build: 1})
	s.want(2, []string{"redrive"}, "want either --class or assets")
	s.want(2, []string{"redrive", "--class=access", half}, "want either --class or assets")
	s.want(2, []string{"redrive", "--class=wrong"}, `class "wrong": want one of bad-source, `)
	s.want(2, []string{"redrive", "--limit=-1", half}, "limit -1")
	s.want(2, []string{"redrive", "half.mp4"}, "want an asset ID (26 characters) or s3://BUCKET/KEY")
	s.want(0, []string{"redrive", half, "s3://library/half.mp4"}, "1 assets sent again", half+"  publish  s3://library/half.mp4")
	if got, want := s.waiting(), []string{"publish:" + half + ":1"}; !slices.Equal(got, want) {
		t.Errorf("enqueued %q, want %q: the archived task is in the way", got, want)
	}
	s.corrupt(s.upload("odd.mp4", "odd"))
	out := s.want(3, []string{"redrive", half, "s3://library/well.mp4", "s3://library/never.mp4", "s3://library/odd.mp4", "s3://library/role-1.mp4"},
		"1 assets sent again", "2 skipped: it has not failed, or was sent again before", "1 skipped: the ledger does not know it", "1 skipped: its record cannot be read", "4 skipped, 0 left")
	if n := strings.Count(out, "s3://"); n != 3 { // the records that could be read
		t.Errorf("names %d sources, want 3:\n%s", n, out)
	}
}

// A redrive whose enqueue was lost is made good by a repeat with the asset's
// name: its record says that it has not failed any more.
func TestRedriveAfterLostEnqueue(t *testing.T) {
	s := failing(t)
	half := tasks.AssetID("library", "half.mp4")
	s.want(0, []string{"redrive", half})
	s.redis.Kill()
	s.want(1, []string{"redrive", "s3://library/role-1.mp4"})
	s.redis.Restart() // empty
	s.want(3, []string{"redrive", half, "s3://library/role-1.mp4"}, "2 skipped: it has not failed, or was sent again before")
	if got := s.waiting(); len(got) != 2 {
		t.Errorf("enqueued %q, want both", got)
	}
}

func TestRedriveLimit(t *testing.T) {
	s := failing(t)
	for _, tt := range []struct{ code, sent, left int }{{3, 2, 4}, {3, 2, 2}, {0, 2, 0}, {0, 0, 0}} {
		var got sent
		out := s.want(tt.code, []string{"redrive", "--class=access", "--limit=2", "--output=json"})
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Sent != tt.sent || got.Left != tt.left || len(got.Assets) != tt.sent {
			t.Errorf("sent %d, left %d: %s, want %d and %d", got.Sent, got.Left, out, tt.sent, tt.left)
		}
	}
	if got := s.waiting(); len(got) != 6 {
		t.Errorf("enqueued %d in all, want 6", len(got))
	}
}

// A marker of one class does not send an asset again that has failed of another.
func TestRedriveNotAsMarked(t *testing.T) {
	s := failing(t)
	asset := tasks.AssetID("library", "text-1.mp4")
	s.put("ledger", "fleet/failed/access/"+asset[:2]+"/"+asset+".9", nil)
	s.want(0, []string{"redrive", "--class=access"}, "6 assets sent again", "1 skipped: it has failed otherwise since: bad source")
	rec, err := s.book.Get(t.Context(), asset)
	if err != nil || rec.Failed() == nil || rec.Failed().Class != ledger.BadSource {
		t.Errorf("record says %+v, %v", rec, err)
	}
}

// An asset that cannot be sent keeps no other from its turn, and is told.
func TestRedriveOneFails(t *testing.T) {
	s := failing(t)
	bad := tasks.AssetID("library", "role-2.mp4")
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "Store.Get" && strings.Contains(at, bad) {
			return cloud.ErrDenied
		}
		return nil
	}})
	s.want(1, []string{"redrive", "--class=access"}, "5 assets sent again", "1 could not be sent", bad)
	if got := s.waiting(); len(got) != 5 {
		t.Errorf("enqueued %q, want the other five", got)
	}
	s.mem.SetHooks(memcloud.Hooks{})
	s.want(0, []string{"redrive", "--class=access"}, "1 assets sent again")
}

// A run ends where nothing can be sent at all, and says so.
func TestRedriveAllFail(t *testing.T) {
	s := newStand(t)
	for i := range maxRow + 2*recordsAtOnce {
		s.fail(s.upload(fmt.Sprintf("%03d.mp4", i), fmt.Sprint(i)))
	}
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "Store.Get" {
			return cloud.ErrDenied
		}
		return nil
	}})
	out := s.want(1, []string{"redrive", "--class=bad-source", "--output=json"}, "assets one after the other could not be sent")
	var got sent
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Failed < maxRow || got.Failed > maxRow+recordsAtOnce {
		t.Errorf("%d tried, %v, want %d and those under way", got.Failed, err, maxRow)
	}
}

// What replicas do not confirm is not said to be sent.
func TestRedriveUnconfirmed(t *testing.T) {
	s := failing(t)
	t.Setenv("VODFLEET_REDIS_WAIT_REPLICAS", "1")
	t.Setenv("VODFLEET_REDIS_WAIT_TIMEOUT", "50ms")
	s.want(1, []string{"redrive", "--class=incomplete"}, "confirm by 1 replicas")
	if got := s.waiting(); len(got) != 0 {
		t.Errorf("enqueued %q, want nothing: it is asked before the first", got)
	}
	s.want(0, []string{"redrive", "--class=incomplete", "--dry-run"}, "1 assets would be sent again")
}
