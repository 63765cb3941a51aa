package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/vodfleet/vodfleet/internal/admin"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/inventory"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

type watchCmd struct {
	config.Redis
	config.Ledger
	config.Sources
	config.Profile
	config.Log

	Inventory  string        `env:"VODFLEET_INVENTORY" help:"Where reports appear: the inventory's destination, s3://BUCKET/PREFIX." placeholder:"S3-URI"`
	Uploads    string        `env:"VODFLEET_UPLOADS_QUEUE_URL" help:"SQS queue that is told of new objects, by S3 or by EventBridge: each becomes a task at once." placeholder:"QUEUE-URL"`
	MaxNew     int           `env:"VODFLEET_MAX_NEW" default:"1000" help:"Assets of one report to transcode at the most; what is beyond is left for the next report, and told."`
	MaxUploads int           `env:"VODFLEET_MAX_UPLOADS" default:"1000" help:"Uploads to enqueue in an hour at the most; what is beyond waits in its queue, and is told. 0: any number."`
	Every      time.Duration `env:"VODFLEET_WATCH_EVERY" default:"1m" help:"How often to look for reports."`
	Once       bool          `help:"Take what is there, then end."`
	AdminAddr  string        `env:"VODFLEET_WATCH_ADMIN_ADDR" help:"Address of /healthz, /readyz and /metrics; none by default." placeholder:"HOST:PORT"`
}

func (watchCmd) Help() string {
	return `Finds complete S3 Inventory reports below a prefix, oldest first, and enqueues
what each has new, in the bulk lane. What has been done is remembered beside the
ledger, so that a restart, or a second watch, goes on where the first was.

With --uploads it also takes S3's notifications of new objects out of an SQS
queue, within seconds, and enqueues each in the live lane. Folders'
placeholders, empty objects, and what is not among the sources are skipped and
logged. A report still finds what a notification has missed.

Examples:

  enqueuer watch --inventory s3://reports/inv
  enqueuer watch --uploads https://sqs.eu-west-1.amazonaws.com/111122223333/vodfleet-uploads
  enqueuer watch --once --inventory s3://reports/inv/library/all

Exit codes: 0 stopped when asked to, 1 failed, 2 wrong usage.`
}

// progress is what watch remembers of one prefix, in the object
// watch/HASH.json beside the ledger.
type progress struct {
	Inventory string          `json:"inventory"`
	Taken     inventory.Taken `json:"taken"`             // the last report of each configuration
	At        time.Time       `json:"at"`                // when the last report was taken
	Counts    *counts         `json:"counts,omitempty"`  // of that report
	Refused   []refusal       `json:"refused,omitempty"` // the latest reports that could not be read
}

type refusal struct {
	Manifest string `json:"manifest"`
	Reason   string `json:"reason"`
}

// maxRefused bounds the refused reports that are remembered.
const maxRefused = 20

// watcher is one watch at work.
type watcher struct {
	feed
	store cloud.Store
	root  cloud.Location // of the reports
	state cloud.Location
	log   *zap.Logger
}

// check says what is wrong with the flags.
func (c *watchCmd) check() error {
	switch {
	case c.Inventory == "" && c.Uploads == "":
		return errors.New("nothing to watch: want --inventory, --uploads or both")
	case c.Every <= 0:
		return fmt.Errorf("every %v: want more than none", c.Every)
	case c.MaxNew < 0:
		return fmt.Errorf("max-new %d: want none or more", c.MaxNew)
	case c.MaxUploads < 0:
		return fmt.Errorf("max-uploads %d: want none or more", c.MaxUploads)
	}
	return c.Sources.Check()
}

func (c *watchCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return run.UsageError(err)
	}
	var root cloud.Location
	if c.Inventory != "" {
		var err error
		if root, err = cloud.ParseLocation(c.Inventory); err != nil {
			return run.UsageError(err)
		}
	}
	log, err := c.Logger(e.log)
	if err != nil {
		return run.UsageError(err)
	}
	store, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	client, err := openQueue(c.Redis)
	if err != nil {
		return err
	}
	defer client.Close()

	sum := sha256.Sum256([]byte(root.String()))
	w := watcher{
		feed:  feed{book: book, client: client, sources: c.Sources, lane: tasks.Bulk, maxNew: c.MaxNew},
		store: store,
		root:  root,
		state: c.Ledger.Ledger.Join("watch/" + hex.EncodeToString(sum[:8]) + ".json"),
		log:   log,
	}
	queue.LogRedis(log)
	log.Info("watch starts", zap.Any("settings", config.Dump(c)))
	// A profile that cannot be is told now; a cloud that is down is waited for.
	if _, err := readProfile(e.ctx, book, c.Profile.Profile); err != nil && !cloud.Retryable(err) {
		return err
	}
	var up *uploader
	if c.Uploads != "" {
		if up, err = c.uploader(e, book, client, log); err != nil {
			return err
		}
	}
	if c.Once {
		return c.once(e.ctx, &w, up)
	}
	var group run.Group
	if c.AdminAddr != "" {
		serve, err := c.admin(client, log, up)
		if err != nil {
			return err
		}
		group.Add("admin", serve)
	}
	if c.Inventory != "" {
		group.Add("watch", func(ctx context.Context) error { return c.loop(ctx, &w) })
	}
	if up != nil {
		group.Add("uploads", up.run)
	}
	return group.Run(e.ctx)
}

// uploader opens the queue of uploads.
func (c *watchCmd) uploader(e *env, book *ledger.Store, client *tasks.Client, log *zap.Logger) (*uploader, error) {
	open := e.events
	if open == nil {
		open = awsEvents
	}
	events, err := open(e.ctx, c.Uploads)
	if err != nil {
		return nil, run.UsageError(err)
	}
	return &uploader{
		queue: events, client: client, sources: c.Sources, pace: &pace{most: c.MaxUploads}, counted: uploadCounter(), log: log,
		profile: recent(c.Every, func(ctx context.Context) (string, error) {
			p, err := useProfile(ctx, book, c.Profile.Profile)
			if err != nil {
				return "", err
			}
			return p.Digest(), nil
		}),
	}, nil
}

// once takes what is there.
func (c *watchCmd) once(ctx context.Context, w *watcher, up *uploader) error {
	var errs []error
	if c.Inventory != "" {
		errs = append(errs, w.pass(ctx, c.Profile.Profile))
	}
	if up != nil {
		errs = append(errs, up.drain(ctx))
	}
	return errors.Join(errs...)
}

// loop takes reports until ctx ends. What is half done then is done again.
func (c *watchCmd) loop(ctx context.Context, w *watcher) error {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		if err := w.pass(ctx, c.Profile.Profile); err != nil && ctx.Err() == nil {
			w.log.Error("watch", zap.String("inventory", w.root.String()), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// admin returns what serves health and the lengths of the queues.
func (c *watchCmd) admin(client *tasks.Client, log *zap.Logger, up *uploader) (func(context.Context) error, error) {
	inspector, err := openInspector(c.Redis)
	if err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(inspector, collectors.NewGoCollector())
	if up != nil {
		metrics.MustRegister(up.counted)
	}
	l, err := net.Listen("tcp", c.AdminAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("admin address: %w", err), inspector.Close())
	}
	handler := admin.Handler(metrics, admin.Check{Name: "redis", Ping: func(context.Context) error { return client.Ping() }})
	return func(ctx context.Context) error {
		return errors.Join(admin.Serve(ctx, l, handler, log), inspector.Close())
	}, nil
}

// maxRaces bounds how often a pass begins anew because another watch was faster.
const maxRaces = 10

// pass takes the reports that are complete and not done yet, in order. Where
// another watch has taken one meanwhile it goes on behind that.
func (w *watcher) pass(ctx context.Context, profile string) error {
	for n := 1; ; n++ {
		err := w.try(ctx, profile)
		if n == maxRaces || !errors.Is(err, cloud.ErrPrecondition) && !errors.Is(err, cloud.ErrConflict) {
			return err
		}
		w.log.Info("another watch was faster", zap.String("inventory", w.root.String()))
	}
}

func (w *watcher) try(ctx context.Context, profile string) error {
	p, err := useProfile(ctx, w.book, profile)
	if err != nil {
		return err
	}
	w.profile = p.Digest()
	done, at, err := w.remembered(ctx)
	if err != nil {
		return err
	}
	for found, err := range inventory.Find(ctx, w.store, w.root, done.Taken) {
		if err != nil {
			return err
		}
		if err := w.take(ctx, found.Manifest, &done); err != nil {
			return err
		}
		done.Taken.Add(found)
		done.At = w.store.Now()
		if at, err = w.remember(ctx, done, at); err != nil {
			return err
		}
	}
	return nil
}

// take scans one report. A report that can never be read is remembered as
// refused: newer ones say the same better.
func (w *watcher) take(ctx context.Context, manifest cloud.Location, done *progress) error {
	report, err := inventory.Open(ctx, w.store, manifest)
	if err == nil {
		done.Counts, err = w.run(ctx, report, manifest)
	}
	switch {
	case err == nil:
		w.log.Info("report taken", zap.String("manifest", manifest.String()),
			zap.Int("rows", done.Counts.Rows), zap.Int("new", done.Counts.New), zap.Int("changed", done.Counts.Changed),
			zap.Int("in_work", done.Counts.InWork), zap.Int("unchanged", done.Counts.Unchanged),
			zap.Any("skipped", done.Counts.Skipped), zap.Any("broken", done.Counts.Broken))
		if done.Counts.Left > 0 {
			w.log.Warn("assets left: more than --max-new of this report would be transcoded",
				zap.String("manifest", manifest.String()), zap.Int("left", done.Counts.Left), zap.String("from", done.Counts.LeftFirst))
		}
		return nil
	case inventory.Unreadable(err):
		w.log.Error("report refused", zap.String("manifest", manifest.String()), zap.Error(err))
		done.Refused = append(done.Refused, refusal{manifest.String(), err.Error()})
		done.Refused = done.Refused[max(0, len(done.Refused)-maxRefused):]
		return nil
	}
	return err
}

// maxProgress bounds the remembered progress: a thousand configurations at the
// most, each with a key.
const maxProgress = 4 << 20

func (w *watcher) remembered(ctx context.Context) (progress, cloud.Object, error) {
	p := progress{Inventory: w.root.String(), Taken: inventory.Taken{}}
	text, at, err := w.store.Get(ctx, w.state, maxProgress)
	if errors.Is(err, cloud.ErrNotFound) {
		return p, cloud.Object{}, nil
	}
	if err != nil {
		return p, at, fmt.Errorf("progress of watch: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, at, fmt.Errorf("progress of watch in %s: %w; delete it to take every report again, which is safe", w.state, err)
	}
	if p.Taken == nil {
		p.Taken = inventory.Taken{}
	}
	return p, at, nil
}

// remember writes the progress if nobody else has: of two watches, one goes on
// and the other reads again.
func (w *watcher) remember(ctx context.Context, p progress, at cloud.Object) (cloud.Object, error) {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return at, fmt.Errorf("progress of watch: %w", err)
	}
	at, err = w.store.Put(ctx, cloud.Put{
		Location: w.state, Body: text, ContentType: "application/json",
		If: cloud.Condition{Absent: at.ETag == "", ETag: at.ETag},
	})
	if err != nil {
		return at, fmt.Errorf("remember what watch has done: %w", err)
	}
	return at, nil
}
