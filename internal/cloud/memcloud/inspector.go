package memcloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Inspector implements [cloud.Inspector]. What the cloud does not know by
// itself is in its fields, to be set before it is used.
type Inspector struct {
	Policies map[string]string  // of buckets
	Plain    []string           // buckets without versions, in a cloud with versioning
	Paused   []string           // names of queues of jobs out of which none is taken
	Queues   []string           // URLs of queues of events
	Rates    map[string]float64 // that are told

	c *Cloud
}

// Inspector returns what tells of the cloud.
func (c *Cloud) Inspector() *Inspector { return &Inspector{c: c} }

// Versioned implements [cloud.Inspector].
func (i *Inspector) Versioned(ctx context.Context, bucket string) (bool, error) {
	const op = "Inspector.Versioned"
	return call(ctx, i.c, op, "s3://"+bucket, storeSignature, func() (bool, error) {
		if err := i.bucket(op, bucket); err != nil {
			return false, err
		}
		return i.c.opts.Versioning && !slices.Contains(i.Plain, bucket), nil
	})
}

// BucketPolicy implements [cloud.Inspector].
func (i *Inspector) BucketPolicy(ctx context.Context, bucket string) (string, error) {
	const op = "Inspector.BucketPolicy"
	return call(ctx, i.c, op, "s3://"+bucket, storeSignature, func() (string, error) {
		return i.Policies[bucket], i.bucket(op, bucket)
	})
}

func (i *Inspector) bucket(op, name string) error {
	i.c.Store.mu.RLock()
	defer i.c.Store.mu.RUnlock()
	if i.c.Store.buckets[name] == nil {
		return fail(op, "s3://"+name, cloud.ErrNotFound, "no such bucket")
	}
	return nil
}

// TranscodeQueue implements [cloud.Inspector].
func (i *Inspector) TranscodeQueue(ctx context.Context, queue string) (cloud.TranscodeQueue, error) {
	const op = "Inspector.TranscodeQueue"
	return call(ctx, i.c, op, "queue "+queue, signature, func() (cloud.TranscodeQueue, error) {
		arn, err := i.c.Transcoder.queue(queue)
		if err != nil {
			return cloud.TranscodeQueue{}, fail(op, "queue "+queue, cloud.ErrNotFound, "")
		}
		name := strings.TrimPrefix(arn, queueARN)
		return cloud.TranscodeQueue{Name: name, ARN: arn, Active: !slices.Contains(i.Paused, name), Slots: 200}, nil
	})
}

// EventQueue implements [cloud.Inspector].
func (i *Inspector) EventQueue(ctx context.Context, url string) (string, error) {
	const op = "Inspector.EventQueue"
	return call(ctx, i.c, op, "queue "+url, signature, func() (string, error) {
		if !slices.Contains(i.Queues, url) {
			return "", fail(op, "queue "+url, cloud.ErrNotFound, "")
		}
		return "arn:aws:sqs:us-east-1:111122223333:" + url[strings.LastIndexByte(url, '/')+1:], nil
	})
}

// APIRates implements [cloud.Inspector].
func (i *Inspector) APIRates(ctx context.Context) (map[string]float64, error) {
	return call(ctx, i.c, "Inspector.APIRates", "mediaconvert", signature, func() (map[string]float64, error) {
		return maps.Clone(i.Rates), nil
	})
}
