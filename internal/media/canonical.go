package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Canonical returns the profile as YAML that says everything, in one order and
// one form: profiles with equal canonical text ask for the same streams. The
// text is written here and not by a YAML library, whose next version may indent
// or quote differently; [Parse] reads it back as p.
//
// A setting that is added later must stay out of the text while it has the
// value that profiles had before it, or the digest of every stored profile
// would change.
func (p Profile) Canonical() []byte {
	var b bytes.Buffer
	if p.Template != "" {
		fmt.Fprintf(&b, "template: %q\n", p.Template)
		fmt.Fprintf(&b, "audio: {languages: [%s], track: %d}\n", strings.Join(p.Languages, ", "), p.AudioTrack)
	} else {
		p.canonicalOutputs(&b)
	}
	fmt.Fprintf(&b, "delivery: %s\n", p.Delivery)
	fmt.Fprintf(&b, "queue: %q\n", p.Queue)
	fmt.Fprintf(&b, "priority: %d\n", p.Priority)
	fmt.Fprintf(&b, "acceleration: %s\n", onOff(p.Accelerate))
	return b.Bytes()
}

// canonicalOutputs writes what a job template would replace.
func (p Profile) canonicalOutputs(b *bytes.Buffer) {
	fmt.Fprintf(b, "packages: [%s]\n", strings.Join(p.Packages, ", "))
	b.WriteString("renditions:\n")
	for _, r := range p.Renditions {
		fmt.Fprintf(b, "  - {short_side: %d, max_bitrate: %d, quality: %d}\n", r.ShortSide, r.MaxBitrate, r.Quality)
	}
	fmt.Fprintf(b, "audio: {bitrate: %d, sample_rate: %d, languages: [%s], track: %d}\n",
		p.Bitrate, p.SampleRate, strings.Join(p.Languages, ", "), p.AudioTrack)
	fmt.Fprintf(b, "segment: %s\nfragment: %s\ngop: %s\n", inSeconds(p.Segment), inSeconds(p.Fragment), inSeconds(p.GOP))
	fmt.Fprintf(b, "single_pass: %t\n", p.SinglePass)
	b.WriteString("thumbnails:\n  poster: ")
	if i := p.Poster; i != nil {
		fmt.Fprintf(b, "{at: %s, short_side: %d, quality: %d}", inSeconds(i.At), i.ShortSide, i.Quality)
	} else {
		b.WriteString("off")
	}
	b.WriteString("\n  sprite: ")
	if s := p.Sprite; s != nil {
		fmt.Fprintf(b, "{every: %s, every_at_most: %s, thumbnails: %d, width: %d, columns: %d, rows: %d}",
			inSeconds(s.Every), inSeconds(s.EveryAtMost), s.Thumbnails, s.Width, s.Columns, s.Rows)
	} else {
		b.WriteString("off")
	}
	b.WriteByte('\n')
}

// Digest names the profile: the first 16 bytes of the SHA-256 of its canonical
// text, as 32 hexadecimal digits in lower case.
func (p Profile) Digest() string {
	sum := sha256.Sum256(p.Canonical())
	return hex.EncodeToString(sum[:16])
}

// inSeconds writes d, whole seconds, as "90s": [time.Duration] says "1m30s".
func inSeconds(d time.Duration) string { return fmt.Sprintf("%ds", d/time.Second) }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
