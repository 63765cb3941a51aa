package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/tasks"
)

func TestGates(t *testing.T) {
	s := newStand(t)
	s.want(0, []string{"gates"}, "all gates are open")
	s.want(0, []string{"gates", "list", "--output=json"}, "[]\n")
	s.want(0, []string{"gates", "open", "account"}, "gate account was open")
	s.want(0, []string{"gates", "close", "account", "--reason", "budget \x1b[2J is spent"}, "gate account is closed")
	s.want(0, []string{"gates", "close", "stage:transcode-submit", "--reason", "later", "--for", "30m"}, "gate stage:transcode-submit is closed")
	g, err := openGovernor(config.Redis{RedisURL: s.redis.URL()}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := g.Shut(t.Context(), "profile:0123456789abcdef0123456789abcdef", "template is denied", time.Hour); err != nil {
		t.Fatal(err)
	}
	var gates []gate
	if err := json.Unmarshal([]byte(s.want(0, []string{"gates", "--output=json"})), &gates); err != nil || len(gates) != 3 {
		t.Fatalf("gates are %+v, %v", gates, err)
	}
	account, profile, submit := gates[0], gates[1], gates[2]
	if account.Scope != "account" || account.Until != nil || account.By != operator() || account.Reason != "budget \x1b[2J is spent" ||
		submit.Until == nil || submit.Until.Sub(submit.Since).Round(time.Minute) != 30*time.Minute || profile.By != "" || time.Since(profile.Since) > time.Minute {
		t.Errorf("gates are %+v", gates)
	}
	out := s.want(0, []string{"gates"}, "account", "until it is opened", `"budget \x1b[2J is spent"`, "the fleet", "next probe ", operator())
	if strings.Contains(out, "\x1b") {
		t.Errorf("the terminal is told what to do: %q", out)
	}
	s.want(0, []string{"status"}, "closed gate", "until it is opened", "template is denied")
	s.want(0, []string{"status", "--output=json"}, `"scope": "stage:transcode-submit"`)
	s.want(0, []string{"gates", "open", "account"}, "gate account is open")
	s.want(0, []string{"gates", "open", "profile:0123456789abcdef0123456789abcdef"}, "is open")
	s.want(0, []string{"gates", "open", "stage:transcode-submit"}, "is open")
	s.want(0, []string{"gates"}, "all gates are open")
	if err := s.raw().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.want(0, []string{"gates"}, "epoch ", "this Redis is new or has lost its keys")
	s.redis.Kill()
	s.want(1, []string{"gates", "close", "account", "--reason=x"})
}

// A quota of zero is the workers' knowledge, and told all the same.
func TestGatesQuota(t *testing.T) {
	s := newStand(t)
	worker := governor.Sweeper{Governor: governor.New(s.raw(), governor.Options{Rates: map[string]governor.Rate{governor.CreateJob: {}}})}
	if _, err := worker.Call(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.want(0, []string{"gates"}, "quota ", "the account's quota of CreateJob is zero")
	s.want(0, []string{"status"}, "quota ", "the account's quota of CreateJob is zero")
}

func TestGatesUsage(t *testing.T) {
	s := newStand(t)
	for _, tt := range []struct {
		args string
		says string
	}{
		{"close account", "--reason"},
		{"close account --reason=", "reason: empty"},
		{"close account --reason=x --for=-1s", "for -1s: want at most"},
		{"close account --reason=x --for=200h", "for 200h0m0s: want at most"},
		{"close everything --reason=x", `scope "everything": want account, invalidations, profile:DIGEST, stage:KIND or campaign:NAME`},
		{"close profile: --reason=x", `scope "profile:"`},
		{"close profile:nosuch --reason=x", `scope "profile:nosuch": want profile:DIGEST`},
		{"open epoch", `scope "epoch": the fleet opens it by itself`},
		{"open stage:encode", `scope "stage:encode": want a stage of ingest, transcode-submit, `},
		{"open", "expected"},
	} {
		s.want(2, append([]string{"gates"}, strings.Split(tt.args, " ")...), tt.says)
	}
	// What exists, and would hold nothing.
	s.want(2, []string{"gates", "close", "campaign:all", "--reason=x"}, `scope "campaign:all": campaigns have no gates`)
	s.want(2, []string{"gates", "close", "stage:publish", "--reason=x"}, `scope "stage:publish": this stage has no gate; hold it by: enqueuer pause publish`)
	s.want(0, []string{"gates"}, "all gates are open")
	s.want(0, []string{"gates", "close", "stage:" + tasks.KindTranscodeSubmit, "--reason=x"}, "is closed")
	s.want(0, []string{"gates", "close", "invalidations", "--reason=x"}, "is closed")
	s.want(0, []string{"gates", "open", "invalidations"}, "gate invalidations is open")
}

// The closed gates that hold an asset are part of its story.
func TestExplainGates(t *testing.T) {
	s := newStand(t)
	rec := s.plan(s.upload("a.mp4", "x"))
	for _, scope := range []string{"account", "profile:" + rec.Wanted.Profile, "profile:" + strings.Repeat("0", 32), "stage:transcode-submit"} {
		s.want(0, []string{"gates", "close", scope, "--reason", "for " + scope})
	}
	out := s.want(0, []string{"explain", rec.Asset}, "gate       account is closed", "gate       profile:"+rec.Wanted.Profile+" is closed", "gate       stage:transcode-submit is closed")
	if strings.Contains(out, "other") {
		t.Errorf("tells of gates that do not hold the asset:\n%s", out)
	}
	done := s.publish(s.upload("b.mp4", "y"))
	if out := s.want(0, []string{"explain", done.Asset}); strings.Contains(out, "gate ") {
		t.Errorf("tells of gates that hold nothing back:\n%s", out)
	}
}

func TestPause(t *testing.T) {
	s := newStand(t)
	s.want(0, []string{"pause", "transcode-submit"}, "stage transcode-submit is paused\n")
	s.want(0, []string{"pause", "transcode-submit"}, "is paused")
	s.want(0, []string{"status"}, "bulk-transcode-submit (paused)", " transcode-submit (paused)")
	s.want(0, []string{"resume", "transcode-submit"}, "stage transcode-submit goes on\n")
	s.want(0, []string{"resume", "transcode-submit"}, "goes on")
	if out := s.want(0, []string{"status"}); strings.Contains(out, "paused") {
		t.Errorf("status says\n%s", out)
	}
	s.want(2, []string{"pause", "bulk-ingest"}, "must be one of")
	s.want(2, []string{"resume"}, "expected")
	s.redis.Kill()
	s.want(1, []string{"pause", "publish"}, "pause stage publish in redis 127.0.0.1:")
}
