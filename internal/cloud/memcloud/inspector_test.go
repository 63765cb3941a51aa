package memcloud_test

import (
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud/cloudtest"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestInspector(t *testing.T) {
	i := memcloud.New(memcloud.Options{Buckets: []string{"plain", "kept"}, Versioning: true, Queues: []string{"second"}}).Inspector()
	i.Plain, i.Queues = []string{"plain"}, []string{"https://sqs.example/1/events"}
	cloudtest.Inspector(t, cloudtest.Inspected{
		Inspector: i, Plain: "plain", Versioned: "kept", Missing: "none", Queue: "second",
		Events: "https://sqs.example/1/events", NoEvents: "https://sqs.example/1/none",
	})
}
