package media

import (
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// SmoothClient is a client manifest (.ismc): what there is to be asked for. See
// MS-SSTR, 2.2.2.
type SmoothClient struct {
	Live     bool
	Duration time.Duration
	Streams  []SmoothStream
}

// SmoothStream is one StreamIndex: qualities of one thing, cut alike.
type SmoothStream struct {
	Kind     TrackKind
	Name     string // that clients ask by; the type where it is not told
	Language string
	Scale    uint64 // units of time a second
	Levels   []SmoothLevel
	Chunks   []Chunk // of each level
}

// SmoothLevel is one QualityLevel.
type SmoothLevel struct {
	Bitrate       uint32 // bits a second: clients ask by it
	FourCC        string // H264, AVC1, AACL
	Width, Height int    // pixels, at most; 0 of sound
	Private       []byte // CodecPrivateData
}

// Chunk is a fragment, in units of its stream.
type Chunk struct{ Start, Duration uint64 }

// smoothScale is the time scale of manifests that tell none, and the one that
// encoders use (MS-SSTR, 2.2.2.1).
const smoothScale = 10_000_000

// Bounds of a client manifest beyond those of all.
const (
	maxStreams = 200
	maxLevels  = 1000
	maxScale   = 1_000_000_000
)

// ParseSmoothClient reads a client manifest, in UTF-8 or UTF-16, of at most
// [MaxManifest] bytes, and lists the chunks of its streams: at most 500,000 in
// all. It refuses document types, and with them entities, counts that are not
// those of what is listed, and URLs that are not of the one form that servers
// know, such as those that lead elsewhere.
func ParseSmoothClient(manifest []byte) (SmoothClient, error) {
	p := clientParser{left: maxFiles}
	err := p.parse(manifest)
	if err != nil {
		return SmoothClient{}, fmt.Errorf("parse client manifest: %w", err)
	}
	return p.m, nil
}

type clientParser struct {
	m     SmoothClient
	scale uint64 // the presentation's

	open   *SmoothStream
	told   struct{ levels, chunks string } // counts that the open stream declares
	depth  int                             // of the open stream
	list   chunkList
	left   int // chunks that may still be listed
	levels int // so far
}

func (p *clientParser) parse(manifest []byte) error {
	if len(manifest) > MaxManifest {
		return fmt.Errorf("%d bytes: %w", len(manifest), ErrTooLarge)
	}
	err := eachElement(manifest, "SmoothStreamingMedia", p.element, func(depth int) error {
		if p.open == nil || depth != p.depth {
			return nil
		}
		return p.close()
	})
	if err == nil && len(p.m.Streams) == 0 {
		err = errors.New("no streams")
	}
	return err
}

func (p *clientParser) element(depth int, e xml.StartElement) error {
	switch name := e.Name.Local; {
	case depth == 1:
		return p.root(e)
	case depth == 2 && name == "StreamIndex":
		return p.stream(depth, e)
	case p.open == nil || depth != p.depth+1:
		return nil
	case name == "QualityLevel":
		if p.levels++; p.levels > maxLevels {
			return fmt.Errorf("more than %d quality levels: %w", maxLevels, ErrTooLarge)
		}
		l, err := levelOf(e)
		if err != nil {
			return fmt.Errorf("stream %s: quality level %d: %w", shown(p.open.Name), len(p.open.Levels), err)
		}
		p.open.Levels = append(p.open.Levels, l)
	case name == "c":
		n, err := p.list.add(e, p.left)
		if err != nil {
			return fmt.Errorf("stream %s: chunk %d: %w", shown(p.open.Name), len(p.list.chunks), err)
		}
		p.left -= n
	}
	return nil
}

func (p *clientParser) root(e xml.StartElement) error {
	var err error
	if p.scale, err = scaleOf(e, smoothScale); err != nil {
		return err
	}
	live, _ := attrOf(e, "IsLive")
	p.m.Live = strings.EqualFold(live, "true")
	major, _ := attrOf(e, "MajorVersion")
	if major != "2" {
		return fmt.Errorf("MajorVersion %s: want 2", shown(major))
	}
	told, _ := attrOf(e, "Duration")
	d, err := strconv.ParseUint(told, 10, 64)
	if err != nil || d > p.scale*uint64(maxDuration/time.Second) {
		return fmt.Errorf("a Duration of %s: want units of 1/%d s, %v at most", shown(told), p.scale, maxDuration)
	}
	p.m.Duration = inScale(d, p.scale)
	return nil
}

func scaleOf(e xml.StartElement, otherwise uint64) (uint64, error) {
	told, ok := attrOf(e, "TimeScale")
	if !ok {
		return otherwise, nil
	}
	scale, err := strconv.ParseUint(told, 10, 64)
	if err != nil || scale == 0 || scale > maxScale {
		return 0, fmt.Errorf("TimeScale %s: want 1 to %d units a second", shown(told), maxScale)
	}
	return scale, nil
}

// inScale returns a time of at most [maxDuration] in units of a scale.
func inScale(t, scale uint64) time.Duration {
	whole, part := t/scale, t%scale
	return time.Duration(whole)*time.Second + time.Duration(part*uint64(time.Second)/scale)
}

// End is where the last chunk ends.
func (s SmoothStream) End() time.Duration {
	if len(s.Chunks) == 0 {
		return 0
	}
	last := s.Chunks[len(s.Chunks)-1]
	return inScale(last.Start+last.Duration, s.Scale)
}

// Length is how long the chunks last, from the first to the last.
func (s SmoothStream) Length() time.Duration {
	if len(s.Chunks) == 0 {
		return 0
	}
	return s.End() - inScale(s.Chunks[0].Start, s.Scale)
}

// pattern is the one form of a stream's URL (MS-SSTR, 2.2.2.4).
var pattern = regexp.MustCompile(`^QualityLevels\(\{[Bb]itrate\}(?:,\{CustomAttributes\})?\)/Fragments\(([^=()/]+)=\{start[ _]time\}\)$`)

func (p *clientParser) stream(depth int, e xml.StartElement) error {
	if len(p.m.Streams) == maxStreams {
		return fmt.Errorf("more than %d streams: %w", maxStreams, ErrTooLarge)
	}
	kind, _ := attrOf(e, "Type")
	s := SmoothStream{Kind: smoothKinds[kind]}
	if s.Kind == "" || kind == "textstream" {
		return fmt.Errorf("stream of type %s: want video, audio or text", shown(kind))
	}
	s.Name, _ = attrOf(e, "Name")
	if s.Name == "" {
		s.Name = kind
	}
	s.Language, _ = attrOf(e, "Language")
	var err error
	if s.Scale, err = scaleOf(e, p.scale); err != nil {
		return fmt.Errorf("stream %s: %w", shown(s.Name), err)
	}
	u, _ := attrOf(e, "Url")
	m := pattern.FindStringSubmatch(u)
	if m == nil {
		return fmt.Errorf("stream %s: Url %s: want QualityLevels({bitrate})/Fragments(%s={start time})", shown(s.Name), shown(u), shown(s.Name))
	}
	if name, err := url.PathUnescape(m[1]); m[1] != s.Name && (err != nil || name != s.Name) {
		return fmt.Errorf("stream %s: its Url asks for another one, %s", shown(s.Name), shown(m[1]))
	}
	p.m.Streams = append(p.m.Streams, s)
	p.open, p.depth = &p.m.Streams[len(p.m.Streams)-1], depth
	p.told.levels, _ = attrOf(e, "QualityLevels")
	p.told.chunks, _ = attrOf(e, "Chunks")
	p.list = chunkList{limit: s.Scale * uint64(maxDuration/time.Second)}
	return nil
}

// close ends the open stream.
func (p *clientParser) close() error {
	s := p.open
	p.open = nil
	if err := p.list.end(); err != nil {
		return fmt.Errorf("stream %s: %w", shown(s.Name), err)
	}
	s.Chunks = p.list.chunks
	switch n, c := strconv.Itoa(len(s.Levels)), strconv.Itoa(len(s.Chunks)); {
	case len(s.Levels) == 0 && s.Kind != TrackText:
		return fmt.Errorf("stream %s: no quality levels", shown(s.Name))
	case p.told.levels != "" && p.told.levels != n:
		return fmt.Errorf("stream %s: lists %s quality levels and says that it has %s", shown(s.Name), n, shown(p.told.levels))
	case p.told.chunks != "" && p.told.chunks != c:
		return fmt.Errorf("stream %s: lists %s chunks and says that it has %s", shown(s.Name), c, shown(p.told.chunks))
	}
	return nil
}

func levelOf(e xml.StartElement) (SmoothLevel, error) {
	var l SmoothLevel
	rate, _ := attrOf(e, "Bitrate")
	n, err := strconv.ParseUint(rate, 10, 32)
	if err != nil {
		return l, fmt.Errorf("a Bitrate of %s: want a number of bits a second", shown(rate))
	}
	l.Bitrate = uint32(n)
	l.FourCC, _ = attrOf(e, "FourCC")
	for name, to := range map[string]*int{"MaxWidth": &l.Width, "MaxHeight": &l.Height} {
		told, ok := attrOf(e, name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(told, 10, 16)
		if err != nil {
			return l, fmt.Errorf("%s %s: want a number of pixels", name, shown(told))
		}
		*to = int(n)
	}
	private, _ := attrOf(e, "CodecPrivateData")
	if l.Private, err = hex.DecodeString(private); err != nil {
		return l, fmt.Errorf("CodecPrivateData %s: want hexadecimal digits", shown(private))
	}
	return l, nil
}

// Variant tells the level as other manifests tell theirs.
func (l SmoothLevel) Variant() Variant {
	return Variant{Width: l.Width, Height: l.Height, Bandwidth: int(l.Bitrate), Codecs: l.codecs()}
}

// codecs names the codec as RFC 6381 does, empty where it is not known. The
// private data of H.264 are parameter sets with start codes, the first of them
// the SPS, whose first bytes are the profile and the level; that of AAC is an
// AudioSpecificConfig, whose first five bits are the kind of AAC.
func (l SmoothLevel) codecs() string {
	switch strings.ToUpper(l.FourCC) {
	case "H264", "AVC1", "X264", "DAVC":
		sps, ok := strings.CutPrefix(string(l.Private), "\x00\x00\x00\x01")
		if ok && len(sps) >= 4 && sps[0]&0x1f == 7 {
			return fmt.Sprintf("avc1.%02x%02x%02x", sps[1], sps[2], sps[3])
		}
	case "AACL":
		if len(l.Private) > 0 {
			return fmt.Sprintf("mp4a.40.%d", l.Private[0]>>3)
		}
		return "mp4a.40.2"
	}
	return ""
}
