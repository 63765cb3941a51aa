package distribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Line is one difference of two configurations.
type Line struct {
	Path string // what differs, as "behaviour media/*: SmoothStreaming"
	Old  string // empty: it is new
	New  string // empty: it is no more
}

// String is the line with a sign of what happens.
func (l Line) String() string {
	switch {
	case l.Old == "":
		return "+ " + l.Path + ": " + l.New
	case l.New == "":
		return "- " + l.Path + ": " + l.Old
	}
	return "~ " + l.Path + ": " + l.Old + " -> " + l.New
}

// Diff tells what makes one configuration another, in the order of what they
// hold; nothing if they say the same.
func Diff(have, want cloud.DistributionConfig) []Line {
	old, next := fields(have), fields(want)
	was := map[string]string{}
	for _, f := range old {
		was[f.Path] = f.New
	}
	var lines []Line
	is := map[string]bool{}
	for _, f := range next {
		is[f.Path] = true
		if o := was[f.Path]; o != f.New {
			lines = append(lines, Line{f.Path, o, f.New})
		}
	}
	for _, f := range old {
		if !is[f.Path] {
			lines = append(lines, Line{Path: f.Path, Old: f.New})
		}
	}
	return lines
}

// fields lists all that a configuration says and does not leave empty.
func fields(c cloud.DistributionConfig) []Line {
	var all []Line
	add := func(path string, v any) {
		if text := show(v); text != "" {
			all = append(all, Line{Path: path, New: text})
		}
	}
	if len(c.Behaviors) > 0 {
		add("enabled", c.Enabled)
	}
	add("comment", c.Comment)
	add("aliases", c.Aliases)
	if c.MultiTenant {
		add("connection mode", "tenant-only")
	}
	for _, o := range c.Origins {
		at := "origin " + o.ID + ": "
		add(at+"domain", cmp.Or(o.Domain, bucketOf(o)))
		add(at+"path", o.Path)
		add(at+"access control", o.Access)
		add(at+"access identity", o.Legacy)
		if o.Custom != nil {
			add(at+"server", fmt.Sprintf("%s, ports %d and %d", o.Custom.Protocol, o.Custom.HTTPPort, o.Custom.HTTPSPort))
		}
	}
	var order []string
	for i := range c.Behaviors {
		b := &c.Behaviors[i]
		at := name(b) + ": "
		order = append(order, cmp.Or(b.Pattern, "default"))
		add(at+"origin", b.Origin)
		add(at+"SmoothStreaming", b.Smooth)
		add(at+"functions", b.Functions)
		add(at+"key groups", b.KeyGroups)
		add(at+"signers", b.Signers)
		add(at+"viewer protocol", b.ViewerProtocol)
		add(at+"methods", b.Methods)
		add(at+"compress", b.Compress)
		add(at+"cache policy", cacheText(b.Cache))
		add(at+"origin request policy", cmp.Or(b.Request.Name, b.Request.ID))
		add(at+"response headers policy", headersText(b.Headers))
	}
	add("order of behaviours", order)
	for _, e := range c.Errors {
		text := "remembered for " + e.CacheFor.String()
		if e.Page != "" || e.Answer != "" {
			text += fmt.Sprintf(", answered as %s with %s", e.Answer, e.Page)
		}
		add(fmt.Sprintf("error response %d", e.Status), text)
	}
	return all
}

func bucketOf(o cloud.Origin) string {
	if o.Bucket == "" {
		return ""
	}
	return "s3://" + o.Bucket
}

func show(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "on"
		}
		return "off"
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

func cacheText(p cloud.CachePolicy) string {
	who := cmp.Or(p.Name, p.ID, "its own")
	if !lookedUp(p) {
		return who
	}
	said := []string{fmt.Sprintf("TTL %s, %s, %s", ttl(p.Min), ttl(p.Default), ttl(p.Max))}
	for _, k := range []struct {
		name string
		s    cloud.Selection
	}{{"query", p.Query}, {"headers", p.Headers}, {"cookies", p.Cookies}} {
		if k.s.Mode != "none" && k.s.Mode != "" {
			said = append(said, k.name+" "+strings.TrimSpace(k.s.Mode+" "+strings.Join(k.s.Names, " ")))
		}
	}
	return fmt.Sprintf("%s (%s)", who, strings.Join(said, ", "))
}

// ttl is a time in its greatest whole unit.
func ttl(d time.Duration) string {
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

func headersText(p cloud.HeadersPolicy) string {
	who := cmp.Or(p.Name, p.ID)
	var parts []string
	if c := p.CORS; c != nil {
		parts = append(parts, "CORS "+strings.Join(c.Origins, " ")+" "+strings.Join(slices.Sorted(slices.Values(c.Methods)), " "))
	}
	for _, h := range p.Set {
		parts = append(parts, h.Name+": "+h.Value)
	}
	if len(parts) == 0 {
		return who
	}
	return who + " (" + strings.Join(parts, "; ") + ")"
}
