package stage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// mirror is an origin that has what lies in the output later.
type mirror struct {
	*world
	files, thumbs, entries time.Duration // after the first look at each
	first                  map[string]time.Time
	looks                  map[string]int
}

var _ stage.Origin = (*mirror)(nil)

func (m *mirror) Arrived(_ context.Context, prefix cloud.Location) error {
	if strings.HasSuffix(prefix.Key, "/thumbs/") {
		return m.has("thumbs", prefix, m.thumbs)
	}
	if m.visible() {
		m.t.Error("viewers have entries of files that are still to come")
	}
	return m.has("files", prefix, m.files)
}

func (m *mirror) Shows(_ context.Context, asset string) error {
	if r := m.record(); r.EntriesSeq == r.Seq {
		m.t.Error("the switch is said to be shown before the origin has its entries")
	}
	return m.has("entries", output.Join("watch/"+asset+"/"), m.entries)
}

func (m *mirror) has(what string, at cloud.Location, late time.Duration) error {
	if m.first[what].IsZero() {
		m.first[what] = time.Now()
	}
	m.looks[what]++
	if time.Since(m.first[what]) < late {
		return &delivery.IncompleteError{Prefix: at, Problems: []delivery.Problem{{Path: what, Why: "the origin answers 404"}}}
	}
	return nil
}

// verified counts verifications.
type verified struct {
	stage.Delivery
	n int
}

func (v *verified) Verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error) {
	v.n++
	return v.Delivery.Verify(ctx, prefix, spec)
}

// mirrored has an origin of its own, and publishes one source.
func mirrored(t *testing.T, m *mirror) (*world, *verified) {
	w := newWorld(t, memcloud.Options{})
	m.world, m.first, m.looks = w, map[string]time.Time{}, map[string]int{}
	v := &verified{Delivery: w.publish.Delivery}
	w.publish.Delivery, w.publish.Origin = v, m
	w.upload("one")
	w.ask()
	w.drain()
	return w, v
}

// What a mirror has late is waited for: files before the switch, entries after
// it. A build is not verified again and again meanwhile.
func TestMirrorIsLate(t *testing.T) {
	for _, m := range []*mirror{
		{},
		{files: 20 * time.Minute},
		{thumbs: time.Minute},
		{entries: 20 * time.Minute},
		{entries: 3 * time.Hour}, // the switch is made: there is no way but on
	} {
		t.Run(fmt.Sprintf("files %v, thumbnails %v, entries %v", m.files, m.thumbs, m.entries), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, v := mirrored(t, m)
				w.published(1, 1)
				for what, n := range m.looks {
					late := map[string]time.Duration{"files": m.files, "thumbs": m.thumbs, "entries": m.entries}[what]
					if waited := w.record().Updated.Sub(m.first[what]); waited < late || n == 0 {
						t.Errorf("%s: shown %v after the first of %d looks, want %v", what, waited, n, late)
					}
				}
				if len(m.looks) != 3 || v.n > m.looks["thumbs"] {
					t.Errorf("looks %v, %d verifications", m.looks, v.n)
				}
			})
		})
	}
}

// What a mirror does not have after an hour fails the build, unseen.
func TestMirrorLacks(t *testing.T) {
	for what, m := range map[string]*mirror{"files": {files: 24 * time.Hour}, "thumbs": {thumbs: 24 * time.Hour}} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := mirrored(t, m)
				w.failed(ledger.Incomplete)
				f := w.record().Failed()
				if waited := f.At.Sub(m.first[what]); waited < time.Hour || waited > 90*time.Minute || f.Stage != tasks.KindPublish {
					t.Errorf("failed in %s after %v, want it after an hour and some tries", f.Stage, waited)
				}
				if want := what + ": the origin answers 404"; !strings.Contains(f.Message, want) || w.visible() {
					t.Errorf("visible %v, and the ledger says %q, want %q", w.visible(), f.Message, want)
				}
			})
		})
	}
}
