package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/inventory"
)

// produce sends the library's files: of the sample each as soon as it is made,
// then what else lies in its folder.
func (d *demo) produce(ctx context.Context, to chan<- video, refuse func(key, reason string)) error {
	defer close(to)
	sent := map[string]bool{}
	send := func(v video) {
		select {
		case to <- v:
			sent[v.key] = true
		case <-ctx.Done():
		}
	}
	if d.sample {
		err := makeSample(ctx, d.library, func(s clips.Spec) {
			path := filepath.Join(d.library, s.Name)
			if info, err := os.Stat(path); err == nil { // else the scan below misses it too
				send(video{s.Name, path, info.Size(), info.ModTime()})
			}
		})
		if err != nil {
			return err
		}
	}
	videos, refused, err := scan(d.library)
	if err != nil {
		return err
	}
	for key, reason := range refused {
		refuse(key, reason)
	}
	if len(videos)+len(refused) == 0 {
		return fmt.Errorf("library %s: no files in it", d.library)
	}
	for _, v := range videos {
		if !sent[v.key] {
			send(v)
		}
	}
	return ctx.Err()
}

// fed is what the feeding of files tells of them and of itself.
type fed struct {
	asset    *asset
	manifest string // of a report that was written
}

// feed brings files into the library's bucket. It has a report written as soon
// as the first new one is there, so that work begins, and one of all.
func (d *demo) feed(ctx context.Context, videos <-chan video, tell func(fed)) error {
	there := map[string]cloud.Object{}
	for o, err := range d.store.List(ctx, cloud.Location{Bucket: libraryBucket}, "") {
		if err != nil {
			return err
		}
		there[o.Key] = o
	}
	write := func() error {
		manifest, err := report(ctx, d.root, d.dir)
		if err == nil {
			tell(fed{manifest: manifest})
		}
		return err
	}
	early, changed := true, true
	for v := range videos {
		etag, sent, err := d.up.bring(ctx, v, there)
		if err != nil && ctx.Err() == nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return err
		}
		if err != nil {
			a := refusedAsset(v.key, err.Error())
			a.file = v
			tell(fed{asset: a})
			continue
		}
		a := newAsset(v, etag, sent, time.Now())
		a.want = d.wants[v.key]
		if _, skip := new(inventory.Report).Plan(inventory.Row{Bucket: libraryBucket, Key: v.key, ETag: etag, Size: v.size}); skip != "" {
			a.state, a.reason, a.ended = "skipped", skip, true
		}
		tell(fed{asset: a})
		changed = changed || sent
		if sent && early && !a.ended && v.size > 0 {
			if err := write(); err != nil {
				return err
			}
			early, changed = false, false
		}
	}
	if !changed || ctx.Err() != nil {
		return ctx.Err()
	}
	return write()
}

// refusedAsset is a file that cannot come into the library.
func refusedAsset(key, reason string) *asset {
	return &asset{key: key, state: "refused", reason: reason, ended: true}
}
