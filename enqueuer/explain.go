package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

type explainCmd struct {
	config.Redis
	config.Ledger
	output

	ViewerURL config.URL `name:"viewer-url" env:"VODFLEET_VIEWER_URL" help:"URL under which viewers reach the output." placeholder:"URL"`
	Asset     string     `arg:"" help:"An asset ID or the s3://BUCKET/KEY of its source."`
}

func (explainCmd) Help() string {
	return `Tells one asset's whole story: what the ledger knows of it, which task is at
work or waits, the URLs that viewers get, and why it failed.

Examples:

  enqueuer explain s3://library/films/one.mp4
  enqueuer explain 5XDW6LWF2LX4HBG4PJHMY7OH2Q --output json

Exit codes: 0 done, 1 failed or not known, 2 wrong usage.`
}

// story is what explain tells.
type story struct {
	Asset    string          `json:"asset"`
	Source   string          `json:"source,omitempty"`
	State    string          `json:"state"`
	Failure  *ledger.Failure `json:"failure,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
	URLs     *delivery.URLs  `json:"urls,omitempty"`
	Tasks    []queue.Info    `json:"tasks,omitempty"`
	Gates    []gate          `json:"gates,omitempty"`         // closed ones that hold it back
	NoTasks  string          `json:"tasks_unknown,omitempty"` // why Redis was not asked with success
	Record   *ledger.Record  `json:"record,omitempty"`
}

func (c *explainCmd) Run(e *env) error {
	id, err := asset(c.Asset)
	if err != nil {
		return err
	}
	_, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	s := story{Asset: id, State: "unknown"}
	s.askRedis(e.ctx, c.Redis)
	rec, err := book.Get(e.ctx, id)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && len(s.Tasks) > 0:
		s.State, s.Gates = "enqueued", nil
	case errors.Is(err, cloud.ErrNotFound):
		return fmt.Errorf("asset %s: the ledger does not know it and no task is about it; add its source with `enqueuer add`", id)
	case err != nil:
		return err
	default:
		s.tell(e.ctx, book, rec, c.ViewerURL.String())
	}
	if c.json() {
		return printJSON(e.out, s)
	}
	s.print(e.out)
	return nil
}

// redisPatience bounds the question for tasks: without Redis the rest is told.
const redisPatience = 15 * time.Second

func (s *story) askRedis(ctx context.Context, r config.Redis) {
	inspector, err := openInspector(r)
	if err == nil {
		defer inspector.Close()
		ctx, cancel := context.WithTimeout(ctx, redisPatience)
		defer cancel()
		s.Tasks, err = inspector.Find(ctx, s.Asset)
		if err == nil {
			s.Gates, err = closedGates(ctx, r)
		}
	}
	if err != nil {
		s.NoTasks = err.Error()
	}
}

func (s *story) tell(ctx context.Context, book *ledger.Store, rec *ledger.Record, viewer string) {
	s.Source, s.State, s.Record = rec.Location.String(), rec.Status(), rec
	s.Failure = rec.Failed()
	s.Gates = holding(s.Gates, rec)
	for _, b := range rec.Builds {
		if b.Revision.ID == rec.Wanted.ID || b.Number == rec.Current {
			s.Warnings = b.Warnings
		}
	}
	s.URLs = newLinks(book, viewer).of(ctx, rec)
}

// holding are those of the closed gates that hold a record's asset back.
func holding(gates []gate, rec *ledger.Record) []gate {
	next := stage.Next(rec)
	return slices.DeleteFunc(gates, func(g gate) bool {
		switch {
		case next == nil:
			return true
		case g.Scope == "epoch" || g.Scope == "quota" || g.Scope == "account" || g.Scope == "profile:"+rec.Wanted.Profile:
			return next.Kind() != tasks.KindTranscodeSubmit
		case g.Scope == governor.ScopeInvalidations:
			return next.Kind() != tasks.KindInvalidateOrRename
		}
		return g.Scope != "stage:"+next.Kind()
	})
}

func (s *story) print(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-10s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	line("asset", "%s", s.Asset)
	if r := s.Record; r != nil {
		line("source", "%s (%d bytes, version %s)", s.Source, r.Source.Size, r.Source.Version)
		if r.Reference != "" {
			line("reference", "%s", r.Reference)
		}
	}
	line("state", "%s", s.State)
	if f := s.Failure; f != nil {
		line("failure", "%s at %s, %s: %s", class(f.Class), f.Stage, stamp(f.At), f.Message)
	}
	if r := s.Record; r != nil && r.Removed != nil {
		tellRemoval(line, r.Removed)
	}
	for _, warning := range s.Warnings {
		line("warning", "%s", warning)
	}
	if u := s.URLs; u != nil {
		for _, link := range []struct{ name, url string }{
			{"hls", u.HLS}, {"dash", u.DASH}, {"smooth", u.Smooth}, {"playback", u.Playback}, {"poster", u.Poster}, {"thumbnails", u.Thumbnails},
		} {
			if link.url != "" {
				line(link.name, "%s", link.url)
			}
		}
	}
	for _, t := range s.Tasks {
		line("task", "%s", tellTask(t))
	}
	for _, g := range s.Gates {
		line("gate", "%s is closed, %s: %s", g.Scope, g.until(), g.Reason)
	}
	if s.NoTasks != "" {
		line("task", "not known: %s", s.NoTasks)
	}
	if s.Record == nil {
		return
	}
	for _, b := range s.Record.Builds {
		text := string(b.State)
		if b.Job != "" {
			text += ", job " + b.Job
		}
		if b.Failure != nil {
			text += ", " + b.Failure.Message
		}
		line(fmt.Sprintf("build %d", b.Number), "%s", text)
	}
	for _, ev := range s.Record.History {
		line("", "%s  %s", stamp(ev.At), ev.What)
	}
}

func tellTask(t queue.Info) string {
	text := fmt.Sprintf("%s: %s in queue %s", t.ID, t.State, t.Queue)
	if !t.NextRun.IsZero() {
		text += ", next run " + stamp(t.NextRun)
	}
	switch {
	case t.Wait != "":
		text += ", waits: " + t.Wait
	case t.LastErr != "":
		text += fmt.Sprintf(", %d failures, the last: %s", t.Failures, t.LastErr)
	}
	if t.Orphaned {
		text += ", its worker is lost"
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
