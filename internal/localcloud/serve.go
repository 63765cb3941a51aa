package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// serveCmd serves the cloud.
type serveCmd struct {
	Dir string `required:"" placeholder:"DIR" help:"Folder that keeps the cloud's state; made if it is not there. Its filesystem must have extended attributes."`

	Host             string `default:"127.0.0.1" help:"Address to listen on. Anything but a loopback address lets other machines in."`
	Advertise        string `placeholder:"HOST" help:"Host name of the cloud in what it prints and notes, where that is not --host."`
	S3Port           int    `name:"s3-port" default:"9000" help:"Port of S3; 0 picks a free one, as for all ports."`
	MediaConvertPort int    `name:"mediaconvert-port" default:"9001" help:"Port of MediaConvert."`
	CloudFrontPort   int    `name:"cloudfront-port" default:"9002" help:"Port of CloudFront's API."`
	EdgePort         int    `name:"edge-port" default:"9080" help:"Port of the edge, for viewers."`
	SQSPort          int    `name:"sqs-port" default:"9003" help:"Port of SQS."`
	AdminPort        int    `name:"admin-port" default:"9099" help:"Port of the administration."`

	Bucket       []bucketFlag `placeholder:"NAME[:versioned]" default:"vodfleet-library,vodfleet-output,vodfleet-ledger:versioned" help:"Bucket that is to be there, with versioning or as it is. Repeatable."`
	OriginBucket string       `default:"vodfleet-output" placeholder:"NAME" help:"Bucket that the first distribution serves; made with the others."`

	ClockRate float64 `default:"1" help:"Seconds of the cloud that pass in one of the machine's: for jobs, quotas, tokens and signatures."`

	StopAtEOF bool `name:"stop-at-eof" help:"Stop when standard input ends: for a parent that may die without a word."`

	Jobs    jobFlags    `embed:""`
	CDN     cdnFlags    `embed:""`
	Origins originFlags `embed:""`
	Events  eventFlags  `embed:""`
}

// eventFlags are of SQS, and of what is sent there.
type eventFlags struct {
	EventsQueue   string  `default:"vodfleet-events" placeholder:"NAME" help:"Queue that gets the events of MediaConvert's jobs, as by an EventBridge rule; made if it is not there. Empty: none."`
	UploadsQueue  string  `default:"vodfleet-uploads" placeholder:"NAME" help:"Queue that gets S3's notifications of new objects; made if it is not there. Empty: none."`
	UploadsBucket string  `default:"vodfleet-library" placeholder:"NAME" help:"Bucket whose new objects are notified of."`
	Duplicates    float64 `name:"sqs-duplicates" default:"0.01" help:"Share of messages that come twice: SQS delivers at least once."`
	Reorder       float64 `name:"sqs-reorder" default:"0.1" help:"Share of receives that take a message out of turn: SQS keeps no order."`
	Lag           lagFlag `name:"events-lag" default:"0s" placeholder:"D[-D]" help:"How much later an event or a notification comes to its queue, or the range of it, in the cloud's time."`
}

// lagFlag is a duration, or a range of them, from nought on.
type lagFlag [2]time.Duration

// UnmarshalText reads the flag.
func (l *lagFlag) UnmarshalText(text []byte) error {
	if string(text) == "0" || string(text) == "0s" {
		*l = lagFlag{}
		return nil
	}
	from, to, given := strings.Cut(string(text), "-")
	if given && (from == "0" || from == "0s") {
		d, err := time.ParseDuration(to)
		if err != nil || d < 0 {
			return fmt.Errorf("time %q: want a duration such as 2s, or a range such as 0s-5s", text)
		}
		*l = lagFlag{0, d}
		return nil
	}
	return (*spanFlag)(l).UnmarshalText(text)
}

// jobFlags are of MediaConvert.
type jobFlags struct {
	Simulate  bool          `help:"End jobs by the clock, without ffmpeg."`
	JobTime   spanFlag      `default:"30s" placeholder:"D[-D]" help:"Time of a simulated job, or the range of it, in the cloud's time."`
	Slots     int           `help:"Jobs at work at once, over all queues; 0: 2, or 200 when simulating."`
	Rate      float64       `name:"api-rate" help:"Calls a second of each MediaConvert API; 0: 2, as in AWS; negative: no limit."`
	Burst     int           `name:"api-burst" help:"Calls at once of each MediaConvert API; 0: 100; negative: no limit."`
	QueueJobs int           `help:"Concurrent jobs of one queue; 0: 200."`
	ListLag   time.Duration `help:"How much later lists of jobs see a change, in the cloud's time."`
}

// cdnFlags are of CloudFront and its edge.
type cdnFlags struct {
	DeployTime     time.Duration `default:"3s" help:"From an update of a distribution to Deployed, in the cloud's time."`
	InvalidateTime time.Duration `default:"5s" help:"From an invalidation to Completed, in the cloud's time."`
	MaxPaths       int           `default:"3000" help:"Single paths of invalidations in progress, per distribution."`
	MaxWildcards   int           `default:"15" help:"Wildcard paths of invalidations in progress, per distribution."`
	Smooth         bool          `help:"Give the first distribution the Smooth Streaming flag for media/*, when it is made."`
	EdgeMemory     int64         `name:"edge-memory" default:"268435456" help:"Bytes that the edge may keep in memory."`
}

// originFlags are of web servers that distributions may have for an origin in
// place of a bucket. They listen on 127.0.0.1: the edge reaches nothing else.
type originFlags struct {
	MirrorPort   *int          `placeholder:"PORT" help:"Port of a web server that mirrors a bucket, for distributions with a custom origin (domain name localhost); 0 picks a free one. Without it there is none."`
	MirrorBucket string        `placeholder:"NAME" help:"Bucket that is mirrored; without it that of the first distribution."`
	MirrorLag    time.Duration `help:"How much later than in its bucket an object is there in the mirror, and in the web server that behaves as IIS, in the cloud's time. One that was replaced is gone for as long, and one that was deleted is there for as long."`
	IISPort      *int          `name:"iis-port" placeholder:"PORT" help:"Port of a web server over a bucket that behaves as Microsoft IIS with Smooth Streaming: it answers /NAME.ism/Manifest and fragments itself and hands out no .ism, .ismc, .ismv or .isma file; 0 picks a free one. Without it there is none."`
	IISBucket    string        `name:"iis-bucket" placeholder:"NAME" help:"Bucket that it serves; without it that of the first distribution."`
}

// bucketFlag is NAME or NAME:versioned.
type bucketFlag struct {
	Name      string
	Versioned bool
}

// UnmarshalText reads the flag.
func (b *bucketFlag) UnmarshalText(text []byte) error {
	name, option, given := strings.Cut(string(text), ":")
	if name == "" || given && option != "versioned" {
		return fmt.Errorf("bucket %q: want NAME or NAME:versioned", text)
	}
	*b = bucketFlag{name, given}
	return nil
}

// spanFlag is a duration, or a range of them.
type spanFlag [2]time.Duration

// UnmarshalText reads the flag.
func (s *spanFlag) UnmarshalText(text []byte) error {
	from, to, given := strings.Cut(string(text), "-")
	if !given {
		to = from
	}
	for i, part := range []string{from, to} {
		d, err := time.ParseDuration(part)
		if err != nil || d <= 0 {
			return fmt.Errorf("time %q: want a duration such as 30s, or a range such as 2m-20m", text)
		}
		s[i] = d
	}
	if s[1] < s[0] {
		return fmt.Errorf("time %q: ends before it begins", text)
	}
	return nil
}

// Validate says what kong cannot see.
func (c *serveCmd) Validate() error {
	if !(c.ClockRate > 0) || c.ClockRate > 1e6 {
		return usageError{fmt.Errorf("--clock-rate %v: want above 0 and at most 1000000", c.ClockRate)}
	}
	if c.Origins.MirrorLag < 0 {
		return usageError{fmt.Errorf("--mirror-lag %v: want 0 or more", c.Origins.MirrorLag)}
	}
	for _, share := range []float64{c.Events.Duplicates, c.Events.Reorder} {
		if !(share >= 0 && share <= 1) {
			return usageError{fmt.Errorf("--sqs-duplicates and --sqs-reorder %v: want 0 to 1", share)}
		}
	}
	return nil
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, to console) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("serve from %s: %w", c.Dir, err)
	}
	dir, err := filepath.Abs(c.Dir) // versitygw moves the process to another folder
	if err != nil {
		return fmt.Errorf("serve from %s: %w", c.Dir, err)
	}
	unlock, err := lock(dir)
	if err != nil {
		return fmt.Errorf("serve from %s: %w", dir, err)
	}
	defer unlock()
	doors, err := c.listen()
	if err != nil {
		return fmt.Errorf("serve from %s: %w", dir, err)
	}
	defer doors.close()
	cloud, err := c.build(ctx, dir)
	if err != nil {
		return fmt.Errorf("serve from %s: %w", dir, err)
	}
	if c.StopAtEOF {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() { // ends with standard input, or with the process
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	where := doors.endpoints(c)
	return cloud.serve(ctx, doors, func() error {
		if err := endpoints.WriteRules(rulesDir(dir), where); err != nil {
			return err
		}
		where.PID = os.Getpid()
		if err := endpoints.Write(dir, where); err != nil {
			return err
		}
		fmt.Fprintf(to.err, "localcloud: ready: s3 %s, mediaconvert %s, cloudfront %s, sqs %s, edge %s, admin %s%s\n",
			where.S3, where.MediaConvert, where.CloudFront, where.SQS, where.Edge, where.Admin, webServers(where))
		return nil
	}, func() error {
		where.PID = 0
		return endpoints.Write(dir, where)
	})
}

// webServers names those that are there.
func webServers(e endpoints.Endpoints) (said string) {
	if e.Mirror != "" {
		said += ", mirror " + e.Mirror
	}
	if e.IIS != "" {
		said += ", iis " + e.IIS
	}
	return said
}

func rulesDir(dir string) string { return filepath.Join(dir, "aws-data") }

var account = endpoints.Account{AccessKey: sigv4.AccessKey, SecretKey: sigv4.SecretKey, Region: sigv4.Region}
