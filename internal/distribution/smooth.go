package distribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Refusal says why a Smooth package must not be published: its links would
// lead to what cannot play.
type Refusal struct {
	Distribution string // ID
	Findings     []Finding
}

// Error has the words that a doctor has.
func (r *Refusal) Error() string {
	words := make([]string, len(r.Findings))
	for i, f := range r.Findings {
		words[i] = f.String()
	}
	return fmt.Sprintf("distribution %s cannot play Smooth Streaming: %s", r.Distribution, strings.Join(words, "; "))
}

// MayPublishSmooth reports, as a [*Refusal], what keeps the Smooth package at
// path, that of its server manifest below the output, from being played through
// a distribution, by the rules that its requests have to do with. It needs no
// policies' texts.
func MayPublishSmooth(c cloud.DistributionConfig, d Delivery, path string) error {
	d.Smooth = true
	j := newJudge(c, d)
	j.only = requests(path)
	for _, rule := range []func(*judge){
		enabled, origins, originPath, access, multiTenant, edgeFunctions, func(j *judge) { smoothFlagOf(j, path) },
	} {
		rule(j)
	}
	bad := slices.DeleteFunc(j.found, func(f Finding) bool { return f.Severity != Broken })
	if len(bad) == 0 {
		return nil
	}
	return &Refusal{c.ID, bad}
}

// smoothByEdge reports whether the distribution itself has to serve Smooth,
// for one behaviour at the least.
func (j *judge) smoothByEdge() bool {
	return j.d.Smooth && slices.ContainsFunc(j.chosen(requests(smoothPath)...), func(b *cloud.Behavior) bool { return j.kind(b) != IIS })
}

func multiTenant(j *judge) {
	j.check = "multi-tenant"
	if j.d.Smooth && j.c.MultiTenant {
		j.add(Broken, "", "it is a multi-tenant distribution, which cannot serve Smooth Streaming",
			"deliver through a standard distribution: `enqueuer distribution plan --new`", nil)
	}
}

func edgeFunctions(j *judge) {
	j.check = "edge-functions"
	if !j.smoothByEdge() {
		return
	}
	for i := range j.c.Behaviors {
		if b := &j.c.Behaviors[i]; len(b.Functions) > 0 {
			j.add(Broken, name(b), "it has edge functions ("+strings.Join(b.Functions, ", ")+"), and a distribution that serves Smooth Streaming must have none",
				"take them away from this behaviour, or deliver Smooth through another distribution", nil)
		}
	}
}

func smoothFlag(j *judge) {
	j.check = "smooth-flag"
	if j.d.Smooth {
		smoothFlagOf(j, smoothPath)
	}
}

// smoothFlagOf judges the behaviours that one package's requests get.
func smoothFlagOf(j *judge, path string) {
	j.check = "smooth-flag"
	for _, b := range j.chosen(requests(path)...) {
		turn := func(on bool) func(*cloud.DistributionConfig) {
			if j.c.MultiTenant || j.unsaid(b) && !j.ours(b) {
				return nil // the service refuses the flag, or it is somebody else's server
			}
			return of(b.Pattern, func(b *cloud.Behavior) { b.Smooth = on })
		}
		switch iis := j.kind(b) == IIS; {
		case iis && b.Smooth:
			j.add(Broken, name(b), "SmoothStreaming is on, and its origin is Microsoft IIS, which streams Smooth by itself",
				"turn SmoothStreaming off in this behaviour", turn(false))
		case !iis && !b.Smooth:
			if later := j.shadowed(b, path); later != nil {
				j.add(Broken, name(b), fmt.Sprintf("it comes before %s and takes its Smooth paths, as /%s/Manifest, with SmoothStreaming off", name(later), path),
					fmt.Sprintf("put %s before it", name(later)), moveBefore(later.Pattern, b.Pattern))
				continue
			}
			j.add(Broken, name(b), fmt.Sprintf("SmoothStreaming is off, and it gets Smooth paths, as /%s/Manifest", path),
				"turn SmoothStreaming on in this behaviour; its other files are served as before", turn(true))
		}
	}
}

// shadowed is a behaviour after b that was meant for a package's requests.
func (j *judge) shadowed(b *cloud.Behavior, path string) *cloud.Behavior {
	after := false
	for i := range j.c.Behaviors {
		switch l := &j.c.Behaviors[i]; {
		case l == b:
			after = true
		case after && l.Smooth && j.ours(l) && Match(l.Pattern, j.root+"/"+requests(path)[0]):
			return l
		}
	}
	return nil
}

// moveBefore puts one behaviour in front of another.
func moveBefore(pattern, other string) func(*cloud.DistributionConfig) {
	return func(c *cloud.DistributionConfig) {
		at := func(p string) int {
			return slices.IndexFunc(c.Behaviors, func(b cloud.Behavior) bool { return b.Pattern == p })
		}
		from, to := at(pattern), at(other)
		if from < 0 || to < 0 || from < to {
			return
		}
		b := c.Behaviors[from]
		c.Behaviors = slices.Insert(slices.Delete(c.Behaviors, from, from+1), to, b)
	}
}

// order finds behaviours that are never chosen for what they are meant for.
func order(j *judge) {
	j.check = "behaviour-order"
	paths := append(mediaPaths[:len(mediaPaths):len(mediaPaths)], entryPaths...)
	if j.d.Smooth {
		paths = append(paths, requests(smoothPath)...)
	}
	for i := range j.c.Behaviors {
		b := &j.c.Behaviors[i]
		taken := slices.ContainsFunc(paths, func(p string) bool { return Match(b.Pattern, j.root+"/"+p) })
		if b.Pattern == "" || !taken {
			continue
		}
		for k := range i {
			if q := &j.c.Behaviors[k]; covers(q.Pattern, b.Pattern) {
				change := moveBefore(b.Pattern, q.Pattern)
				if !j.ours(b) {
					change = nil
				}
				j.add(Warning, name(b), fmt.Sprintf("it is never chosen: %s comes before it and matches all of its paths", name(q)),
					fmt.Sprintf("put it before %s, or delete it", name(q)), change)
				break
			}
		}
	}
}
