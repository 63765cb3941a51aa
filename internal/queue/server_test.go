package queue

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap/zapcore"
)

func counterValue(c prometheus.Collector) float64 { return testutil.ToFloat64(c) }

func TestNewServerRefuses(t *testing.T) {
	redis := asynq.RedisClientOpt{Addr: "127.0.0.1:1"}
	all := "want one of ingest, bulk-ingest, transcode-submit, bulk-transcode-submit, transcode-poll, publish, invalidate-or-rename"
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{}, "new queue server: no redis option"},
		{Options{Redis: redis, Queues: []string{"publish", "default"}}, `new queue server: queue "default": ` + all},
		{Options{Redis: redis, Queues: []string{""}}, `new queue server: queue "": ` + all},
		{Options{Redis: redis, Queues: []string{"publish", "publish"}}, `new queue server: queue "publish": named twice`},
		{Options{Redis: redis, Concurrency: -1}, "new queue server: a negative weight, concurrency or drain time-out"},
	} {
		if _, err := NewServer(tt.opts); fmt.Sprint(err) != tt.want {
			t.Errorf("NewServer(%+v) = %v, want %s", tt.opts, err, tt.want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	nothing := func(context.Context, tasks.Publish) error { return nil }
	for _, tt := range []struct {
		name   string
		queues []string
		handle func(s *Server)
		want   string
	}{
		{"no handler", []string{"publish", "bulk-ingest"}, func(s *Server) { Handle(s, nothing) }, "run queue server: no handler for ingest"},
		{"two handlers", []string{"publish"}, func(s *Server) { Handle(s, nothing); Handle(s, nothing) }, "run queue server: two handlers for publish"},
		{"not a redis", []string{"publish"}, func(s *Server) { Handle(s, nothing); s.opts.Redis = wrongOpt{} }, "run queue server: dial redis: queue.wrongOpt makes no Redis client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewServer(Options{Redis: asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, Queues: tt.queues})
			if err != nil {
				t.Fatal(err)
			}
			tt.handle(s)
			if err := s.Run(t.Context()); fmt.Sprint(err) != tt.want {
				t.Errorf("Run = %v, want %s", err, tt.want)
			}
			if err := s.Run(t.Context()); fmt.Sprint(err) != "run queue server: it has run already" {
				t.Errorf("second Run = %v", err)
			}
		})
	}
}

// Every queue is served when none is named, the live ones first.
func TestWeights(t *testing.T) {
	s, err := NewServer(Options{Redis: asynq.RedisClientOpt{}})
	if err != nil {
		t.Fatal(err)
	}
	want := "map[bulk-ingest:1 bulk-transcode-submit:1 ingest:6 invalidate-or-rename:6 publish:6 transcode-poll:6 transcode-submit:6]"
	if got := fmt.Sprint(s.config().Queues); got != want {
		t.Errorf("weights are %s, want %s", got, want)
	}
}

func TestLiveOutranksBulk(t *testing.T) {
	f := newFixture(t)
	const each = 200
	for i := range each {
		f.enqueue(tasks.TranscodeSubmit{Asset: asset, Build: i + 1})
		f.enqueue(tasks.TranscodeSubmit{Asset: asset, Build: i + 1, Lane: tasks.Bulk})
	}
	s := f.server(func(o *Options) { o.Concurrency = 1 }, tasks.QueueTranscodeSubmit, tasks.QueueBulkTranscodeSubmit)
	var lanes []tasks.Lane // one handler at a time
	Handle(s, func(_ context.Context, t tasks.TranscodeSubmit) error { lanes = append(lanes, t.Lane); return nil })
	stop := f.run(s)
	f.until("all are done", func() bool {
		return f.lengths(tasks.QueueTranscodeSubmit).Outstanding()+f.lengths(tasks.QueueBulkTranscodeSubmit).Outstanding() == 0
	})
	stop()
	bulk := 0
	for _, l := range lanes[:each] {
		if l == tasks.Bulk {
			bulk++
		}
	}
	if bulk < each/50 || bulk > each*2/5 { // about a seventh
		t.Errorf("%d of the first %d were bulk, want some and not many", bulk, each)
	}
}

// What Redis holds and nobody can read: newer payloads wait, broken ones are
// given up, and neither is quoted.
func TestForeignPayloads(t *testing.T) {
	for _, tt := range []struct {
		name, payload string
		state         string
		text          string // of the error
		log           string
	}{
		{"newer version", `{"v":2,"secret":"hunter2"}`, "retry", "not yet: decode task of 26 bytes: payload is of a newer version: 2, known is 1; again in 1m0s", "task waits for a newer worker"},
		{"not JSON", `hunter2`, "archived", "decode task of 7 bytes: payload is broken: not JSON at byte 1: skip retry for the task", "task unreadable"},
		{"wrong member", `{"v":1,"asset":"hunter2","build":1}`, "archived", "decode publish task of 35 bytes: payload is broken: publish task: asset: not an asset ID, which is 26 characters of base32: skip retry for the task", "task unreadable"},
		{"empty", ``, "archived", "decode task of 0 bytes: payload is broken: not JSON at byte 0: skip retry for the task", "task unreadable"},
		{"huge", strings.Repeat("hunter2", 1<<12), "archived", "decode task of 28672 bytes: payload is broken: larger than 16384 bytes: skip retry for the task", "task unreadable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			for _, id := range []string{"one", "two"} {
				if _, err := f.bare.Enqueue(asynq.NewTask("publish", []byte(tt.payload), asynq.Queue("publish"), asynq.TaskID(id))); err != nil {
					t.Fatal(err)
				}
			}
			s := f.server(nil, "publish")
			Handle(s, func(context.Context, tasks.Publish) error { t.Error("the handler ran"); return nil })
			stop := f.run(s)
			f.until("both have ended", func() bool { l := f.lengths("publish"); return l.Retry+l.Archived == 2 })
			stop()
			info, err := f.inspect.Look(t.Context(), "publish", "one")
			if text := info.Wait + info.LastErr; err != nil || info.State != tt.state || text != tt.text || info.Failures != 0 {
				t.Errorf("task is %s, %q, %v, want %s, %q", info.State, text, err, tt.state, tt.text)
			}
			logged := f.logs.FilterMessage(tt.log).Len()
			if want := map[string]int{"retry": 1, "archived": 2}[tt.state]; logged != want { // a wait is logged once a minute
				t.Errorf("%q was logged %d times, want %d", tt.log, logged, want)
			}
			for _, e := range f.logs.All() {
				if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "hunter2") {
					t.Errorf("the log tells the payload: %v", e)
				}
			}
		})
	}
}

func TestPanicIsAFailure(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, "publish")
	Handle(s, func(context.Context, tasks.Publish) error { panic("no such rendition") })
	f.run(s)
	f.enqueue(publish)
	f.untilState(publish, "retry")
	info, err := f.inspect.Look(t.Context(), "publish", publish.ID())
	if err != nil || info.Failures != 1 || info.LastErr != "panic: no such rendition" {
		t.Errorf("Look = %+v, %v", info, err)
	}
	logged := f.logs.FilterMessage("task panicked").All()
	if len(logged) != 1 {
		t.Fatalf("logged %v", f.logs.All())
	}
	c := logged[0].ContextMap()
	if stack := fmt.Sprint(c["stack"]); !strings.Contains(stack, "server_test.go") {
		t.Errorf("stack is %s", stack)
	}
	if c["task"] != publish.ID() || c["asset"] != asset || c["kind"] != "publish" || c["queue"] != "publish" || c["attempt"] != int64(1) {
		t.Errorf("logged fields are %v", c)
	}
	if logged[0].Level != zapcore.ErrorLevel {
		t.Errorf("logged as %v", logged[0].Level)
	}
}

// The trace context of a task goes to those that its handler enqueues; other
// headers stay.
func TestTraceContext(t *testing.T) {
	f := newFixture(t)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	s := f.server(nil, "publish")
	Handle(s, func(ctx context.Context, _ tasks.Publish) error { return f.client.EnqueueIn(ctx, submit, time.Hour) })
	f.run(s)
	payload, _ := tasks.Encode(publish)
	headers := map[string]string{"traceparent": parent, "tracestate": "a=1", "baggage": strings.Repeat("b", 3<<10), "cookie": "no"}
	if _, err := f.bare.Enqueue(asynq.NewTaskWithHeaders("publish", payload, headers, asynq.Queue("publish"))); err != nil {
		t.Fatal(err)
	}
	f.untilState(submit, "scheduled")
	info, err := f.look.GetTaskInfo(submit.Queue(), submit.ID())
	if err != nil || fmt.Sprint(info.Headers) != "map[traceparent:"+parent+" tracestate:a=1]" {
		t.Errorf("headers are %v, %v", info.Headers, err)
	}
	if wait := time.Until(info.NextProcessAt); wait < 59*time.Minute {
		t.Errorf("it starts in %v, want an hour", wait)
	}
}

func TestRunMetrics(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, "publish")
	results := []error{errPlain, NotYet(0), nil}
	n := 0
	Handle(s, func(context.Context, tasks.Publish) error { n++; return results[n-1] })
	f.run(s)
	f.enqueue(publish)
	f.untilState(publish, "retry")
	_ = f.look.RunTask("publish", publish.ID()) // its back-off passes
	f.untilState(publish, "")
	if _, err := f.bare.Enqueue(asynq.NewTask("foreign", []byte(`{"v":1}`), asynq.Queue("publish"))); err != nil {
		t.Fatal(err)
	}
	f.until("the foreign task waits", func() bool { return f.lengths("publish").Retry == 1 })
	want := `
# HELP vodfleet_task_runs_total Runs of tasks by kind and by how they ended.
# TYPE vodfleet_task_runs_total counter
vodfleet_task_runs_total{kind="publish",outcome="done"} 1
vodfleet_task_runs_total{kind="publish",outcome="failed"} 1
vodfleet_task_runs_total{kind="publish",outcome="waits"} 1
vodfleet_task_runs_total{kind="unknown",outcome="unknown"} 1
# HELP vodfleet_tasks_running Handlers at work in this process, those past their time among them.
# TYPE vodfleet_tasks_running gauge
vodfleet_tasks_running{kind="publish"} 0
vodfleet_tasks_running{kind="unknown"} 0
`
	if err := testutil.CollectAndCompare(s, strings.NewReader(want), "vodfleet_task_runs_total", "vodfleet_tasks_running"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.CollectAndLint(s); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
