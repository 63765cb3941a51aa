package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// timekeeper notes the cloud's time, so that it never runs backwards over a
// restart, at whatever rate it ran before.
type timekeeper struct {
	file  string
	clock *clock.Clock
}

// lead is how far before the host's clock that of a new cloud begins, if it is
// to run faster. A signature is dated by a client's host, or by the cloud's own
// time; the lead tells the two apart from the first moment (see [sigv4.Age]).
const lead = time.Hour

// openClock returns the clock of dir's cloud.
func openClock(dir string, rate float64) (*clock.Clock, *timekeeper, error) {
	k := &timekeeper{filepath.Join(dir, "clock"), clock.New(rate)}
	b, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		if rate > 1 {
			k.clock.SetBase(k.clock.Now().Add(lead))
		}
		return k.clock, k, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read clock: %w", err)
	}
	last, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return nil, nil, fmt.Errorf("read clock %s: %w", k.file, err)
	}
	k.clock.SetBase(last)
	return k.clock, k, nil
}

// run saves the time each second, where the host's clock would not do.
func (k *timekeeper) run(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if k.clock.Rate() == 1 && time.Until(k.clock.Now()) < time.Second {
				continue
			}
			if err := k.save(); err != nil {
				return err
			}
		}
	}
}

// save notes the time a little ahead of what can be shown before the next.
func (k *timekeeper) save() error {
	ahead := time.Duration(float64(time.Second) * k.clock.Rate())
	if k.clock.Rate() <= 1 {
		ahead = 0
	}
	temp := k.file + ".new"
	err := os.WriteFile(temp, []byte(k.clock.Now().Add(ahead).Format(time.RFC3339Nano)), 0o644)
	if err == nil {
		err = os.Rename(temp, k.file)
	}
	if err != nil {
		return fmt.Errorf("note clock: %w", err)
	}
	return nil
}
