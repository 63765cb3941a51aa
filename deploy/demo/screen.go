package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// screen tells the user what happens: a live line below the news on a terminal,
// plain lines anywhere else.
type screen struct {
	out   io.Writer
	start time.Time // of the demo
	ready time.Time // of the cloud
	live  progress.Writer
	bar   *progress.Tracker
}

func newScreen(out io.Writer, start time.Time) *screen { return &screen{out: out, start: start} }

// terminal reports whether a live line can be drawn on out.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// say prints one line, with the seconds since the demo's start.
func (s *screen) say(format string, v ...any) {
	line := fmt.Sprintf("%6.1fs  %s", time.Since(s.start).Seconds(), fmt.Sprintf(format, v...))
	if s.live != nil {
		s.live.Log("%s", line)
		return
	}
	fmt.Fprintln(s.out, line)
}

// begin shows the live line, where there can be one.
func (s *screen) begin() {
	if s.live != nil || !terminal(s.out) {
		return
	}
	w := progress.NewWriter()
	w.SetOutputWriter(s.out)
	w.SetAutoStop(false)
	w.SetTrackerLength(28)
	w.SetTrackerPosition(progress.PositionLeft)
	w.SetUpdateFrequency(200 * time.Millisecond)
	w.SetStyle(progress.StyleBlocks)
	style := w.Style()
	style.Colors = progress.StyleColors{}
	style.Options.Separator = " "
	style.Options.PercentFormat = "%3.0f%%"
	style.Visibility = progress.StyleVisibility{Percentage: true, Tracker: true}
	if width, _, err := term.GetSize(int(s.out.(*os.File).Fd())); err == nil {
		w.SetTerminalWidth(max(60, width-1))
	}
	s.bar = &progress.Tracker{Message: "library", Total: 100, AutoStopDisabled: true}
	w.AppendTracker(s.bar)
	s.live = w
	go w.Render() // ends with end
	for range 50 {
		if w.IsRenderInProgress() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// end takes the live line away. A repeat is safe.
func (s *screen) end() {
	if s.live == nil {
		return
	}
	s.bar.MarkAsDone()
	s.live.Stop()
	for range 100 { // until it has drawn for the last time
		if !s.live.IsRenderInProgress() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.live, s.bar = nil, nil
}

// moved tells of an asset's new state. The live line shows most of them.
func (s *screen) moved(a *asset) {
	switch {
	case a.state == "failed":
		s.say("%s  failed as %s: %s", printable(a.key), words(string(a.class)), a.reason)
	case s.live == nil && a.state != "published": // plays says more
		s.say("%s  %s", printable(a.key), a.state)
	}
}

// plays tells of an asset's first playable moment.
func (s *screen) plays(a *asset) {
	since := a.playable.Sub(a.uploaded).Seconds()
	verb := "its upload"
	if !a.fresh {
		verb = "it was looked for"
	}
	s.say("%s  plays: %.1f s after the cloud was ready, %.1f s after %s", printable(a.key), a.playable.Sub(s.ready).Seconds(), since, verb)
}

// progress moves the live line.
func (s *screen) progress(assets []*asset) {
	if s.live == nil {
		return
	}
	done, total := share(assets)
	s.bar.UpdateTotal(total)
	s.bar.SetValue(min(done, total))
	s.bar.UpdateMessage(summary(assets))
}

// share is how much of all the work is done, in percents of assets.
func share(assets []*asset) (done, total int64) {
	for _, a := range assets {
		total += 100
		switch {
		case a.ended:
			done += 100
		case a.state == "transcoding":
			done += int64(5 + a.percent*85/100)
		case a.state == "transcoded" || a.state == "publishing" || a.state == "published":
			done += 95
		}
	}
	return done, max(total, 1)
}

// summary says in a line what is going on.
func summary(assets []*asset) string {
	ended := 0
	var working []string
	for _, a := range assets {
		switch {
		case a.ended:
			ended++
		case a.percent > 0 && a.state == "transcoding":
			working = append(working, fmt.Sprintf("%s %d%%", short(a.key), a.percent))
		}
	}
	line := fmt.Sprintf("%d of %d done", ended, len(assets))
	if len(working) > 0 {
		line += " · " + strings.Join(working[:min(3, len(working))], " · ")
	}
	return line
}

// short is a name that fits into a line.
func short(key string) string {
	const most = 24
	runes := []rune(printable(key[strings.LastIndexByte(key, '/')+1:]))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// words shows a class to people.
func words(class string) string { return strings.ReplaceAll(class, "-", " ") }

// printable shows a foreign name on a terminal: what could move its cursor is
// replaced.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2066' || r == '\u2067' || r == '\u2068' {
			return '�'
		}
		return r
	}, s)
}
