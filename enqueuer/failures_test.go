package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// failJob makes a record whose one job failed.
func (s *stand) failJob(o cloud.Object, class ledger.Class, code int, message string) *ledger.Record {
	s.t.Helper()
	b := s.plan(o).NextBuild - 1
	for _, step := range []func(now time.Time, r *ledger.Record) error{
		func(now time.Time, r *ledger.Record) error { return r.Intend(now, b, "token") },
		func(now time.Time, r *ledger.Record) error { return r.Submitted(now, b, "job-"+o.Key) },
	} {
		s.change(o, step)
	}
	return s.change(o, func(now time.Time, r *ledger.Record) error {
		return r.FailBuild(now, b, ledger.Failure{Class: class, Code: code, Message: message, Stage: tasks.KindTranscodePoll, Attempts: 1})
	})
}

// failPublish makes a record whose job is complete and whose files are not whole.
func (s *stand) failPublish(o cloud.Object) *ledger.Record {
	s.t.Helper()
	b := s.plan(o).NextBuild - 1
	for _, step := range []func(now time.Time, r *ledger.Record) error{
		func(now time.Time, r *ledger.Record) error { return r.Intend(now, b, "token") },
		func(now time.Time, r *ledger.Record) error { return r.Submitted(now, b, "job-"+o.Key) },
		func(now time.Time, r *ledger.Record) error { return r.Completed(now, b) },
	} {
		s.change(o, step)
	}
	return s.change(o, func(now time.Time, r *ledger.Record) error {
		return r.FailBuild(now, b, ledger.Failure{Class: ledger.Incomplete, Message: "cmaf/video.m3u8 is missing", Stage: tasks.KindPublish})
	})
}

// failing fills a stand with failures of several classes.
func failing(t *testing.T) *stand {
	s := newStand(t)
	for i := range 5 {
		s.failJob(s.upload(fmt.Sprintf("role-%d.mp4", i), fmt.Sprint(i)), ledger.Access, 1433, fmt.Sprintf("role is not allowed to read s3://library/role-%d.mp4", i))
	}
	for i := range 3 {
		o := s.upload(fmt.Sprintf("text-%d.mp4", i), fmt.Sprint("text", i))
		s.fail(o)
	}
	s.failJob(s.upload("odd.mp4", "odd"), ledger.Access, 0, "template is denied")
	s.failPublish(s.upload("half.mp4", "half"))
	s.publish(s.upload("well.mp4", "well"))
	s.plan(s.upload("work.mp4", "work"))
	return s
}

func TestFailures(t *testing.T) {
	s := failing(t)
	golden(t, "failures.txt", s.want(0, []string{"failures"}))
	golden(t, "failures.json", s.want(0, []string{"failures", "--output", "json"}))
	for _, tt := range []struct {
		name string
		args []string
		says []string
		not  string
	}{
		{"one class", []string{"--class", "bad-source"}, []string{"3 assets failed\n", "bad-source   3", "not a video"}, "access"},
		{"one class, as people are told of it", []string{"--class", "bad source"}, []string{"3 assets failed\n"}, "access"},
		{"a class of none", []string{"--class=capacity"}, []string{"0 assets failed\n"}, "access"},
		{"since a moment ago", []string{"--since=1h"}, []string{"10 assets failed\n", "access       6"}, "marked"},
		{"since a time to come", []string{"--since=2999-01-01"}, []string{"0 assets failed\n"}, "access"},
		{"since a time", []string{"--since=2026-01-01T00:00:00Z", "--class=access"}, []string{"6 assets failed\n"}, "bad-source"},
		{"few records are read", []string{"--most=4"}, []string{"10 assets failed\n", "access       6", "6 are counted and not read"}, "bad source "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			if out := s.want(0, append([]string{"failures"}, tt.args...), tt.says...); strings.Contains(out, tt.not) {
				t.Errorf("says %q:\n%s", tt.not, out)
			}
		})
	}
}

// Markers that do not say what their record says, and records that cannot be
// read, are told apart.
func TestFailuresNotAsMarked(t *testing.T) {
	s := failing(t)
	mark := func(class, asset string) {
		s.put("ledger", "fleet/failed/"+class+"/"+asset[:2]+"/"+asset+".9", nil)
	}
	mark("canceled", tasks.AssetID("library", "well.mp4"))  // has not failed
	mark("transient", tasks.AssetID("library", "odd.mp4"))  // has failed otherwise
	mark("canceled", tasks.AssetID("library", "never.mp4")) // has no record
	corrupt := s.upload("role-0.mp4", "0")
	s.corrupt(corrupt)
	s.want(0, []string{"failures"}, "13 assets failed\n", "3 marked as failed are so no more", "1 have records that cannot be read", " 4  access ")
}

// The counts of the classes cost listings; what is read is bounded.
func TestFailuresCost(t *testing.T) {
	s := failing(t)
	before := s.mem.Calls()
	s.want(0, []string{"failures", "--most=0"}, "10 assets failed\n", "access       6", "bad-source   3", "incomplete   1")
	after := s.mem.Calls()
	if gets, lists := after["Store.Get"]-before["Store.Get"], after["Store.List"]-before["Store.List"]; gets != 0 || lists != 1 {
		t.Errorf("%d records read and %d pages listed, want none and one", gets, lists)
	}
}

// One class costs a listing of that class's markers alone.
func TestFailuresOfOneClassCost(t *testing.T) {
	s := failing(t)
	for _, args := range [][]string{{"failures", "--class=incomplete"}, {"redrive", "--class=incomplete", "--dry-run"}} {
		var listed []string
		s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if op == "Store.List" {
				listed = append(listed, at)
			}
			return nil
		}})
		s.want(0, args, "1 assets")
		if want := []string{"s3://ledger/fleet/failed/incomplete/"}; !slices.Equal(listed, want) {
			t.Errorf("%q lists %q, want %q", args, listed, want)
		}
	}
}

// TestManyFailures: more than Asynq's archive keeps, in four classes.
func TestManyFailures(t *testing.T) {
	s := newStand(t)
	const n = 12_000
	want := map[ledger.Class]int{}
	for i := range n {
		c := ledger.Classes[i%7%4]
		o := s.upload(fmt.Sprintf("%05d.mp4", i), fmt.Sprint(i))
		src, rev := revision(o)
		s.change(o, func(now time.Time, r *ledger.Record) error {
			return r.FailSource(now, src, rev, ledger.Failure{Class: c, Message: fmt.Sprintf("%05d.mp4 is not well", i), Stage: tasks.KindIngest})
		})
		want[c]++
	}
	var f failed
	if err := json.Unmarshal([]byte(s.want(0, []string{"failures", "--output=json"})), &f); err != nil {
		t.Fatal(err)
	}
	if f.Failed != n || !maps.Equal(f.Classes, want) || len(f.Causes) != 4 || f.Causes[0].Assets != want[f.Causes[0].Class] || f.Stale+f.Broken+f.Unread != 0 {
		t.Errorf("%d failed, %v, causes %d, want %d, %v, 4", f.Failed, f.Classes, len(f.Causes), n, want)
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "36h": "2026-11-23T00:00:00Z", "90m": "2026-11-24T10:30:00Z", "2026-11-22": "2026-11-22T00:00:00Z",
		"2026-11-22T08:00:00+01:00": "2026-11-22T07:00:00Z", "-1h": "", "yesterday": "", "2026-13-01": "", "36": "",
	} {
		got, err := parseSince(in, now)
		if want == "" && exit(err) != 2 || want != "" && (err != nil || stamp(got) != want) {
			t.Errorf("parseSince(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}
