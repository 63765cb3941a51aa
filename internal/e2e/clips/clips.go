// Package clips makes short test videos whose every frame says which video it
// is: a grid of black and white blocks carries a 16-bit identity with a check
// sum, a second one the frame's number. The blocks lie at fixed shares of the
// frame and survive scaling to a thumbnail, any pixel shape and hard
// compression, so that [Read] and [Counter] tell from a picture alone whether a
// player shows the right video and the right moment of it.
//
// The clips are made by ffmpeg, which has to be installed; judging what
// becomes of them is left to others.
package clips

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Ratio is a quotient of whole numbers; the zero Ratio stands for 1:1 where a
// pixel's shape is meant, and for 25 where a frame rate is.
type Ratio struct{ Num, Den int }

// Kind is what is in a file.
type Kind int

// Whole is a video that plays; the others are the ways in which sources
// disappoint.
const (
	Whole     Kind = iota
	AudioOnly      // sound without a picture: legal
	Text           // not a video at all
	Truncated      // a video of which the second half is missing, its index with it
	Empty          // no bytes
)

// Spec describes a clip.
type Spec struct {
	Name     string // of the file, with extension: decides the container; mp4 where it says nothing
	Kind     Kind
	Identity uint16 // burned into every frame; also sets the pitch of the sound
	Title    string // for people; drawn where ffmpeg finds a font

	Width, Height int           // stored pixels
	Pixel         Ratio         // shape of a pixel, width to height
	Rate          Ratio         // frames per second
	Length        time.Duration // at most 10 minutes
	Silent        bool          // no audio track
}

const (
	maxLength = 10 * time.Minute
	maxSide   = 7680
	maxRate   = 240
	patience  = 3 * time.Minute // for one run of ffmpeg
)

// FPS is the frame rate.
func (s Spec) FPS() float64 {
	if s.Rate == (Ratio{}) {
		return 25
	}
	return float64(s.Rate.Num) / float64(s.Rate.Den)
}

// Frames is how many frames the clip has; 0 where there is no picture.
func (s Spec) Frames() int {
	if s.Kind != Whole {
		return 0
	}
	return max(1, int(s.Length.Seconds()*s.FPS()+0.5))
}

// Aspect is the shape of the picture as it is to be shown, width by height.
func (s Spec) Aspect() float64 {
	aspect := float64(s.Width) / float64(s.Height)
	if s.Pixel != (Ratio{}) {
		aspect *= float64(s.Pixel.Num) / float64(s.Pixel.Den)
	}
	return aspect
}

// Pitch is the frequency of the sound in hertz, different for neighbouring
// identities.
func (s Spec) Pitch() int { return 300 + 40*int(s.Identity%32) }

func (s Spec) check() error {
	switch picture := s.Kind == Whole || s.Kind == Truncated; {
	case s.Name == "" || filepath.Base(s.Name) != s.Name:
		return fmt.Errorf("name %q is not a file name", s.Name)
	case s.Kind < Whole || s.Kind > Empty:
		return fmt.Errorf("unknown kind %d", s.Kind)
	case s.Kind == Text || s.Kind == Empty:
		return nil
	case s.Length <= 0 || s.Length > maxLength:
		return fmt.Errorf("length %v is not within 0 and %v", s.Length, maxLength)
	case picture && (s.Width < 16 || s.Height < 16 || s.Width > maxSide || s.Height > maxSide):
		return fmt.Errorf("%dx%d is not within 16 and %d", s.Width, s.Height, maxSide)
	case s.Rate != (Ratio{}) && (s.Rate.Num < 1 || s.Rate.Den < 1 || s.FPS() > maxRate):
		return fmt.Errorf("rate %d/%d is not within 0 and %d", s.Rate.Num, s.Rate.Den, maxRate)
	case s.Pixel != (Ratio{}) && (s.Pixel.Num < 1 || s.Pixel.Den < 1):
		return fmt.Errorf("pixel %d:%d has no shape", s.Pixel.Num, s.Pixel.Den)
	}
	return nil
}

// Make writes the clip of s into dir, an existing folder, and returns its path.
// The file appears whole or not at all and replaces one of the same name. Make
// stops when ctx ends, and by itself after a few minutes.
func Make(ctx context.Context, dir string, s Spec) (string, error) {
	if err := s.check(); err != nil {
		return "", fmt.Errorf("make clip: %w", err)
	}
	path := filepath.Join(dir, s.Name)
	work, err := os.MkdirTemp(dir, ".clip-")
	if err != nil {
		return "", fmt.Errorf("make clip %s: %w", path, err)
	}
	defer os.RemoveAll(work)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.write(ctx, work); err != nil {
		return "", fmt.Errorf("make clip %s: %w", path, err)
	}
	if err := os.Rename(filepath.Join(work, made), path); err != nil {
		return "", fmt.Errorf("make clip: %w", err)
	}
	return path, nil
}

const (
	made  = "clip"
	title = "title"
)

// write leaves the clip in the file made of the folder work.
func (s Spec) write(ctx context.Context, work string) error {
	file := filepath.Join(work, made)
	switch s.Kind {
	case Empty:
		return os.WriteFile(file, nil, 0o644)
	case Text:
		return os.WriteFile(file, []byte(strings.Repeat("This is a letter, whatever its name says.\n", 200)), 0o644)
	}
	if err := os.WriteFile(filepath.Join(work, title), []byte(s.Title), 0o644); err != nil {
		return err
	}
	err := s.encode(ctx, work, s.Title != "")
	if err != nil && s.Title != "" && ctx.Err() == nil {
		err = s.encode(ctx, work, false) // an ffmpeg without fonts
	}
	if err != nil || s.Kind != Truncated {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.Truncate(file, info.Size()/2)
}

func (s Spec) encode(ctx context.Context, work string, titled bool) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", s.args(titled)...)
	cmd.Dir = work
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, last(out))
	}
	return nil
}

// last is the end of what a program said, in one line.
func last(out []byte) string {
	const most = 300
	text := strings.Join(strings.Fields(string(out)), " ")
	return text[max(0, len(text)-most):]
}
