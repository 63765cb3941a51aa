package transcode

import (
	"math"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
)

// complete fails if a track came to its end long before its header says: the
// file was cut short. ffmpeg makes do with what is there. Only MP4 and
// QuickTime headers tell a track's length for sure.
func (p *plan) complete(s *studio, uri string) error {
	if !strings.HasPrefix(p.media.Format, "mov,") {
		return nil
	}
	check := func(file string, told float64) error {
		t, err := s.track(file)
		if err != nil {
			return fail(1030, "Unable to decode input file [%s]: [%v]", uri, err)
		}
		if got := t.Duration(); told-got > math.Max(2, told/10) {
			return fail(1030, "Unable to decode input file [%s]: [The file is truncated: %.1f of %.1f seconds are there]", uri, got, told)
		}
		return nil
	}
	for _, v := range p.work.Videos {
		if err := check(v.Path, p.media.Video().Duration); err != nil {
			return err
		}
	}
	for _, a := range p.work.Audios {
		if err := check(a.Path, p.stream(a.Stream).Duration); err != nil {
			return err
		}
	}
	return nil
}

// stream finds the input's track of an index.
func (p *plan) stream(index int) ffmpeg.Stream {
	for _, s := range p.media.Streams {
		if s.Index == index {
			return s
		}
	}
	return ffmpeg.Stream{}
}
