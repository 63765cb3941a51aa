package cloudtest

import (
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Inspected is a cloud's [cloud.Inspector], and what it is to find.
type Inspected struct {
	cloud.Inspector

	Plain, Versioned string // buckets without and with versions
	Missing          string // a bucket's name that is not taken
	Queue            string // of jobs, beside the default one
	Events           string // URL of a queue of events
	NoEvents         string // URL of one that is not there
}

// Inspector checks a [cloud.Inspector].
func Inspector(t *testing.T, c Inspected) {
	for bucket, want := range map[string]bool{c.Plain: false, c.Versioned: true} {
		if got, err := c.Inspector.Versioned(t.Context(), bucket); err != nil || got != want {
			t.Errorf("Versioned(%s) = %v, %v, want %v", bucket, got, err, want)
		}
	}
	_, err := c.Inspector.Versioned(t.Context(), c.Missing)
	wantKind(t, "Versioned of no bucket", err, cloud.ErrNotFound)
	if policy, err := c.BucketPolicy(t.Context(), c.Plain); err != nil || policy != "" {
		t.Errorf("BucketPolicy of none = %q, %v", policy, err)
	}
	_, err = c.BucketPolicy(t.Context(), c.Missing)
	wantKind(t, "BucketPolicy of no bucket", err, cloud.ErrNotFound)
	first, err := c.TranscodeQueue(t.Context(), "")
	if err != nil || first.Name != "Default" || !first.Active || !strings.HasSuffix(first.ARN, ":queues/Default") {
		t.Errorf("TranscodeQueue by default = %+v, %v", first, err)
	}
	named, err := c.TranscodeQueue(t.Context(), c.Queue)
	if err != nil || named.Name != c.Queue {
		t.Errorf("TranscodeQueue(%s) = %+v, %v", c.Queue, named, err)
	}
	if same, err := c.TranscodeQueue(t.Context(), named.ARN); err != nil || same != named {
		t.Errorf("TranscodeQueue(%s) = %+v, %v, want %+v", named.ARN, same, err, named)
	}
	_, err = c.TranscodeQueue(t.Context(), "none")
	wantKind(t, "TranscodeQueue of none", err, cloud.ErrNotFound)
	if arn, err := c.EventQueue(t.Context(), c.Events); err != nil || !strings.HasPrefix(arn, "arn:aws:sqs:") {
		t.Errorf("EventQueue = %q, %v", arn, err)
	}
	_, err = c.EventQueue(t.Context(), c.NoEvents)
	wantKind(t, "EventQueue of none", err, cloud.ErrNotFound)
}
