package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// enqueuing is a client that keeps what it is given.
type enqueuing struct {
	mu     sync.Mutex
	tasks  []tasks.Ingest
	before func() error // of each call
}

func (e *enqueuing) Enqueue(_ context.Context, t tasks.Task, _ ...tasks.Option) (tasks.Receipt, error) {
	if e.before != nil {
		if err := e.before(); err != nil {
			return tasks.Receipt{}, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	isNew := !slices.ContainsFunc(e.tasks, func(other tasks.Ingest) bool { return other.ID() == t.ID() })
	e.tasks = append(e.tasks, t.(tasks.Ingest))
	return tasks.Receipt{New: isNew}, nil
}

func (e *enqueuing) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.tasks)
}

// uploading is an uploader at work on a queue in memory.
type uploading struct {
	*uploader
	queue  *memcloud.Events
	client *enqueuing
	logs   *observer.ObservedLogs
}

func newUploading(t *testing.T) *uploading {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	mem := memcloud.New(memcloud.Options{})
	client := new(enqueuing)
	var sources config.Sources
	var src config.Source
	if err := src.UnmarshalText([]byte("library")); err != nil {
		t.Fatal(err)
	}
	sources.Sources = []config.Source{src}
	return &uploading{&uploader{
		queue: mem.Events, client: client, sources: sources, pace: new(pace), counted: uploadCounter(), log: zap.New(core),
		profile: func(context.Context) (string, error) { return strings.Repeat("a", 32), nil },
	}, mem.Events, client, logs}
}

func uploadOf(bucket, key string, size int64) cloud.Event {
	return cloud.Event{Uploads: []cloud.UploadEvent{{Location: cloud.Location{Bucket: bucket, Key: key}, ETag: "e1", Size: size}}}
}

func TestUploads(t *testing.T) {
	digest := strings.Repeat("a", 32)
	version := tasks.SourceVersion("e1", 5)
	film := tasks.Ingest{Bucket: "library", Key: "a b+c.mp4", SourceVersion: version, Profile: digest, Lane: tasks.Live}
	unknown := film
	unknown.SourceVersion = ""
	for _, tt := range []struct {
		name  string
		event cloud.Event
		want  []tasks.Ingest
		says  string // the log's message and reason
	}{
		{"a video", uploadOf("library", "a b+c.mp4", 5), []tasks.Ingest{film}, "upload enqueued"},
		{"two in a message", cloud.Event{Uploads: append(uploadOf("library", "a b+c.mp4", 5).Uploads, uploadOf("library", "x/", 0).Uploads...)}, []tasks.Ingest{film}, "upload skipped: a folder's placeholder"},
		{"without an ETag", cloud.Event{Uploads: []cloud.UploadEvent{{Location: cloud.Location{Bucket: "library", Key: "a b+c.mp4"}, Size: 5}}}, []tasks.Ingest{unknown}, "upload enqueued"},
		{"a folder's placeholder", uploadOf("library", "films/", 0), nil, "upload skipped: a folder's placeholder"},
		{"an empty object", uploadOf("library", "a.mp4", 0), nil, "upload skipped: empty"},
		{"another bucket", uploadOf("elsewhere", "a.mp4", 5), nil, "upload skipped: not among the allowed sources"},
		{"S3's test", cloud.Event{}, nil, "S3 has tested the notification"},
		{"a message that is none", cloud.Event{Problem: "not an event in JSON"}, nil, "a message in the uploads queue is left out: not an event in JSON"},
		{"half a message", cloud.Event{Uploads: uploadOf("library", "a b+c.mp4", 5).Uploads, Problem: "ObjectRemoved"}, []tasks.Ingest{film}, "a message in the uploads queue is left out: ObjectRemoved"},
		{"an event of a job", cloud.Event{Job: &cloud.JobEvent{ID: "1-a"}}, nil, "an event of a job in the uploads queue is left out: job events have a queue of their own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUploading(t)
				u.queue.Send(tt.event)
				if err := u.drain(t.Context()); err != nil {
					t.Errorf("drain = %v", err)
				}
				for i := range u.client.tasks {
					if tt.want != nil && tt.want[i].SourceVersion == "" {
						u.client.tasks[i].SourceVersion = ""
					}
				}
				if !slices.Equal(u.client.tasks, tt.want) {
					t.Errorf("enqueued %+v, want %+v", u.client.tasks, tt.want)
				}
				if left := u.queue.Len(); left != 0 {
					t.Errorf("%d messages are left in the queue", left)
				}
				var said []string
				for _, l := range u.logs.All() {
					var line strings.Builder
					line.WriteString(l.Message)
					for _, key := range []string{"reason", "problem"} {
						if why, ok := l.ContextMap()[key]; ok {
							line.WriteString(fmt.Sprint(": ", why))
						}
					}
					said = append(said, line.String())
				}
				if !slices.Contains(said, tt.says) {
					t.Errorf("said %q, want %q", said, tt.says)
				}
			})
		})
	}
}

// What Redis did not take stays in the queue, and comes again.
func TestUploadsOutliveRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploading(t)
		failures := 3
		u.client.before = func() error {
			if failures--; failures >= 0 {
				return errors.New("redis is gone")
			}
			return nil
		}
		u.queue.Send(uploadOf("library", "a.mp4", 5))
		u.queue.Send(cloud.Event{Problem: "nonsense"})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := u.run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("run = %v", err)
			}
		})
		time.Sleep(10 * time.Second)
		if u.queue.Len() != 1 || u.client.count() != 0 {
			t.Errorf("%d messages and %d tasks while Redis is gone, want the upload to wait", u.queue.Len(), u.client.count())
		}
		time.Sleep(3 * time.Minute)
		if u.queue.Len() != 0 || u.client.count() != 1 {
			t.Errorf("%d messages and %d tasks later, want none and one", u.queue.Len(), u.client.count())
		}
		cancel()
		running.Wait()
		if got := testutil.ToFloat64(u.counted.WithLabelValues(uploadEnqueued)); got != 1 {
			t.Errorf("counted %v, want 1", got)
		}
	})
}

// A stop in the middle finishes what was received.
func TestUploadsDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploading(t)
		u.client.before = func() error { time.Sleep(time.Second); return nil }
		for i := range 5 {
			u.queue.Send(uploadOf("library", fmt.Sprint(i, ".mp4"), 5))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		begun := time.Now()
		if err := u.run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("run = %v", err)
		}
		if u.client.count() != 5 || u.queue.Len() != 0 || time.Since(begun) != 5*time.Second {
			t.Errorf("%d tasks, %d messages after %v, want 5 and none after 5 s", u.client.count(), u.queue.Len(), time.Since(begun))
		}
	})
}

// More than are allowed in an hour wait in their queue.
func TestUploadsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploading(t)
		u.pace.most = 20
		for i := range 55 {
			u.queue.Send(uploadOf("library", fmt.Sprint(i, ".mp4"), 5))
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() { _ = u.run(ctx) })
		for hour, want := range []int{20, 40, 55} {
			time.Sleep(time.Minute)
			// Each reader may have a batch in hand when the hour is full.
			if got := u.client.count(); got < want || got > want+uploadReaders*cloud.MaxEvents {
				t.Errorf("in hour %d %d tasks, want about %d", hour, got, want)
			}
			time.Sleep(time.Hour)
		}
		if n := u.logs.FilterMessageSnippet("uploads wait").Len(); n == 0 {
			t.Error("nobody is told")
		}
		cancel()
		running.Wait()
	})
}

// An account that does not answer is asked ever more seldom.
func TestUploadsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploading(t)
		asked := 0
		var mu sync.Mutex
		u.profile = func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return "", errors.New("the cloud is gone")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := u.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("run = %v", err)
		}
		if most := 25 * uploadReaders; asked > most || asked < 10 {
			t.Errorf("asked %d times in ten minutes, want at most %d", asked, most)
		}
	})
}

// The command takes uploads with and without reports.
func TestWatchUploads(t *testing.T) {
	s := newStand(t)
	t.Setenv("VODFLEET_INVENTORY", "")
	watch := func(args ...string) error {
		e := env{
			ctx: t.Context(), out: new(strings.Builder), log: &s.log,
			store: func(context.Context) (cloud.Store, error) { return s.mem.Store, nil },
			events: func(_ context.Context, url string) (cloud.Events, error) {
				if url != "https://queue" {
					return nil, fmt.Errorf("queue %q", url)
				}
				return s.mem.Events, nil
			},
		}
		return e.run(append([]string{"watch", "--once"}, args...))
	}
	o := s.upload("a.mp4", "a video")
	notify := func() {
		s.mem.Events.Send(cloud.Event{Uploads: []cloud.UploadEvent{{Location: o.Location, ETag: o.ETag, Size: o.Size}}})
	}
	notify()
	notify()
	if err := watch("--uploads", "https://queue"); err != nil || s.enqueued() != 1 || s.mem.Events.Len() != 0 {
		t.Errorf("watch --uploads = %v, %d tasks, %d messages; want one and none", err, s.enqueued(), s.mem.Events.Len())
	}
	s.report("2026-11-22T01-00Z", row(o), row(s.upload("b.mp4", "x")))
	notify()
	if err := watch("--uploads", "https://queue", "--inventory", "s3://reports/inv"); err != nil || s.mem.Events.Len() != 0 || s.remembered().Counts.Rows != 2 {
		t.Errorf("watch of both = %v, %d messages, %+v", err, s.mem.Events.Len(), s.remembered())
	}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{nil, "nothing to watch: want --inventory, --uploads or both"},
		{[]string{"--uploads=nowhere"}, `queue "nowhere"`},
		{[]string{"--uploads=https://queue", "--max-uploads=-1"}, "max-uploads -1: want none or more"},
	} {
		if err := watch(tt.args...); exit(err) != run.Usage || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("watch %q = %v, want usage: %s", tt.args, err, tt.says)
		}
	}
}
