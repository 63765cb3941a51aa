package players

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is one Chromium, started when first needed; each stream gets a window
// of its own, and several play at a time.
type browser struct {
	parent context.Context
	mu     sync.Mutex // held while one is started or ended
	now    *chromium  // nil before, and after it was ended
}

// chromium is one that runs.
type chromium struct {
	ctx    context.Context
	cancel context.CancelFunc // ends it and waits for that; once
}

// ready returns the Chromium that runs, or starts one.
func (b *browser) ready(ctx context.Context) (*chromium, error) {
	const enough = time.Minute
	ctx, stop := context.WithTimeout(ctx, enough)
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now != nil {
		return b.now, nil
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
	}, flags("disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-background-timer-throttling", "disable-renderer-backgrounding", "disable-backgrounding-occluded-windows",
		"disable-background-media-suspend", "mute-audio")...)
	options = append(options, chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	root, abort := context.WithCancel(b.parent)
	allocator, end := chromedp.NewExecAllocator(root, options...)
	run, leave := chromedp.NewContext(allocator)
	c := &chromium{run, func() { abort(); leave(); end() }}
	defer context.AfterFunc(ctx, abort)()
	if err := chromedp.Do(c.ctx); err != nil {
		c.cancel()
		return nil, err
	}
	b.now = c
	return c, nil
}

// kill ends a Chromium, and whatever is being played in it, unless another one
// has taken its place, and waits for its end.
func (b *browser) kill(c *chromium) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c != nil && b.now == c {
		c.cancel()
		b.now = nil
	}
}

// stop ends the Chromium that runs.
func (b *browser) stop() {
	b.mu.Lock()
	c := b.now
	b.mu.Unlock()
	b.kill(c)
}

func flags(names ...string) []chromedp.ExecAllocatorOption {
	var all []chromedp.ExecAllocatorOption
	for _, name := range names {
		all = append(all, chromedp.Flag(name, true))
	}
	return all
}

// order is what the page is asked to do.
type order struct {
	Player   Player    `json:"player"`
	URL      string    `json:"url"`
	Rate     float64   `json:"rate"`     // of playback
	Seeks    []float64 `json:"seeks"`    // shares of the duration
	Pause    bool      `json:"pause"`    // after a third, until the harness says so
	Lean     bool      `json:"lean"`     // buffers two seconds, and starts with the best rendition
	Patience int64     `json:"patience"` // milliseconds
}

// answer is what it says it showed.
type answer struct {
	Error         string   `json:"error"`
	Frames        int      `json:"frames"`
	Dropped       int      `json:"dropped"` // of frames: decoded but not shown
	Duration      float64  `json:"duration"`
	Width, Height int      // as at the end
	Sizes         []string `json:"sizes"`
	Sound         bool     `json:"sound"`
	Early         bool     `json:"early"` // the player stopped before the browser had shown all
	Looks         []struct {
		At  float64 `json:"at"` // seconds
		PNG string  `json:"png"`
	} `json:"looks"`
}

// play has a fresh page at address play a stream. The page answers within
// patience, whatever the stream does; a Chromium in which it does not is ended,
// and the stream gets another chance in a new one. So does a stream of which
// the player left out the end by itself: frames that are missing are missing
// every time. A pause is not repeated.
func (b *browser) play(ctx context.Context, patience time.Duration, address string, o order) (s Seen) {
	for range chances {
		s = Seen{Player: o.Player, Skips: -1}
		c, err := b.ready(ctx)
		if err != nil {
			s.Err = fmt.Errorf("start chromium: %w", err)
			return s
		}
		said, err := c.try(ctx, patience, address, o)
		if err == nil {
			s.take(said)
			if !said.Early || o.Pause {
				return s
			}
			continue
		}
		s.Err = err
		b.kill(c)
		if ctx.Err() != nil || o.Pause {
			return s
		}
	}
	return s
}

const chances = 3

func (c *chromium) try(ctx context.Context, patience time.Duration, address string, o order) (said answer, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("chromium did not answer within %v", patience))
	defer cancel()
	// A browser context of its own has a window of its own: what is in the
	// background of another decodes no pictures.
	tab, leave := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	defer leave()
	defer context.AfterFunc(ctx, leave)()
	if said, err = ask(tab, time.Now().Add(patience*9/10), address, o); err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return said, err
}

// ask has the page answer at the deadline, so that it can say how far it got.
func ask(tab context.Context, deadline time.Time, address string, o order) (said answer, err error) {
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return said, fmt.Errorf("open %s: %w", address, err)
	}
	o.Patience = max(0, time.Until(deadline)).Milliseconds()
	request, err := json.Marshal(o)
	if err != nil {
		return said, err
	}
	said, err = chromedp.Run(tab, chromedp.Evaluate[answer]("play("+string(request)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		return said, fmt.Errorf("play: %w", err)
	}
	return said, nil
}

func (s *Seen) take(said answer) {
	if said.Error != "" {
		s.Err = errors.New(said.Error)
	}
	s.Frames, s.Width, s.Height, s.Sound, s.Sizes = said.Frames, said.Width, said.Height, said.Sound, said.Sizes
	if s.Height > 0 {
		s.Aspect = float64(s.Width) / float64(s.Height)
	}
	for _, look := range said.Looks {
		at := time.Duration(look.At * float64(time.Second))
		m, err := picture(look.PNG)
		if err != nil {
			s.Err = errors.Join(s.Err, fmt.Errorf("picture at %v: %w", at, err))
			continue
		}
		s.Looks = append(s.Looks, lookAt(m, at))
	}
}

func picture(text string) (image.Image, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	const maxSide = 4096
	if size, err := png.DecodeConfig(bytes.NewReader(raw)); err != nil || size.Width > maxSide || size.Height > maxSide {
		return nil, fmt.Errorf("not a picture: %w", err)
	}
	return png.Decode(bytes.NewReader(raw))
}
