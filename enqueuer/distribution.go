package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/run"
)

type distributionCmd struct {
	Plan  distributionPlanCmd  `cmd:"" help:"Show what a distribution lacks for the output, and change nothing."`
	Apply distributionApplyCmd `cmd:"" help:"Make or change it so, once that is confirmed."`
}

func (distributionCmd) Help() string {
	return `Makes a CloudFront distribution for the output, or has an existing one serve it:
the origin with its access control, behaviours in their order with SmoothStreaming
where Smooth paths arrive (unless the origin is IIS), cache policies for builds
and for entries, and a response headers policy with CORS and Cache-Control. What
else the distribution serves stays as it is.

Examples:

  enqueuer distribution plan --new
  enqueuer distribution apply --new --narrow --yes
  enqueuer distribution plan --distribution-id E1EXAMPLE
  enqueuer distribution apply --distribution-id E1EXAMPLE --origin-server https://origin.example.com

Exit codes: 0 nothing is left to do; 1 failed; 2 wrong usage; 3 plan: there is
something to do; apply: not confirmed, or a part is left for you.`
}

// wish is what both subcommands are told.
type wish struct {
	Output       config.Location `env:"VODFLEET_OUTPUT" required:"" help:"Where streams are written: s3://BUCKET or s3://BUCKET/PREFIX." placeholder:"S3-URI"`
	ViewerURL    string          `name:"viewer-url" env:"VODFLEET_VIEWER_URL" help:"URL under which viewers reach the output; empty: the root of the distribution's own domain. Not used for a new one but for its path." placeholder:"URL"`
	Distribution string          `name:"distribution-id" env:"VODFLEET_DISTRIBUTION_ID" help:"Distribution to change." placeholder:"ID"`
	New          bool            `help:"Make a new distribution, whatever --distribution-id says."`
	Region       string          `env:"VODFLEET_OUTPUT_REGION" help:"Region of the output's bucket; empty: the AWS SDK's (AWS_REGION)." placeholder:"REGION"`
	Server       string          `name:"origin-server" help:"Have a server as the origin, which mirrors the output, in place of the bucket: http(s)://HOST[:PORT]." placeholder:"URL"`
	Smooth       bool            `default:"true" negatable:"" help:"Have it serve Smooth Streaming."`
	Narrow       bool            `help:"Give Smooth a behaviour of its own, before the others."`
	Wide         bool            `help:"Have a new distribution serve builds by its default behaviour."`
	Players      []string        `name:"player-domains" env:"VODFLEET_PLAYER_DOMAINS" help:"Sites whose Smooth players may read, for the policy files at the distribution's root: HOST, *.HOST or SCHEME://HOST; empty: every site." placeholder:"DOMAIN,…"`
	Force        bool            `help:"Write policy files over those of somebody else."`
	Comment      string          `default:"vodfleet" help:"Comment of a new distribution: with the output it tells one from another." placeholder:"TEXT"`
	JSON         bool            `name:"json" help:"Print JSON."`
	config.OriginKind
}

func (w *wish) check() error {
	switch {
	case !w.New && w.Distribution == "":
		return run.UsageError(errors.New("distribution: want --distribution-id or --new"))
	case w.Narrow && w.Wide:
		return run.UsageError(errors.New("distribution: want --narrow or --wide"))
	}
	return nil
}

// wish is for a distribution of some domain. The viewer URL of a new one follows
// from it: only the path and the scheme are taken from the setting.
func (w *wish) wish(domain string) distribution.Wish {
	viewer := w.ViewerURL
	if u, err := url.Parse(viewer); err == nil && w.New && u.Host != "" {
		u.Host = cmp.Or(domain, "new.invalid")
		viewer = u.String()
	}
	return distribution.Wish{
		Delivery: distribution.Delivery{
			Output: w.Output.Location, Region: cmp.Or(w.Region, os.Getenv("AWS_REGION")), Viewer: viewer, Smooth: w.Smooth, Origin: distribution.Kind(w.OriginKind.OriginKind),
		},
		Server: w.Server, Narrow: w.Narrow, Wide: w.Wide,
	}
}

// reference tells a new distribution from every other; a repeat has the same.
func (w *wish) reference() string {
	sum := sha256.Sum256([]byte(w.Output.String() + "\x00" + w.Server + "\x00" + w.Comment))
	return "vodfleet-" + hex.EncodeToString(sum[:12])
}

// planned is a plan and what it makes of what is there.
type planned struct {
	Distribution string   `json:"distribution,omitempty"` // ID; empty: a new one
	Domain       string   `json:"domain,omitempty"`
	Changes      []string `json:"changes"`
	Left         []string `json:"left"` // what a person has to do
	Statement    string   `json:"bucket_policy_statement,omitempty"`
	Applied      bool     `json:"applied"`
	Deployed     bool     `json:"deployed"`

	have, want cloud.DistributionConfig
	puts       []cloud.Put // policy files
}

// plan reads what is there and plans what should be.
func (w *wish) plan(ctx context.Context, cdn cloud.CDN, store cloud.Store) (*planned, error) {
	have, err := w.read(ctx, cdn)
	if errors.Is(err, cloud.ErrNotFound) && w.New {
		want, err := distribution.New(w.wish(""), w.Comment)
		if err != nil {
			return nil, run.UsageError(err)
		}
		p := &planned{want: want}
		p.show(distribution.Diff(cloud.DistributionConfig{}, want), nil)
		return p, w.policyFiles(ctx, store, p)
	}
	if err != nil {
		return nil, err
	}
	want, left, err := distribution.Adapt(have, w.wish(have.Domain))
	if err != nil {
		return nil, run.UsageError(err)
	}
	p := &planned{have: have, want: want, Distribution: have.ID, Domain: have.Domain, Deployed: have.Deployed}
	p.show(distribution.Diff(have, want), left)
	if w.Server == "" {
		p.Statement = w.statement(have.ARN, want)
	}
	return p, w.policyFiles(ctx, store, p)
}

// statement is what the bucket's policy needs so that a distribution may read
// the output, and the policy files at its root where they are in that bucket.
func (w *wish) statement(arn string, c cloud.DistributionConfig) string {
	return distribution.Statement(w.Output.Location, arn, distribution.RootFiles(c, w.wish(c.Domain).Delivery)...)
}

// policyFiles plans the policy files at the distribution's root, which players
// of Smooth ask for. Where they are not ours to write, it says so.
func (w *wish) policyFiles(ctx context.Context, store cloud.Store, p *planned) error {
	if !w.Smooth {
		return nil
	}
	files, err := distribution.PolicyFiles(w.Players)
	if err != nil {
		return run.UsageError(fmt.Errorf("player-domains: %w", err))
	}
	for _, f := range files {
		at, err := distribution.PolicyFileAt(p.want, f.Name)
		if err == nil && at.Bucket != w.Output.Bucket {
			err = fmt.Errorf("/%s is answered by the bucket %s: put the file there", f.Name, at.Bucket)
		}
		if err != nil {
			if f.Name == "clientaccesspolicy.xml" { // one of the two is enough, and the others say the same
				p.Left = append(p.Left, "warning: policy-files: "+err.Error())
			}
			continue
		}
		put, err := distribution.PolicyFilePut(ctx, store, at, f.Body, w.Force)
		switch {
		case errors.Is(err, distribution.ErrOthers):
			p.Left = append(p.Left, "warning: policy-files: "+err.Error()+"; --force replaces it")
		case err != nil:
			return err
		case put != nil:
			p.puts = append(p.puts, *put)
			p.Changes = append(p.Changes, "+ policy file "+at.String())
		}
	}
	return nil
}

// read reads the distribution that is meant, the new one too if it was made.
func (w *wish) read(ctx context.Context, cdn cloud.CDN) (c cloud.DistributionConfig, err error) {
	if w.New {
		c, err = cdn.Created(ctx, w.reference(), w.Comment)
	} else {
		c, err = cdn.Configuration(ctx, w.Distribution)
	}
	if err != nil {
		return c, err
	}
	return cdn.Policies(ctx, c)
}

func (p *planned) show(diff []distribution.Line, left []distribution.Finding) {
	p.Changes, p.Left = []string{}, []string{}
	for _, l := range diff {
		p.Changes = append(p.Changes, l.String())
	}
	for _, f := range left {
		if f.Severity != distribution.OK && f.Check != "deployed" {
			p.Left = append(p.Left, string(f.Severity)+": "+f.Check+": "+f.String())
		}
	}
}

func (p *planned) print(w io.Writer) {
	what := "new distribution"
	if p.Distribution != "" {
		what = "distribution " + p.Distribution + " (" + p.Domain + ")"
	}
	if len(p.Changes) == 0 {
		fmt.Fprintf(w, "%s: nothing to change\n", what)
	} else {
		fmt.Fprintf(w, "%s: %d changes\n", what, len(p.Changes))
	}
	for _, c := range p.Changes {
		fmt.Fprintf(w, "  %s\n", c)
	}
	for _, l := range p.Left {
		fmt.Fprintf(w, "left for you: %s\n", l)
	}
}

type distributionPlanCmd struct{ wish }

func (distributionPlanCmd) Help() string {
	return `Shows what a distribution lacks to serve the output, line by line, and changes
nothing.

Examples:

  enqueuer distribution plan --new
  enqueuer distribution plan --distribution-id E1EXAMPLE

Exit codes: 0 nothing is to do; 1 failed; 2 wrong usage; 3 there is something to do.`
}

func (c *distributionPlanCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	cdn, err := e.openCDN()
	if err != nil {
		return err
	}
	store, err := e.store(e.ctx)
	if err != nil {
		return err
	}
	p, err := c.plan(e.ctx, cdn, store)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(e.out, p)
	} else {
		p.print(e.out)
	}
	if err == nil && len(p.Changes)+len(p.Left) > 0 {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d changes to make, %d left for you", len(p.Changes), len(p.Left))}
	}
	return err
}

type distributionApplyCmd struct {
	wish
	Yes  bool          `help:"Do not ask."`
	Wait time.Duration `default:"30m" help:"How long to wait until the change is at every edge; 0: not at all."`
}

func (distributionApplyCmd) Help() string {
	return `Shows what a distribution lacks to serve the output, asks, and does it: under the
version that it has shown, so that nobody else's change is undone. Then it waits
until every edge has it. A repeat changes nothing more. What it cannot do, the
bucket's policy and files on other servers, it says.

Examples:

  enqueuer distribution apply --new --narrow
  enqueuer distribution apply --distribution-id E1EXAMPLE --yes
  enqueuer distribution apply --distribution-id E1EXAMPLE --player-domains '*.example.com'

Exit codes: 0 done, or nothing was to do; 1 failed; 2 wrong usage; 3 not
confirmed, not at every edge yet, or a part is left for you.`
}

func (c *distributionApplyCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	switch {
	case c.Wait < 0:
		return run.UsageError(fmt.Errorf("wait %v: want none or more", c.Wait))
	case c.JSON && !c.Yes:
		return run.UsageError(errors.New("apply asks before it changes anything, which does not go with --json: add --yes"))
	}
	cdn, err := e.openCDN()
	if err != nil {
		return err
	}
	store, err := e.store(e.ctx)
	if err != nil {
		return err
	}
	p, err := c.plan(e.ctx, cdn, store)
	if err != nil {
		return err
	}
	if !c.JSON {
		p.print(e.out)
	}
	if len(p.Changes) > 0 {
		if !c.Yes {
			if err := e.confirm("Make these changes?"); err != nil {
				return err
			}
		}
		if err := c.apply(e.ctx, cdn, store, p); err != nil {
			return err
		}
	}
	if err := c.deployed(e, cdn, p); err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(e.out, p)
	} else {
		p.tell(e.out)
	}
	if err == nil && (len(p.Left) > 0 || !p.Deployed && c.Wait > 0) {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d left for you; at every edge: %v", len(p.Left), p.Deployed)}
	}
	return err
}

func (c *distributionApplyCmd) apply(ctx context.Context, cdn cloud.CDN, store cloud.Store, p *planned) (err error) {
	var now cloud.DistributionConfig
	if p.Distribution == "" {
		now, err = distribution.Create(ctx, cdn, c.reference(), p.want)
	} else {
		now, err = distribution.Apply(ctx, cdn, p.have, p.want)
	}
	if errors.Is(err, cloud.ErrPrecondition) {
		return fmt.Errorf("%w; somebody else has changed it since: look at a new plan", err)
	}
	if err != nil {
		return err
	}
	p.Applied, p.Distribution, p.Domain, p.Deployed = true, now.ID, now.Domain, now.Deployed
	if c.Server == "" {
		p.Statement = c.statement(now.ARN, now)
	}
	for _, put := range p.puts {
		if _, err := store.Put(ctx, put); err != nil {
			return fmt.Errorf("policy file: %w", err)
		}
	}
	return nil
}

// lookEvery is the time between looks at a distribution that is on its way.
const lookEvery = 5 * time.Second

// deployed waits until every edge has what was made, for c.Wait at the most.
func (c *distributionApplyCmd) deployed(e *env, cdn cloud.CDN, p *planned) error {
	ctx, cancel := context.WithTimeout(e.ctx, c.Wait)
	defer cancel()
	for !p.Deployed && c.Wait > 0 {
		select {
		case <-ctx.Done():
			return e.ctx.Err() // nil: the time is over, which is told
		case <-time.After(lookEvery):
		}
		now, err := cdn.Configuration(ctx, p.Distribution)
		switch {
		case err == nil:
			p.Deployed = now.Deployed
		case ctx.Err() == nil && !cloud.Retryable(err):
			return err
		}
	}
	return nil
}

// tell says what came of it, and what is for other hands.
func (p *planned) tell(w io.Writer) {
	if p.Applied {
		fmt.Fprintf(w, "distribution %s (%s) is changed\n", p.Distribution, p.Domain)
	}
	if !p.Deployed {
		fmt.Fprintln(w, "it is not at every edge yet")
	}
	if p.Applied && p.Statement != "" {
		fmt.Fprintf(w, "the output bucket's policy needs this statement, if it has not got it:\n  %s\n", p.Statement)
	}
}
