package main

import (
	"context"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// shelf holds profiles by digest and counts how often it is asked.
type shelf struct {
	texts map[string]string
	asked int
}

func (s *shelf) Profile(_ context.Context, digest string) ([]byte, error) {
	s.asked++
	if text, ok := s.texts[digest]; ok {
		return []byte(text), nil
	}
	return nil, cloud.ErrNotFound
}

func TestLinks(t *testing.T) {
	const (
		asset  = "ABCDEFGHIJKLMNOPQRSTUVWXYA"
		viewer = "https://viewers.example"
		entry  = viewer + "/watch/" + asset + "/master.m3u8"
		build  = viewer + "/media/" + asset + "/1/cmaf/video.m3u8"
	)
	s := &shelf{texts: map[string]string{"stable": "{}", "versioned": "delivery: versioned", "broken": "delivery: ["}}
	l := newLinks(s, viewer)
	for _, tt := range []struct {
		profile, want string
		asked         int // in all
	}{
		{"stable", entry, 1},
		{"versioned", build, 2},
		{"versioned", build, 2}, // remembered
		{"broken", entry, 3},
		{"lost", entry, 4},
		{"lost", entry, 5}, // it may come back
	} {
		rec := &ledger.Record{Asset: asset, Current: 1, Builds: []ledger.Build{{
			Number: 1, State: ledger.Published, Revision: ledger.Revision{Profile: tt.profile},
			Outputs: &ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8"}}},
		}}}
		got := l.of(t.Context(), rec)
		if got == nil || got.HLS != tt.want || s.asked != tt.asked {
			t.Errorf("%s: links %+v after %d questions, want HLS %s after %d", tt.profile, got, s.asked, tt.want, tt.asked)
		}
	}
	if got := l.of(t.Context(), &ledger.Record{Asset: asset}); got != nil {
		t.Errorf("links without a build: %+v, want none", got)
	}
}
