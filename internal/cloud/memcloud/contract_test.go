package memcloud_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/cloudtest"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestStore(t *testing.T)         { cloudtest.Store(t, bubble) }
func TestTranscoder(t *testing.T)    { cloudtest.Transcoder(t, bubble) }
func TestCDN(t *testing.T)           { cloudtest.CDN(t, bubble) }
func TestDistributions(t *testing.T) { cloudtest.Distributions(t, bubble) }
func TestEvents(t *testing.T)        { cloudtest.Events(t, bubble) }

// bubble runs one check on a new cloud whose clock is the bubble's, ahead of
// it as a cloud's may be.
func bubble(t *testing.T, check func(t *testing.T, c *cloudtest.Cloud)) {
	synctest.Test(t, func(t *testing.T) {
		m := memcloud.New(memcloud.Options{
			Buckets: []string{"contract"}, Versioning: true, Skew: 90 * time.Second,
			Wait: 3 * time.Second, ListLag: 2 * time.Second, Queues: []string{"second"},
			Deliver: func(n int, _ cloud.Event) []time.Duration { // late, out of order, and every third twice
				return []time.Duration{time.Duration(n%4) * 700 * time.Millisecond, time.Second}[:1+n%3/2]
			},
		})
		d := cloud.Distribution{ID: "E1CONTRACT", Domain: "d1.example.net", Enabled: true, ETag: "E2TAG"}
		m.CDN.AddDistribution(d)
		check(t, &cloudtest.Cloud{
			Store: m.Store, Transcoder: m.Transcoder, CDN: m.CDN, Events: m.Events, Visibility: 30 * time.Second,
			Bucket: "contract", Missing: "contract-none", OddKeys: true,
			Role: "arn:aws:iam::111122223333:role/contract", Queue: "second", Media: []byte("some media"),
			Distribution: d, Sleep: time.Sleep,
			Fail: func(kind error) {
				m.SetHooks(memcloud.Hooks{})
				if kind != nil {
					m.SetHooks(memcloud.Hooks{Before: func(string, string) error { return kind }})
				}
			},
			Archive:     func(at cloud.Location) { m.Store.SetClass(at, "DEEP_ARCHIVE", false) },
			FailJob:     func(code int) { m.Transcoder.FailNext(code, "made to fail") },
			AddTemplate: m.Transcoder.AddTemplate,
		})
	})
}
