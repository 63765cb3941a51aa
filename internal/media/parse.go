package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

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

// orOff is a mapping, or the word "off" in its place.
type orOff[T any] struct {
	off   bool
	value T
}

// UnmarshalYAML is of the form that keeps the decoder's strictness about
// unknown keys; yaml.Node's Decode would start a lenient one.
func (o *orOff[T]) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "off" {
			return fmt.Errorf("%q: want settings, or off", word)
		}
		o.off = true
		return nil
	}
	return unmarshal(&o.value)
}

// Parse reads a profile. Everything may be left out but something must be
// there; {} is [Default]. A key that is not known or is there twice, and a
// value that MediaConvert would refuse, is refused by name.
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

// plain puts the decoder's complaints into one line, in the words of profiles
// and not of the types that hold them.
func plain(err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if many, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = many.Errors
	}
	for i, line := range lines {
		if field, found := strings.CutPrefix(line[strings.Index(line, ": ")+1:], " field "); found {
			if name, _, ok := strings.Cut(field, " not found in type "); ok {
				lines[i] = line[:strings.Index(line, ": ")] + ": " + name + " is not a setting"
			}
		}
	}
	return errors.New(strings.Join(lines, "; "))
}
