package model

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxViolations bounds what one document can be told.
const maxViolations = 50

// Violation is one breach of the model.
type Violation struct {
	Path    string // JSON pointer of the value's place, "" for the document
	Message string
}

// String is the violation as MediaConvert words it: "/path: message".
func (v Violation) String() string {
	if v.Path == "" {
		return "/: " + v.Message
	}
	return v.Path + ": " + v.Message
}

// Join words several violations in one line.
func Join(vs []Violation) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = v.String()
	}
	return strings.Join(words, " | ")
}

// checker gathers the violations of one document.
type checker struct {
	model *Model
	found []Violation
}

func (c *checker) add(path, format string, args ...any) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, Violation{path, fmt.Sprintf(format, args...)})
	}
}

// text checks a string's enumeration, length and pattern.
func (c *checker) text(s *Shape, v, path string) {
	if len(s.Enum) > 0 {
		if slices.Contains(s.Enum, v) {
			return
		}
		c.add(path, "Should match one of %s", brief(s.Enum))
		return
	}
	n := float64(utf8.RuneCountInString(v))
	if s.Min != nil && n < *s.Min {
		c.add(path, "Should have at least %g characters", *s.Min)
	}
	if s.Max != nil && n > *s.Max {
		c.add(path, "Should have at most %g characters", *s.Max)
	}
	if s.pattern != nil && !s.pattern.MatchString(v) {
		c.add(path, "Should match pattern %s", s.Pattern)
	}
}

// number checks a number's range.
func (c *checker) number(s *Shape, v float64, path string) {
	if s.Min != nil && v < *s.Min {
		c.add(path, "Should be greater than or equal to %.10g", *s.Min)
	}
	if s.Max != nil && v > *s.Max {
		c.add(path, "Should be less than or equal to %.10g", *s.Max)
	}
}

// count checks a list's or a map's size.
func (c *checker) count(s *Shape, n int, path string) {
	if s.Min != nil && float64(n) < *s.Min {
		c.add(path, "Should have at least %g items", *s.Min)
	}
	if s.Max != nil && float64(n) > *s.Max {
		c.add(path, "Should have at most %g items", *s.Max)
	}
}

// brief words an enumeration; the long ones (languages) are cut.
func brief(enum []string) string {
	const most = 24
	if len(enum) > most {
		return fmt.Sprintf("[%s, … (%d values)]", strings.Join(enum[:most], ", "), len(enum))
	}
	return "[" + strings.Join(enum, ", ") + "]"
}
