package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
)

// PlaybackSchema is the version of [Playback] that this package writes. Members
// may be added under the same number; none changes its meaning or goes away.
const PlaybackSchema = 1

// Playback is playback.json: what a player or a backend needs to show the
// current build of an asset. Viewers can read it. So it names the source by the
// asset's ID and by the reference that the caller chose for it, and never by
// bucket and key, which may tell more than a caller wants viewers to know.
type Playback struct {
	Schema     int                 `json:"schema"`
	Asset      string              `json:"asset"`
	Reference  string              `json:"reference,omitempty"`
	Seq        int                 `json:"seq"`   // switches so far: a higher one is newer
	Build      int                 `json:"build"` // number
	Revision   string              `json:"revision"`
	Published  time.Time           `json:"published"`          // when this build became the current one
	Duration   float64             `json:"duration,omitempty"` // seconds; left out if not known
	URLs       URLs                `json:"urls"`
	Renditions []PlaybackRendition `json:"renditions,omitempty"`
}

// PlaybackRendition is one quality that players may choose.
type PlaybackRendition struct {
	Package   string  `json:"package"`
	Width     int     `json:"width,omitempty"` // pixels
	Height    int     `json:"height,omitempty"`
	Bandwidth int     `json:"bandwidth"` // bits a second, peak
	Codecs    string  `json:"codecs,omitempty"`
	FrameRate float64 `json:"frame_rate,omitempty"`
}

// playbackOf describes b, the current build of r.
func playbackOf(r *ledger.Record, b *ledger.Build, urls URLs) Playback {
	p := Playback{
		Schema: PlaybackSchema, Asset: r.Asset, Reference: r.Reference,
		Seq: r.Seq, Build: b.Number, Revision: b.Revision.ID, Published: r.Switched.UTC().Truncate(time.Second),
		Duration: float64(b.Outputs.Duration.Milliseconds()) / 1000, URLs: urls,
	}
	for _, pkg := range b.Outputs.Packages {
		for _, v := range pkg.Renditions {
			p.Renditions = append(p.Renditions, PlaybackRendition{pkg.Name, v.Width, v.Height, v.Bandwidth, v.Codecs, v.FrameRate})
		}
	}
	return p
}

// encode returns the document, the same for the same playback.
func (p Playback) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		return nil, fmt.Errorf("encode %s: %w", playback, err)
	}
	return b.Bytes(), nil
}
