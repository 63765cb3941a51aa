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

// browser is one Chromium, started when first needed; each stream gets a page
// of its own. It plays one stream at a time.
type browser struct {
	parent context.Context
	mu     sync.Mutex         // held while it plays
	ctx    context.Context    // of the running Chromium; nil before
	abort  context.CancelFunc // ends it
	cancel context.CancelFunc // ends it and waits for that; once
}

// open makes ready for a Chromium that starts with the first use of b.ctx.
func (b *browser) open() {
	if b.ctx != nil {
		return
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
	}, flags("disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-background-timer-throttling", "disable-renderer-backgrounding", "disable-backgrounding-occluded-windows", "mute-audio")...)
	options = append(options, chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	root, abort := context.WithCancel(b.parent)
	allocator, end := chromedp.NewExecAllocator(root, options...)
	ctx, leave := chromedp.NewContext(allocator)
	b.ctx, b.abort, b.cancel = ctx, abort, func() { abort(); leave(); end() }
}

// kill ends Chromium and waits for its end.
func (b *browser) kill() {
	if b.ctx != nil {
		b.cancel()
		b.ctx = nil
	}
}

// stop waits for what is being played and ends Chromium.
func (b *browser) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kill()
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
	Patience int64     `json:"patience"` // milliseconds
}

// answer is what it says it showed.
type answer struct {
	Error         string  `json:"error"`
	Frames        int     `json:"frames"`
	Dropped       int     `json:"dropped"` // of frames: decoded but not shown
	Duration      float64 `json:"duration"`
	Width, Height int
	Sound         bool `json:"sound"`
	Early         bool `json:"early"` // the player stopped before the browser had shown all
	Looks         []struct {
		At  float64 `json:"at"` // seconds
		PNG string  `json:"png"`
	} `json:"looks"`
}

// play has a fresh page at address play a stream. The page answers within
// patience, whatever the stream does; a Chromium in which it does not is ended,
// and the stream gets another chance in a new one. So does a stream of which
// the player left out the end by itself: frames that are missing are missing
// every time.
func (b *browser) play(ctx context.Context, patience time.Duration, address string, o order) (s Seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range chances {
		s = Seen{Player: o.Player, Skips: -1}
		said, err := b.try(ctx, patience, address, o)
		if err == nil {
			s.take(said)
			if !said.Early {
				return s
			}
			continue
		}
		s.Err = err
		b.kill()
		if ctx.Err() != nil {
			return s
		}
	}
	return s
}

const chances = 3

func (b *browser) try(ctx context.Context, patience time.Duration, address string, o order) (said answer, err error) {
	if err := b.ready(ctx); err != nil {
		return said, fmt.Errorf("start chromium: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("chromium did not answer within %v", patience))
	defer cancel()
	tab, leave := chromedp.NewContext(b.ctx)
	defer leave()
	defer context.AfterFunc(ctx, leave)()
	if said, err = ask(tab, time.Now().Add(patience*9/10), address, o); err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return said, err
}

// ready starts Chromium unless it runs.
func (b *browser) ready(ctx context.Context) error {
	const enough = time.Minute
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	b.open()
	defer context.AfterFunc(ctx, b.abort)()
	return chromedp.Do(b.ctx)
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
	s.Frames, s.Width, s.Height, s.Sound = said.Frames, said.Width, said.Height, said.Sound
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
