package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

// output says how a command prints what it found.
type output struct {
	Output string `default:"text" enum:"text,json" help:"Form of the output: ${enum}."`
}

func (o output) json() bool { return o.Output == "json" }

// printJSON writes v indented.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// awsStore connects to AWS by the SDK's own settings.
func awsStore(ctx context.Context) (cloud.Store, error) {
	aws, err := awscloud.New(ctx, awscloud.Options{})
	if err != nil {
		return nil, err
	}
	return aws.Store(), nil
}

// awsTranscoder connects to AWS by the SDK's own settings.
func awsTranscoder(ctx context.Context) (cloud.Transcoder, error) {
	aws, err := awscloud.New(ctx, awscloud.Options{})
	if err != nil {
		return nil, err
	}
	return aws.Transcoder(), nil
}

// openLedger connects to the cloud and returns its store and the ledger in it.
func (e *env) openLedger(l config.Ledger) (cloud.Store, *ledger.Store, error) {
	store, err := e.store(e.ctx)
	if err != nil {
		return nil, nil, err
	}
	return store, ledger.New(store, l.Ledger.Location), nil
}

// openQueue returns a client that enqueues.
func openQueue(r config.Redis) (*tasks.Client, error) {
	opt, err := queue.ParseRedis(r.RedisURL)
	if err != nil {
		return nil, run.UsageError(err)
	}
	return tasks.NewClient(opt)
}

// openInspector returns what tells of the tasks in Redis.
func openInspector(r config.Redis) (*queue.Inspector, error) {
	opt, err := queue.ParseRedis(r.RedisURL)
	if err != nil {
		return nil, run.UsageError(err)
	}
	return queue.NewInspector(opt)
}

// location reads an asset's argument as a source: an s3:// URI with a key.
func location(arg string) (cloud.Location, error) {
	at, err := cloud.ParseLocation(arg)
	if err == nil && at.Key == "" {
		err = fmt.Errorf("location %q: no key", arg)
	}
	return at, err
}

var assetID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// asset reads an asset's argument: its ID or the s3:// URI of its source.
func asset(arg string) (string, error) {
	if assetID.MatchString(arg) {
		return arg, nil
	}
	at, err := location(arg)
	if err != nil {
		return "", run.UsageError(fmt.Errorf("asset %q: want an asset ID (26 characters) or s3://BUCKET/KEY", arg))
	}
	return tasks.AssetID(at.Bucket, at.Key), nil
}

var profileDigest = regexp.MustCompile(`^[0-9a-f]{32}$`)

// maxProfileFile bounds a profile's YAML file.
const maxProfileFile = 1 << 20

// profileShelf is where profiles are stored; see [ledger.Store].
type profileShelf interface {
	Profile(ctx context.Context, digest string) ([]byte, error)
}

// readProfile finds the profile that name means: "default" is the built-in one,
// 32 hexadecimal digits a stored one, anything else a YAML file.
func readProfile(ctx context.Context, shelf profileShelf, name string) (media.Profile, error) {
	switch {
	case name == "" || name == "default":
		return media.Default(), nil
	case profileDigest.MatchString(name):
		text, err := shelf.Profile(ctx, name)
		if errors.Is(err, cloud.ErrNotFound) {
			return media.Profile{}, fmt.Errorf("profile %s is not stored: store it with `enqueuer profile put FILE`", name)
		}
		if err != nil {
			return media.Profile{}, fmt.Errorf("profile %s: %w", name, err)
		}
		return media.Parse(text)
	}
	text, err := readFile(name, maxProfileFile)
	if err != nil {
		return media.Profile{}, run.UsageError(fmt.Errorf("profile: %w", err))
	}
	p, err := media.Parse(text)
	if err != nil {
		return media.Profile{}, run.UsageError(fmt.Errorf("profile %s: %w", name, err))
	}
	return p, nil
}

// useProfile finds a profile and makes sure that workers can.
func useProfile(ctx context.Context, shelf *ledger.Store, name string) (media.Profile, error) {
	p, err := readProfile(ctx, shelf, name)
	if err != nil {
		return p, err
	}
	return p, shelf.PutProfile(ctx, p.Digest(), p.Canonical())
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return text, err
}

// class shows a failure's class to people.
func class(c ledger.Class) string { return strings.ReplaceAll(string(c), "-", " ") }

// plain shows a name on a terminal or in a line of text: as it is, or quoted
// where it holds what is not printable. Keys and references are others' words.
func plain(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
