package tasks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Version is the payload version that [Encode] writes and the newest that
// [Decode] reads. It grows when an older worker would do the wrong thing with a
// payload; a member that an older worker may overlook does not need that.
const Version = 1

// MaxPayload is the largest payload that [Decode] looks at, in bytes: double
// what the longest key needs with every character of it escaped.
const MaxPayload = 16 << 10

// What [Decode] finds wrong; test with [errors.Is].
var (
	// ErrVersion says that the payload is of a newer version than [Version]: a
	// newer worker will understand it, so it should wait.
	ErrVersion = errors.New("payload is of a newer version")
	// ErrKind says that this version has no such kind of task; as ErrVersion.
	ErrKind = errors.New("kind of task is not known")
	// ErrPayload says that the payload is broken and will never be readable.
	ErrPayload = errors.New("payload is broken")
)

// The wire format: names are stable, members are only ever added, and zero
// values are left out. The golden files in testdata hold it.
type (
	ingestWire struct {
		Version   int    `json:"v"`
		Bucket    string `json:"bucket"`
		Key       string `json:"key"`
		Source    string `json:"source,omitempty"`
		Profile   string `json:"profile,omitempty"`
		Reference string `json:"ref,omitempty"`
		Lane      Lane   `json:"lane,omitempty"`
	}
	submitWire struct {
		Version   int    `json:"v"`
		Asset     string `json:"asset"`
		Build     int    `json:"build"`
		Profile   string `json:"profile,omitempty"`
		Reference string `json:"ref,omitempty"`
		Lane      Lane   `json:"lane,omitempty"`
	}
	pollWire struct {
		Version   int    `json:"v"`
		Asset     string `json:"asset"`
		Build     int    `json:"build"`
		Job       string `json:"job,omitempty"`
		Profile   string `json:"profile,omitempty"`
		Reference string `json:"ref,omitempty"`
	}
	buildWire struct {
		Version   int    `json:"v"`
		Asset     string `json:"asset"`
		Build     int    `json:"build"`
		Profile   string `json:"profile,omitempty"`
		Reference string `json:"ref,omitempty"`
	}
	switchWire struct {
		Version   int    `json:"v"`
		Asset     string `json:"asset"`
		Seq       int    `json:"seq"`
		Profile   string `json:"profile,omitempty"`
		Reference string `json:"ref,omitempty"`
	}
)

// Encode returns the payload of t as compact JSON. It fails if t is not valid;
// see [Task].Validate.
func Encode(t Task) ([]byte, error) {
	wire, err := wireOf(t)
	if err != nil {
		return nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("encode %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // keys hold "&" more often than they meet a browser
	if err := e.Encode(wire); err != nil {
		return nil, fmt.Errorf("encode %s task: %w", t.Kind(), err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func wireOf(t Task) (any, error) {
	switch t := t.(type) {
	case Ingest:
		return ingestWire{Version, t.Bucket, t.Key, t.SourceVersion, t.Profile, t.Reference, t.Lane}, nil
	case TranscodeSubmit:
		return submitWire{Version, t.Asset, t.Build, t.Profile, t.Reference, t.Lane}, nil
	case TranscodePoll:
		return pollWire{Version, t.Asset, t.Build, t.Job, t.Profile, t.Reference}, nil
	case Publish:
		return buildWire{Version, t.Asset, t.Build, t.Profile, t.Reference}, nil
	case InvalidateOrRename:
		return switchWire{Version, t.Asset, t.Seq, t.Profile, t.Reference}, nil
	}
	return nil, fmt.Errorf("encode %T: not a task of this package (tasks are passed as values)", t)
}

// Decode returns the valid task that a payload of a kind holds. Members that it
// does not know are passed over. Its errors wrap [ErrVersion] (or [ErrKind]),
// whatever else the payload holds, or [ErrPayload]; they name fields and
// positions, never content.
func Decode(kind string, payload []byte) (Task, error) {
	if err := checkVersion(payload); err != nil {
		return nil, fmt.Errorf("decode task of %d bytes: %w", len(payload), err)
	}
	t, err := decode(kind, payload)
	if errors.Is(err, ErrKind) {
		return nil, err
	}
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s task of %d bytes: %w: %w", kind, len(payload), ErrPayload, err)
	}
	return t, nil
}

func checkVersion(payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("%w: larger than %d bytes", ErrPayload, MaxPayload)
	}
	var p struct {
		Version *int `json:"v"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, shape(err))
	}
	switch {
	case p.Version == nil:
		return fmt.Errorf("%w: no version", ErrPayload)
	case *p.Version < 1:
		return fmt.Errorf("%w: version %d", ErrPayload, *p.Version)
	case *p.Version > Version:
		return fmt.Errorf("%w: %d, known is %d", ErrVersion, *p.Version, Version)
	}
	// The decoder would replace what is not Unicode, and so name another key.
	if !utf8.Valid(payload) || hasLoneSurrogate(payload) {
		return fmt.Errorf("%w: not valid Unicode", ErrPayload)
	}
	return nil
}

func decode(kind string, payload []byte) (Task, error) {
	switch kind {
	case KindIngest:
		w, err := read[ingestWire](payload)
		return Ingest{w.Bucket, w.Key, w.Source, w.Profile, w.Reference, w.Lane}, err
	case KindTranscodeSubmit:
		w, err := read[submitWire](payload)
		return TranscodeSubmit{w.Asset, w.Build, w.Profile, w.Reference, w.Lane}, err
	case KindTranscodePoll:
		w, err := read[pollWire](payload)
		return TranscodePoll{w.Asset, w.Build, w.Job, w.Profile, w.Reference}, err
	case KindPublish:
		w, err := read[buildWire](payload)
		return Publish{w.Asset, w.Build, w.Profile, w.Reference}, err
	case KindInvalidateOrRename:
		w, err := read[switchWire](payload)
		return InvalidateOrRename{w.Asset, w.Seq, w.Profile, w.Reference}, err
	}
	return nil, fmt.Errorf("decode task: %w", ErrKind)
}

func read[W any](payload []byte) (w W, err error) {
	if err := json.Unmarshal(payload, &w); err != nil {
		return w, shape(err)
	}
	return w, nil
}

// shape says where JSON is broken without quoting it.
func shape(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("member %q has the wrong type", e.Field)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at byte %d", e.Offset)
	}
	return errors.New("not JSON")
}

// hasLoneSurrogate reports whether valid JSON escapes half of a surrogate pair
// (RFC 8259, section 8.2), which names no character.
func hasLoneSurrogate(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		i++ // now at the character that is escaped
		unit, ok := escapedUnit(b, i)
		if !ok {
			continue
		}
		i += 4
		switch unit >> 10 {
		case 0xD800 >> 10:
			if i+2 >= len(b) || b[i+1] != '\\' {
				return true
			}
			if low, ok := escapedUnit(b, i+2); !ok || low>>10 != 0xDC00>>10 {
				return true
			}
			i += 6
		case 0xDC00 >> 10:
			return true
		}
	}
	return false
}

// escapedUnit reads "uXXXX" at b[i:].
func escapedUnit(b []byte, i int) (unit rune, ok bool) {
	if i+4 >= len(b) || b[i] != 'u' {
		return 0, false
	}
	for _, c := range b[i+1 : i+5] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}
