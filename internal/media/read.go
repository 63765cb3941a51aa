package media

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxFaults bounds what is told of one profile.
const maxFaults = 20

// reader turns a document's text into values and gathers what is wrong with
// them, so that a profile's author learns of everything at once.
type reader struct{ faults []string }

// fault notes that the field's value is not what it must be.
func (r *reader) fault(field, value, want string) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fmt.Sprintf("%s: %s: want %s", field, shown(value), want))
	}
}

// shown is a value for a message: quoted where it is not a plain word.
func shown(value string) string {
	if len(value) > 80 {
		value = value[:80]
	}
	if q := strconv.QuoteToASCII(value); len(q) != len(value)+2 || value == "" || strings.Contains(value, " ") {
		return q
	}
	return value
}

func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(r.faults, "; "))
}

// number reads a whole number from low to high that is a multiple of unit.
func (r *reader) number(field string, text *string, otherwise, low, high, unit int) int {
	if text == nil {
		return otherwise
	}
	n, err := strconv.Atoi(strings.ReplaceAll(*text, "_", ""))
	if err != nil || n < low || n > high || n%unit != 0 {
		kind := "a whole number"
		switch {
		case unit == 2:
			kind = "an even number"
		case unit > 2:
			kind = fmt.Sprintf("a multiple of %d", unit)
		}
		r.fault(field, *text, fmt.Sprintf("%s from %d to %d", kind, low, high))
		return otherwise
	}
	return n
}

// seconds reads whole seconds from low to high, as "6" or "6s".
func (r *reader) seconds(field string, text *string, otherwise time.Duration, low, high int) time.Duration {
	if text == nil {
		return otherwise
	}
	d, err := time.ParseDuration(*text)
	if n, bare := strconv.Atoi(*text); bare == nil && n >= low && n <= high {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d%time.Second != 0 || d < time.Duration(low)*time.Second || d > time.Duration(high)*time.Second {
		r.fault(field, *text, fmt.Sprintf("whole seconds from %ds to %ds", low, high))
		return otherwise
	}
	return d
}

// off reports whether a word stands where settings may, and refuses all but
// "off".
func (r *reader) off(field string, word *string) bool {
	if word != nil && *word != "off" {
		r.fault(field, *word, "settings, or off")
	}
	return word != nil
}

// word reads one of words.
func (r *reader) word(field string, text *string, otherwise string, words ...string) string {
	switch {
	case text == nil:
		return otherwise
	case !slices.Contains(words, *text):
		r.fault(field, *text, strings.Join(words, " or "))
		return otherwise
	}
	return *text
}

// name reads a name of something in the account: 1 to 256 printable ASCII
// characters that need no escape in YAML.
func (r *reader) name(field string, text *string) string {
	if text == nil || *text == "" {
		return ""
	}
	odd := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if len(*text) > maxName || strings.TrimSpace(*text) != *text || strings.ContainsFunc(*text, odd) {
		r.fault(field, *text, fmt.Sprintf("1 to %d printable ASCII characters without quotes, backslashes or spaces around", maxName))
		return ""
	}
	return *text
}

// read makes a profile of a document, with defaults for what it leaves out.
func read(doc document) (Profile, error) {
	var r reader
	p := Profile{
		Template:   r.name("template", doc.Template),
		Delivery:   Delivery(r.word("delivery", doc.Delivery, string(Stable), string(Stable), string(Versioned))),
		Queue:      r.name("queue", doc.Queue),
		Priority:   r.number("priority", doc.Priority, 0, minPriority, maxPriority, 1),
		Accelerate: r.word("acceleration", doc.Acceleration, "off", "off", "on") == "on",
	}
	audio := audioDocument{}
	if doc.Audio != nil {
		audio = *doc.Audio
	}
	r.choice(&p, audio)
	if p.Template != "" {
		r.replaced(p.Template, doc, audio)
		return p, r.err()
	}
	r.packages(&p, doc.Packages)
	r.renditions(&p, doc.Renditions)
	r.sound(&p, audio)
	r.cadence(&p, doc)
	p.SinglePass = r.word("single_pass", doc.SinglePass, "false", "false", "true") == "true"
	r.images(&p, doc.Thumbnails)
	return p, r.err()
}

// replaced refuses settings that a job template would silently win over.
func (r *reader) replaced(template string, doc document, audio audioDocument) {
	for _, s := range []struct {
		field string
		given bool
	}{
		{"packages", doc.Packages != nil},
		{"renditions", doc.Renditions != nil},
		{"audio.bitrate", audio.Bitrate != nil},
		{"audio.sample_rate", audio.SampleRate != nil},
		{"segment", doc.Segment != nil},
		{"fragment", doc.Fragment != nil},
		{"gop", doc.GOP != nil},
		{"single_pass", doc.SinglePass != nil},
		{"thumbnails", doc.Thumbnails != nil},
	} {
		if s.given {
			r.faults = append(r.faults, fmt.Sprintf("%s: the template %q decides this; leave out one of the two", s.field, template))
		}
	}
}

// packages reads which packages to make.
func (r *reader) packages(p *Profile, given *[]string) {
	if given == nil {
		p.Packages = []string{PackageCMAF}
		return
	}
	if len(*given) == 0 || len(*given) > len(packages) {
		r.fault("packages", strconv.Itoa(len(*given))+" of them", fmt.Sprintf("1 to %d", len(packages)))
		return
	}
	for _, name := range *given {
		switch {
		case !slices.Contains(packages, name):
			r.fault("packages", name, strings.Join(packages, ", "))
		case slices.Contains(p.Packages, name):
			r.fault("packages", name, "each package once")
		default:
			p.Packages = append(p.Packages, name)
		}
	}
	slices.SortFunc(p.Packages, func(a, b string) int { return slices.Index(packages, a) - slices.Index(packages, b) })
}
