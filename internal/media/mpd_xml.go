package media

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The elements of an MPD that name files or describe renditions.
type (
	mpdXML struct {
		XMLName  xml.Name    `xml:"MPD"`
		Type     string      `xml:"type,attr"`
		Duration string      `xml:"mediaPresentationDuration,attr"`
		BaseURL  []string    `xml:"BaseURL"`
		Location []string    `xml:"Location"`
		Periods  []periodXML `xml:"Period"`
	}
	periodXML struct {
		Start    string   `xml:"start,attr"`
		Duration string   `xml:"duration,attr"`
		BaseURL  []string `xml:"BaseURL"`
		levels
		Sets []setXML `xml:"AdaptationSet"`
	}
	setXML struct {
		describedXML
		ContentType string          `xml:"contentType,attr"`
		BaseURL     []string        `xml:"BaseURL"`
		Essential   []descriptorXML `xml:"EssentialProperty"`
		levels
		Representations []repXML `xml:"Representation"`
	}
	repXML struct {
		describedXML
		ID        string   `xml:"id,attr"`
		Bandwidth uint32   `xml:"bandwidth,attr"`
		BaseURL   []string `xml:"BaseURL"`
		levels
	}
	// describedXML may stand at an adaptation set or its representations.
	describedXML struct {
		MIMEType  string `xml:"mimeType,attr"`
		Codecs    string `xml:"codecs,attr"`
		Width     uint16 `xml:"width,attr"`
		Height    uint16 `xml:"height,attr"`
		FrameRate string `xml:"frameRate,attr"`
	}
	descriptorXML struct {
		Scheme string `xml:"schemeIdUri,attr"`
	}
	// levels may stand at a period, an adaptation set or a representation; the
	// lower overrides the higher, attribute by attribute.
	levels struct {
		Template *segmentsXML `xml:"SegmentTemplate"`
		List     *segmentsXML `xml:"SegmentList"`
		Base     *segmentsXML `xml:"SegmentBase"`
	}
	// segmentsXML is SegmentTemplate, SegmentList or SegmentBase.
	segmentsXML struct {
		Timescale *uint32      `xml:"timescale,attr"`
		Duration  *uint64      `xml:"duration,attr"` // in units of the time scale
		Start     *uint64      `xml:"startNumber,attr"`
		End       *uint64      `xml:"endNumber,attr"`
		Offset    *uint64      `xml:"presentationTimeOffset,attr"`
		Media     *string      `xml:"media,attr"`
		Init      *string      `xml:"initialization,attr"`
		Index     *string      `xml:"index,attr"`
		Switch    *string      `xml:"bitstreamSwitching,attr"`
		InitURL   *urlXML      `xml:"Initialization"`
		IndexURL  *urlXML      `xml:"RepresentationIndex"`
		SwitchURL *urlXML      `xml:"BitstreamSwitching"`
		Timeline  *timelineXML `xml:"SegmentTimeline"`
		Segments  []segmentXML `xml:"SegmentURL"`
	}
	urlXML struct {
		Source string `xml:"sourceURL,attr"`
		Range  string `xml:"range,attr"`
	}
	timelineXML struct {
		S []struct {
			T *uint64 `xml:"t,attr"`
			D uint64  `xml:"d,attr"`
			R int64   `xml:"r,attr"` // further ones; -1: up to the next or the end
		} `xml:"S"`
	}
	segmentXML struct {
		Media      string `xml:"media,attr"`
		MediaRange string `xml:"mediaRange,attr"`
		Index      string `xml:"index,attr"`
		IndexRange string `xml:"indexRange,attr"`
	}
)

const (
	maxDepth = 32 // elements in elements; an MPD has nine or so
	xlink    = "http://www.w3.org/1999/xlink"
)

// screenXML reads a document once for what must not be in it.
func screenXML(doc []byte) error {
	if len(doc) > MaxManifest {
		return fmt.Errorf("%d bytes: %w", len(doc), ErrTooLarge)
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	for depth, roots := 0, 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("a document type: entities are not expanded")
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("more than %d elements deep: %w", maxDepth, ErrTooLarge)
			}
			if depth == 1 {
				roots++
			}
			if roots > 1 {
				return errors.New("elements after the MPD")
			}
			for _, a := range t.Attr {
				if a.Name.Local == "href" && (a.Name.Space == xlink || a.Name.Space == "xlink") {
					return fmt.Errorf("%s with xlink:href: it is in another document", t.Name.Local)
				}
			}
		case xml.EndElement:
			depth--
		}
	}
}

func (s setXML) trick() bool {
	for _, e := range s.Essential {
		if e.Scheme == "http://dashif.org/guidelines/trickmode" {
			return true
		}
	}
	return false
}

func kindOf(set setXML, r repXML) TrackKind {
	mime := r.MIMEType
	if mime == "" {
		mime = set.MIMEType
	}
	kind, _, _ := strings.Cut(mime, "/")
	if set.ContentType != "" {
		kind = set.ContentType
	}
	switch k := TrackKind(kind); k {
	case TrackVideo, TrackAudio, TrackImage, TrackText:
		return k
	}
	return TrackOther
}

func variantOf(set setXML, r repXML) (Variant, error) {
	v := Variant{
		Width: int(r.Width), Height: int(r.Height),
		Bandwidth: int(r.Bandwidth), Codecs: r.Codecs,
	}
	if v.Width == 0 {
		v.Width = int(set.Width)
	}
	if v.Height == 0 {
		v.Height = int(set.Height)
	}
	if v.Codecs == "" {
		v.Codecs = set.Codecs
	}
	rate := r.FrameRate
	if rate == "" {
		rate = set.FrameRate
	}
	if rate == "" {
		return v, nil
	}
	num, den, fraction := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(num, 64)
	d := 1.0
	if err == nil && fraction {
		d, err = strconv.ParseFloat(den, 64)
	}
	if v.FrameRate = n / d; err != nil || !(v.FrameRate >= 0 && v.FrameRate <= 1000) {
		return v, fmt.Errorf("frame rate %.40q", rate)
	}
	return v, nil
}

// parseXSDuration reads an XML Schema duration of days and less, P1DT2H3M4.5S;
// years and months may be given as zero. Empty is zero.
func parseXSDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	broken := fmt.Errorf("a duration of %.40q", s)
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return 0, broken
	}
	units := map[byte]float64{'Y': 0, 'M': 0, 'D': 86400}
	total := 0.0
	for rest != "" {
		if rest[0] == 'T' {
			units, rest = map[byte]float64{'H': 3600, 'M': 60, 'S': 1}, rest[1:]
			continue
		}
		i := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if i <= 0 {
			return 0, broken
		}
		n, err := strconv.ParseFloat(rest[:i], 64)
		unit, known := units[rest[i]]
		if err != nil || !known || unit == 0 && n != 0 {
			return 0, broken
		}
		total += n * unit
		rest = rest[i+1:]
	}
	return seconds(total)
}
