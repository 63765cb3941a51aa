package cloud

import "context"

// TranscodeQueue is what a transcoding service tells of one queue.
type TranscodeQueue struct {
	Name   string
	ARN    string
	Active bool // jobs are taken out of it
	Slots  int  // jobs at work at once; 0 where that is not told
}

// Inspector tells what only those ask who check a fleet's surroundings. It
// changes nothing. All methods are safe for concurrent use and may fail with
// [ErrDenied], [ErrThrottled] or [ErrUnavailable].
type Inspector interface {
	// Versioned reports whether a bucket keeps the objects that are replaced.
	// It fails with [ErrNotFound].
	Versioned(ctx context.Context, bucket string) (bool, error)

	// BucketPolicy reads the text of a bucket's policy, empty for none. It fails
	// with [ErrNotFound] if there is no such bucket.
	BucketPolicy(ctx context.Context, bucket string) (string, error)

	// TranscodeQueue looks at a queue of jobs by its name or ARN, the account's
	// default one by the empty string. It fails with [ErrNotFound].
	TranscodeQueue(ctx context.Context, queue string) (TranscodeQueue, error)

	// EventQueue looks at the queue of events at a URL and returns its ARN. It
	// takes no event. It fails with [ErrNotFound], and with [ErrInvalid] on a URL
	// of no queue.
	EventQueue(ctx context.Context, url string) (arn string, err error)

	// APIRates are the requests a second that the account allows the methods of
	// the transcoding service, by their names; those that are not told are missing.
	APIRates(ctx context.Context) (map[string]float64, error)
}
