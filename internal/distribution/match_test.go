package distribution_test

import (
	"path"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/distribution"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/anything", true},
		{"*", "/", true},
		{"*.ism/*", "/media/a/1/smooth/video.ism/Manifest", true},
		{"*.ism/*", "/media/a/1/smooth/video.ism/QualityLevels(1)/Fragments(video=0)", true},
		{"*.ism/*", "/media/a/1/smooth/video.ISM/Manifest", false},
		{"*.ism/*", "/media/a/1/smooth/video.ism", false},
		{"*.ism", "/media/a/1/smooth/video.ism", true},
		{"media/*", "/media/a", true},
		{"/media/*", "/media/a", true},
		{"media/*", "/Media/a", false},
		{"media/*", "/x/media/a", false},
		{"media", "/media/", false},
		{"a?c", "/abc", true},
		{"a?c", "/ac", false},
		{"a?c", "/a/c", true},
		{"a*b*c", "/aXbYbZc", true},
		{"a*b*c", "/aXbYbZ", false},
		{"*" + strings.Repeat("a*", 120) + "b", "/" + strings.Repeat("a", 4000), false}, // in no time
	} {
		if got := distribution.Match(tt.pattern, tt.path); got != tt.want {
			t.Errorf("Match(%.20q, %.60q) = %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
}

// FuzzMatch holds patterns to the standard library's, which know no slashes.
func FuzzMatch(f *testing.F) {
	f.Add("*.ism/*", "media/video.ism/Manifest")
	f.Add("a?c*", "abcd")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		got := distribution.Match(pattern, text)
		if pattern == "" || len(pattern) > 100 || len(text) > 100 || strings.ContainsAny(pattern+text, `[]\/`) || strings.ContainsFunc(pattern+text, func(r rune) bool { return r > '~' }) {
			return
		}
		if want, err := path.Match(pattern, text); err == nil && got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

// FuzzBucketPolicy judges policies of anybody's writing.
func FuzzBucketPolicy(f *testing.F) {
	f.Add(*delivery().BucketPolicy)
	f.Add(`{"Statement":{"Effect":"Deny","Principal":"*","Action":["s3:*"],"Resource":"arn:aws:s3:::out/*.ism"}}`)
	f.Add(`{"Statement":[null,{"Principal":{"AWS":["*",1]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		d := delivery()
		d.BucketPolicy = &text
		distribution.Check(good(), d)
	})
}
