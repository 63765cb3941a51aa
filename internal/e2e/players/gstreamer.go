package players

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/clips"
)

// The pictures that GStreamer hands over, in grey, are small: enough to read
// what is burned into them.
const (
	lookWidth  = 160 // a multiple of 4, so that rows are not padded
	lookHeight = 120
	maxFrames  = 100_000
	maxSaid    = 8 << 20 // bytes of GStreamer's messages that are kept
)

// gstreamer plays the stream at address from start to end, as fast as it can,
// and looks at every frame.
func gstreamer(ctx context.Context, address string) (s Seen) {
	s.Player = GStreamer
	// A playbin, since uridecodebin has other pads after a switch of renditions,
	// which gst-launch leaves alone. The flags are video, and that as it is.
	said, err := launch(ctx, s.count, "playbin", "uri="+address, "flags=0x41", fmt.Sprintf(
		"video-sink=videoconvert ! videoscale add-borders=false ! video/x-raw,format=GRAY8,width=%d,height=%d ! fdsink fd=3 sync=false",
		lookWidth, lookHeight))
	s.Err = err
	s.shape(said)
	return s
}

// launch runs a pipeline and gives what it writes to descriptor 3 to read, which
// may stop early. It returns what GStreamer said.
func launch(ctx context.Context, read func(io.Reader), pipeline ...string) (string, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return "", err
	}
	said := &tail{most: maxSaid}
	args := append([]string{"-v"}, pipeline...)
	cmd := exec.CommandContext(ctx, "gst-launch-1.0", args...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		ours.Close()
		return "", err
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		defer ours.Close() // ends a player that goes on and on
		read(ours)
	})
	err = cmd.Wait()
	reader.Wait()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = fmt.Errorf("%w: %s", err, said.complaint())
	}
	return said.String(), err
}

// count reads frames until the pipe ends.
func (s *Seen) count(pipe io.Reader) {
	frame := image.NewGray(image.Rect(0, 0, lookWidth, lookHeight))
	last := -1
	for s.Frames < maxFrames {
		if _, err := io.ReadFull(pipe, frame.Pix); err != nil {
			return
		}
		look := lookAt(frame, 0)
		if look.Counter != last+1 {
			s.Skips++
		}
		last = look.Counter
		if n := len(s.Looks); n == 0 || s.Looks[n-1].Identity != look.Identity {
			s.Looks = append(s.Looks, look)
		}
		s.Frames++
	}
}

func lookAt(m image.Image, at time.Duration) Look {
	look := Look{At: at, Identity: -1, Counter: -1}
	if identity, ok := clips.Read(m); ok {
		look.Identity = identity
	}
	if counter, ok := clips.Counter(m); ok {
		look.Counter = counter
	}
	return look
}

var (
	capsOf = regexp.MustCompile(` caps = (video/x-raw.*)`)
	width  = regexp.MustCompile(`width=\(int\)(\d{1,5})`)
	height = regexp.MustCompile(`height=\(int\)(\d{1,5})`)
	pixel  = regexp.MustCompile(`pixel-aspect-ratio=\(fraction\)(\d{1,9})/(\d{1,9})`)
)

// shape takes the picture's sizes from what GStreamer said of any element's raw
// video: under load it does not tell of every one's.
func (s *Seen) shape(said string) {
	for _, found := range capsOf.FindAllStringSubmatch(said, -1) {
		number := func(r *regexp.Regexp, group int) int {
			if found := r.FindStringSubmatch(found[1]); found != nil {
				n, _ := strconv.Atoi(found[group])
				return n
			}
			return 0
		}
		w, h := number(width, 1), number(height, 1)
		if h == 0 || w == lookWidth && h == lookHeight { // those are behind the scaler
			continue
		}
		s.Width, s.Height, s.Aspect = w, h, float64(w)/float64(h)
		s.sized(fmt.Sprintf("%dx%d", w, h))
		if num, den := number(pixel, 1), number(pixel, 2); num > 0 && den > 0 {
			s.Aspect *= float64(num) / float64(den)
		}
	}
}

// sized notes the size of the next pictures.
func (s *Seen) sized(size string) {
	if n := len(s.Sizes); n == 0 || s.Sizes[n-1] != size {
		s.Sizes = append(s.Sizes, size)
	}
}

// tail keeps what is written to it, and of too much the newest.
type tail struct {
	mu   sync.Mutex
	most int
	bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over := t.Len() + len(p) - t.most; over > 0 {
		t.Next(min(over, t.Len()))
	}
	return t.Buffer.Write(p)
}

// complaint is the first error among GStreamer's messages.
func (t *tail) complaint() string {
	for line := range strings.Lines(t.String()) {
		if at := strings.Index(line, "ERROR:"); at >= 0 {
			return strings.TrimSpace(line[at:])
		}
	}
	text := strings.Join(strings.Fields(t.String()), " ")
	return text[max(0, len(text)-200):]
}
