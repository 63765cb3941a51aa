package main

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
)

// cause is what assets failed of: failures of one class, code and stage whose
// messages differ in names and numbers alone.
type cause struct {
	Class  ledger.Class `json:"class"`
	Code   int          `json:"code,omitempty"` // the transcoder's
	Stage  string       `json:"stage,omitempty"`
	Cause  string       `json:"cause"` // the message without names and numbers
	Assets int          `json:"assets"`
	First  time.Time    `json:"first"`
	Last   time.Time    `json:"last"`

	// One of the assets, its source, and its message as it is.
	Asset   string `json:"asset"`
	Sample  string `json:"sample"`
	Message string `json:"message"`
}

// causes group failures.
type causes struct {
	byKey map[causeKey]*cause
}

type causeKey struct {
	class ledger.Class
	code  int
	stage string
	text  string
}

// maxCauses bounds the groups; what is beyond is in one for each class.
const maxCauses = 500

// add counts the failure f of a record's asset.
func (c *causes) add(rec *ledger.Record, f *ledger.Failure) {
	if c.byKey == nil {
		c.byKey = make(map[causeKey]*cause)
	}
	key := causeKey{f.Class, f.Code, f.Stage, pattern(rec, f.Message)}
	if c.byKey[key] == nil && len(c.byKey) >= maxCauses {
		key = causeKey{class: f.Class, text: "other causes"}
	}
	g := c.byKey[key]
	if g == nil {
		g = &cause{Class: f.Class, Code: key.code, Stage: key.stage, Cause: key.text, First: f.At}
		c.byKey[key] = g
	}
	g.Assets++
	if f.At.Before(g.First) {
		g.First = f.At
	}
	if f.At.After(g.Last) {
		g.Last = f.At
	}
	if g.Asset == "" || rec.Asset < g.Asset { // whatever the order of reading, the same
		g.Asset, g.Sample, g.Message = rec.Asset, rec.Location.String(), f.Message
	}
}

// list returns the groups, the largest first.
func (c *causes) list() []*cause {
	all := []*cause{} // never null as JSON
	for _, g := range c.byKey {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *cause) int {
		return cmp.Or(b.Assets-a.Assets, cmp.Compare(a.Class, b.Class), a.Code-b.Code, cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Cause, b.Cause))
	})
	return all
}

// names are what a message may hold that differs from asset to asset, in the
// order in which they are taken out.
var names = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`s3://[^\s"',;]*[^\s"',;:.)]`), "URI"},
	{regexp.MustCompile(`https?://[^\s"',;]*[^\s"',;:.)]`), "URI"},
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), `"…"`},
	{regexp.MustCompile(`\b\d{13}-[0-9a-z]{6}\b`), "JOB"},
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`), "ID"},
	{regexp.MustCompile(`\b[A-Z2-7]{26}\b`), "ASSET"},
	{regexp.MustCompile(`\b(?:[A-Z]+\d|\d+[A-Z])[0-9A-Z]{6,}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{12,}\b`), "ID"},
	{regexp.MustCompile(`[^\s"',;:()]+\.(?i:mp4|mov|mkv|mxf|m4v|avi|ts|webm|m3u8|mpd|ism|ismv|jpg|vtt|json|txt)\b`), "FILE"},
	{regexp.MustCompile(`\d+(?:\.\d+)*`), "N"},
}

// maxPattern bounds a cause's text, in bytes.
const maxPattern = 300

// pattern is a message without what tells one asset from another: the record's
// own names first, which may hold anything, then whatever looks like a name.
func pattern(rec *ledger.Record, message string) string {
	source := rec.Location
	own := []struct{ name, with string }{{source.String(), "URI"}, {source.Key, "KEY"}, {path.Base(source.Key), "FILE"}, {rec.Asset, "ASSET"}}
	for _, o := range own {
		for _, name := range []string{o.name, strings.Trim(strconv.Quote(o.name), `"`)} {
			if len(name) >= 3 { // a shorter one may be part of a word
				message = strings.ReplaceAll(message, name, o.with)
			}
		}
	}
	for _, n := range names {
		message = n.what.ReplaceAllLiteralString(message, n.with)
	}
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxPattern {
		message = strings.ToValidUTF8(message[:maxPattern], "") + "…"
	}
	return message
}
