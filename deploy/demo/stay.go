package main

import (
	"context"
	"errors"
	"time"
)

const (
	rescan = 3 * time.Second
	still  = 2 * time.Second // how long a file must not have changed: until then it is being copied
)

// stay keeps everything up until ctx ends, and takes in what is added to the
// library's folder.
func (d *demo) stay(ctx context.Context) error {
	d.show.say("Ctrl-C ends it all; a video put into %s joins the library", d.near(d.library))
	tick := time.NewTicker(rescan)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		added, err := d.added(time.Now())
		if err != nil {
			return err
		}
		if len(added) == 0 {
			continue
		}
		if err := d.again(ctx, added); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// again takes more files through the fleet.
func (d *demo) again(ctx context.Context, added []video) error {
	d.follow.moved = time.Now()
	p := d.newPass(ctx)
	defer p.stop()
	p.produce(func(ctx context.Context, to chan<- video, _ func(key, reason string)) error {
		defer close(to)
		for _, v := range added {
			select {
			case to <- v:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err := p.run(ctx); err != nil {
		return err
	}
	if err := d.result(); !errors.Is(err, errUnfinished) {
		return err
	}
	return nil // the table has shown it
}

// added lists the files that are new or have changed since they were brought,
// once they are still.
func (d *demo) added(now time.Time) ([]video, error) {
	videos, _, err := scan(d.library)
	if err != nil {
		return nil, err
	}
	var added []video
	for _, v := range videos {
		last, known := d.known[v.key]
		if (!known || last.size != v.size || !last.modified.Equal(v.modified)) && now.Sub(v.modified) > still {
			added = append(added, v)
		}
	}
	return added, nil
}
