package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// MaxProfile is the size of the largest profile that is read, in bytes.
const MaxProfile = 64 << 10

// document is a profile as YAML has it. Scalars stay text until their field is
// known, so that a complaint can name it. A key that is left out, or has no
// value, is nil and takes its default.
type document struct {
	Template     *string               `yaml:"template"`
	Packages     *[]string             `yaml:"packages"`
	Renditions   *[]rungDocument       `yaml:"renditions"`
	Audio        *audioDocument        `yaml:"audio"`
	Segment      *string               `yaml:"segment"`
	Fragment     *string               `yaml:"fragment"`
	GOP          *string               `yaml:"gop"`
	SinglePass   *string               `yaml:"single_pass"`
	Thumbnails   *orOff[imageDocument] `yaml:"thumbnails"`
	Delivery     *string               `yaml:"delivery"`
	Queue        *string               `yaml:"queue"`
	Priority     *string               `yaml:"priority"`
	Acceleration *string               `yaml:"acceleration"`
}

type rungDocument struct {
	ShortSide  *string `yaml:"short_side"`
	MaxBitrate *string `yaml:"max_bitrate"`
	Quality    *string `yaml:"quality"`
}

type audioDocument struct {
	Bitrate    *string   `yaml:"bitrate"`
	SampleRate *string   `yaml:"sample_rate"`
	Languages  *[]string `yaml:"languages"`
	Track      *string   `yaml:"track"`
}

type imageDocument struct {
	Poster *orOff[posterDocument] `yaml:"poster"`
	Sprite *orOff[spriteDocument] `yaml:"sprite"`
}

type posterDocument struct {
	At        *string `yaml:"at"`
	ShortSide *string `yaml:"short_side"`
	Quality   *string `yaml:"quality"`
}

type spriteDocument struct {
	Every       *string `yaml:"every"`
	EveryAtMost *string `yaml:"every_at_most"`
	Thumbnails  *string `yaml:"thumbnails"`
	Width       *string `yaml:"width"`
	Columns     *string `yaml:"columns"`
	Rows        *string `yaml:"rows"`
}

// orOff is a mapping, or a word in its place; see reader.off.
type orOff[T any] struct {
	word  *string
	value T
}

// UnmarshalYAML is of the form that keeps the decoder's strictness about
// unknown keys; yaml.Node's Decode would start a lenient one.
func (o *orOff[T]) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		o.word = &word
		return nil
	}
	return unmarshal(&o.value)
}

// Parse reads a profile. Everything may be left out but something must be
// there; {} is [Default]. A key that is not known or is there twice, and a
// value that MediaConvert would refuse, is refused by name. A key without a
// value counts as left out.
//
//	key                             value                                  left out
//	template                        name of a job template                 none
//	packages                        list of cmaf, hls, dash, smooth, mp4   [cmaf]
//	renditions                      list of the three below, 1 to 10       1080, 720, 480, 360
//	  short_side                    pixels, even, 32 to 2160               must be given
//	  max_bitrate                   bits a second, 1000 to 1152000000      that of the size, if it is a default one
//	  quality                       QVBR level, 1 to 10                    the same
//	audio.bitrate                   bits a second, by the sample rate      128000
//	audio.sample_rate               Hz, 8000 to 48000                      48000
//	audio.languages                 list of ISO 639-2 codes, at most 16    []
//	audio.track                     1 to 64                                1
//	gop                             whole seconds, 1 to 60                 2s
//	fragment                        whole seconds, a multiple of gop       gop
//	segment                         whole seconds, a multiple of fragment  the first from 6s on
//	single_pass                     true, false                            false
//	thumbnails                      off, or settings                       settings
//	thumbnails.poster               off, or settings                       settings
//	  at                            whole seconds, 0 to 3600               5s
//	  short_side                    pixels, even, 32 to 2160               720
//	  quality                       1 to 100                               80
//	thumbnails.sprite               off, or settings                       settings; off without cmaf and hls
//	  every                         whole seconds, 1 to 3600               1s
//	  every_at_most                 whole seconds, every to 3600           10s; every, if that is given
//	  thumbnails                    1 to 10000                             100
//	  width                         pixels, 8 to 4096, a multiple of 8     160
//	  columns                       1 to 512                               5
//	  rows                          1 to 2048                              5
//	delivery                        stable, versioned                      stable
//	queue                           name or ARN                            the fleet's
//	priority                        -50 to 50                              0
//	acceleration                    on, off                                off
//
// With a template, what it decides (packages to thumbnails, except languages
// and track) may not be given.
func Parse(text []byte) (Profile, error) {
	if len(text) > MaxProfile {
		return Profile{}, fmt.Errorf("profile: %d bytes, at most %d are read", len(text), MaxProfile)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var doc *document
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && doc == nil:
		return Profile{}, errors.New("profile: empty; {} is the default profile")
	case err != nil:
		return Profile{}, fmt.Errorf("profile: %w", plain(err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Profile{}, errors.New("profile: more than one YAML document")
	}
	p, err := read(*doc)
	if err != nil {
		return Profile{}, fmt.Errorf("profile: %w", err)
	}
	return p, nil
}

var (
	unknownKey = regexp.MustCompile(`(?s)^(line \d+: )field (.*) not found in type \S+$`)
	wrongKind  = regexp.MustCompile("(?s)^(line \\d+: )cannot unmarshal !!(\\w+)(?: `.*`)? into (\\S+)$")
)

// plain puts the decoder's complaints into one line, in the words of profiles
// and not of the types that hold them.
func plain(err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if many, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = many.Errors[:min(len(many.Errors), maxFaults)]
	}
	for i, line := range lines {
		if m := unknownKey.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + shown(m[2]) + " is not a setting"
		}
		if m := wrongKind.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + kinds(m[2]) + " in the place of " + kindsOf(m[3])
		}
		lines[i] = plainLine(lines[i])
	}
	return errors.New(strings.Join(lines, "; "))
}

// plainLine cuts a message that repeats what the profile holds, and takes out
// what a terminal might obey.
func plainLine(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line[:min(len(line), 200)], "?"))
}

// kinds names a kind of YAML by its tag.
func kinds(tag string) string {
	switch tag {
	case "seq":
		return "a list"
	case "map":
		return "settings"
	}
	return "a single value"
}

// kindsOf names what a Go type holds.
func kindsOf(target string) string {
	switch {
	case strings.HasPrefix(target, "[]"):
		return "a list"
	case target == "string":
		return "a single value"
	}
	return "settings"
}
