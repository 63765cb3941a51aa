// Package rules holds what MediaConvert demands of job settings beyond its
// published model: which settings need, exclude or bound each other. The
// sources are the service's API reference and user guide. What is legal by
// them and yet beyond the local cloud is told apart: see [Unsupported].
package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// Problem is one breach, with the JSON pointer of its place in the settings.
type Problem struct {
	Path, Message string
}

// String is the problem as the service words it.
func (p Problem) String() string { return p.Path + ": " + p.Message }

// checker gathers problems.
type checker struct {
	found []Problem
}

func (c *checker) add(path, format string, args ...any) {
	c.found = append(c.found, Problem{path, fmt.Sprintf(format, args...)})
}

func (c *checker) require(is bool, path, member string) bool {
	if !is {
		c.add(path, "%s is a required property", member)
	}
	return is
}

// Check judges a whole job's settings, a template's already merged in.
func Check(job *settings.Job) []Problem {
	c := new(checker)
	if len(job.Inputs) == 0 {
		c.add("/inputs", "Should have at least 1 items")
	}
	for i, in := range job.Inputs {
		c.input(in, fmt.Sprintf("/inputs/%d", i))
	}
	c.groups(job)
	return c.found
}

// CheckTemplate judges a template's settings: inputs and destinations may be
// left to the job.
func CheckTemplate(job *settings.Job) []Problem {
	c := new(checker)
	c.groups(job)
	kept := c.found[:0]
	for _, p := range c.found {
		if !strings.HasPrefix(p.Message, "destination is a required") && !strings.Contains(p.Message, "audio selector") {
			kept = append(kept, p)
		}
	}
	return kept
}

func (c *checker) input(in settings.Input, path string) {
	if !c.require(in.FileInput != "", path, "fileInput") {
		return
	}
	if bucket, key, ok := SplitS3(in.FileInput); strings.HasPrefix(in.FileInput, "s3://") && (!ok || key == "" || strings.HasSuffix(key, "/")) {
		c.add(path+"/fileInput", "names no object: bucket %q, key %q", bucket, key)
	}
	for name, s := range in.AudioSelectors {
		at := path + "/audioSelectors/" + name
		switch s.SelectorType {
		case "LANGUAGE_CODE":
			if s.LanguageCode == "" && s.CustomLanguageCode == "" {
				c.add(at, "languageCode is required when selectorType is LANGUAGE_CODE")
			}
		case "PID":
			if len(s.Pids) == 0 {
				c.add(at, "pids is required when selectorType is PID")
			}
		case "TRACK", "":
			if len(s.Pids) > 0 {
				c.add(at, "pids requires selectorType PID")
			}
		}
	}
	for name, g := range in.AudioSelectorGroups {
		for _, member := range g.AudioSelectorNames {
			if _, ok := in.AudioSelectors[member]; !ok {
				c.add(path+"/audioSelectorGroups/"+name, "audio selector %q does not exist in the input", member)
			}
		}
	}
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// SplitS3 splits an s3:// URI into bucket and key. The key may be empty; it is
// raw, not URL-encoded.
func SplitS3(uri string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	if !ok {
		return "", "", false
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, bucketName.MatchString(bucket)
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}$`)

// Role judges the form of a job's role.
func Role(role string) []Problem {
	if !roleARN.MatchString(role) {
		return []Problem{{"/role", fmt.Sprintf("%q is not the ARN of an IAM role", role)}}
	}
	return nil
}

var metadataText = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+\-@]*$`)

// UserMetadata judges a job's user metadata: at most 10 pairs of at most
// 128 and 256 characters out of letters, digits, space and _ . : / = + - @.
func UserMetadata(pairs map[string]string) []Problem {
	c := new(checker)
	if len(pairs) > 10 {
		c.add("/userMetadata", "Should have at most 10 items")
	}
	for k, v := range pairs {
		switch {
		case k == "" || len(k) > 128 || !metadataText.MatchString(k):
			c.add("/userMetadata", "key %q is not 1 to 128 of the allowed characters", k)
		case len(v) > 256 || !metadataText.MatchString(v):
			c.add("/userMetadata", "value of %q is not up to 256 of the allowed characters", k)
		}
	}
	return c.found
}
