package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/doctor"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"golang.org/x/term"
)

type doctorCmd struct {
	config.Redis
	config.Ledger
	config.Sources
	config.Profile
	config.OriginKind
	output

	Streams            config.Location `name:"output-location" env:"VODFLEET_OUTPUT" required:"" help:"Where streams are written: s3://BUCKET or s3://BUCKET/PREFIX, the distribution's origin." placeholder:"S3-URI"`
	ViewerURL          config.URL      `name:"viewer-url" env:"VODFLEET_VIEWER_URL" required:"" help:"URL under which viewers reach what is written to the output." placeholder:"URL"`
	Distribution       string          `name:"distribution-id" env:"VODFLEET_DISTRIBUTION_ID" help:"CloudFront distribution before the output; empty for none." placeholder:"ID"`
	Role               string          `name:"mediaconvert-role" env:"VODFLEET_MEDIACONVERT_ROLE" help:"ARN of the role that MediaConvert takes on." placeholder:"ARN"`
	Queue              string          `name:"mediaconvert-queue" env:"VODFLEET_MEDIACONVERT_QUEUE" help:"MediaConvert queue, name or ARN; empty for the account's default." placeholder:"QUEUE"`
	APIRate            float64         `name:"api-rate" env:"VODFLEET_API_RATE" help:"MediaConvert's quota as workers are told it; 0: they ask Service Quotas."`
	Events             string          `name:"events-queue-url" env:"VODFLEET_EVENTS_QUEUE_URL" help:"SQS queue of MediaConvert's job state changes; empty for none." placeholder:"URL"`
	AllowVolatileRedis bool            `env:"VODFLEET_ALLOW_VOLATILE_REDIS" help:"Take a Redis without persistence and without a replica for well."`

	Fix         bool          `help:"Show what can be mended of the distribution and its policy files, and mend it once that is confirmed."`
	Yes         bool          `help:"With --fix: do not ask."`
	AllowDomain []string      `help:"Sites whose Silverlight and Flash players may read, in the policy files that --fix writes: a host name, *.example.com, with http:// or https:// where only one is meant; all without it." placeholder:"DOMAIN,…"`
	Probe       bool          `default:"true" negatable:"" help:"Put, read and delete an object beside the ledger and in the output, to see that it works."`
	Most        int           `default:"5000" help:"Published assets to look at for links that cannot play." placeholder:"N"`
	Limit       time.Duration `default:"30s" help:"Time for each check."`
	Wait        time.Duration `default:"15m" help:"How long to wait until every edge has what --fix has changed; 0: not at all."`
}

// Exit codes of the doctor, beside those of every command.
const (
	doctorWarns  = run.Unfinished
	doctorBroken = 4
)

func (doctorCmd) Help() string {
	return `Looks at what the fleet needs around it, and says what is wrong and what mends it:
Redis, clocks, buckets, the role and the queue of jobs, quotas, events, and the live
distribution by its rules and by what it answers to players. Assets that are
published with Smooth links that cannot play are counted.

Nothing is changed without --fix, but for an object of its own that is put and
deleted again (--no-probe: not even that). --fix shows the differences first, and
does what concerns the distribution and the policy files at its root; the rest is
told. Run it with the environment of the workers.

Examples:

  enqueuer doctor
  enqueuer doctor --output json --no-probe
  enqueuer doctor --fix
  enqueuer doctor --fix --yes --allow-domain '*.example.com'

Exit codes: 0 all is well; 1 failed; 2 wrong usage; 3 there are warnings; 4 something
is broken.`
}

// examined is what doctor tells.
type examined struct {
	OK       int              `json:"ok"`
	Warnings int              `json:"warnings"`
	Broken   int              `json:"broken"`
	Findings []doctor.Finding `json:"findings"`
	Diff     []string         `json:"diff,omitempty"` // with --fix
	Done     []string         `json:"done,omitempty"`
	Left     []string         `json:"left,omitempty"` // could not be done
}

func (c *doctorCmd) check(e *env) error {
	if err := c.Sources.Check(); err != nil {
		return run.UsageError(err)
	}
	if _, err := distribution.PolicyFiles(c.AllowDomain); err != nil {
		return run.UsageError(fmt.Errorf("allow-domain: %w", err))
	}
	switch {
	case c.Limit < time.Second || c.Limit > time.Hour:
		return run.UsageError(fmt.Errorf("limit %v: want 1s to 1h", c.Limit))
	case c.Wait < 0:
		return run.UsageError(fmt.Errorf("wait %v: want none or more", c.Wait))
	case c.Most < 1:
		return run.UsageError(fmt.Errorf("most %d: want 1 or more", c.Most))
	case c.Yes && !c.Fix:
		return run.UsageError(errors.New("--yes without --fix: there is nothing to confirm"))
	case c.Fix && !c.Yes && c.json():
		return run.UsageError(errors.New("--fix asks before it changes anything, which does not go with --output json: add --yes"))
	case c.Fix && !c.Yes && e.in == nil && !term.IsTerminal(int(os.Stdin.Fd())):
		return run.UsageError(errors.New("--fix asks before it changes anything, and standard input is no terminal: add --yes"))
	}
	return nil
}

func (c *doctorCmd) Run(e *env) error {
	if err := c.check(e); err != nil {
		return err
	}
	d, err := c.doctor(e)
	if err != nil {
		return err
	}
	x := &examined{Findings: d.Examine(e.ctx)}
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if c.Fix {
		if !c.json() {
			printFindings(e.out, x.Findings)
		}
		changed, err := c.fix(e, d, x)
		if err != nil {
			return err
		}
		if !changed {
			return c.end(e, x, false)
		}
		x.Findings = d.Examine(e.ctx)
	}
	return c.end(e, x, true)
}

// end tells what was found, and with which exit code.
func (c *doctorCmd) end(e *env, x *examined, table bool) error {
	for _, f := range x.Findings {
		switch f.Severity {
		case distribution.OK:
			x.OK++
		case distribution.Warning:
			x.Warnings++
		default:
			x.Broken++
		}
	}
	if c.json() {
		if err := printJSON(e.out, x); err != nil {
			return err
		}
	} else {
		if table {
			printFindings(e.out, x.Findings)
		}
		fmt.Fprintf(e.out, "%d well, %d warnings, %d broken\n", x.OK, x.Warnings, x.Broken)
	}
	told := fmt.Errorf("%d broken, %d warnings", x.Broken, x.Warnings)
	switch {
	case x.Broken > 0:
		return &run.Error{Code: doctorBroken, Err: told}
	case x.Warnings > 0 || len(x.Left) > 0:
		return &run.Error{Code: doctorWarns, Err: told}
	}
	return nil
}

func printFindings(w io.Writer, found []doctor.Finding) {
	t := newTable(w)
	t.AppendHeader(table.Row{"", "check", "what is so"})
	var below []string // what is to be copied, and breaks any table
	for _, f := range found {
		what := plain(f.What)
		if f.Subject != "" {
			what = plain(f.Subject) + ": " + what
		}
		what = wrap(what)
		if f.Fix != "" {
			fix := "fix: " + plain(f.Fix)
			if text, statement, ok := strings.Cut(fix, ": {"); ok {
				below = append(below, f.Check+": {"+statement)
				fix = text + ", which is below"
			}
			if f.Mends {
				fix += " (--fix does it)"
			}
			what += "\n" + wrap(fix)
		}
		t.AppendRow(table.Row{f.Severity, f.Check, what})
	}
	t.Render()
	for _, b := range below {
		fmt.Fprintln(w, b)
	}
}

// wrap breaks a text into lines of a hundred characters. Words are not broken:
// some are to be copied.
func wrap(s string) string {
	const width = 100
	var b strings.Builder
	at := 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case at == 0:
		case at+1+n > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// doctor wires the doctor.
func (c *doctorCmd) doctor(e *env) (*doctor.Doctor, error) {
	store, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return nil, err
	}
	cdn, err := e.openCDN()
	if err != nil {
		return nil, err
	}
	inspector, err := e.openAccount()
	if err != nil {
		return nil, err
	}
	opt, err := queue.ParseRedis(c.RedisURL)
	if err != nil {
		return nil, run.UsageError(err)
	}
	profile, err := readProfile(e.ctx, book, c.Profile.Profile)
	if err != nil && !errors.Is(err, cloud.ErrDenied) && !cloud.Retryable(err) { // those the ledger's check tells
		return nil, err
	}
	template, err := e.template(profile)
	if err != nil {
		return nil, err
	}
	return &doctor.Doctor{
		Store: store, Inspector: inspector, CDN: cdn, HTTP: &http.Client{Timeout: c.Limit},
		Redis:     func(ctx context.Context) (queue.Fitness, error) { return queue.Examine(ctx, opt, c.AllowVolatileRedis) },
		RedisName: queue.Where(opt),
		Sources:   c.Locations(), Ledger: c.Ledger.Ledger.Location, Output: c.Streams.Location, Viewer: c.ViewerURL.String(),
		Distribution: c.Distribution, Origin: distribution.Kind(c.OriginKind.OriginKind), Role: c.Role, Queue: c.Queue, Rate: c.APIRate,
		Events: c.Events, Smooth: slices.Contains(profile.Packages, media.PackageSmooth), Domains: c.AllowDomain,
		Template: template, Published: c.published(e, book), Probe: c.Probe, Limit: c.Limit,
	}, nil
}
