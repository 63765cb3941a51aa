package awscloud

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const maxTracks = 1000 // of one source that are kept

// Probe implements [cloud.Transcoder]. MediaConvert refuses what it cannot
// read and what is not there alike; a look at the object tells them apart.
func (t *transcoder) Probe(ctx context.Context, source cloud.Location) (cloud.Media, error) {
	const op = "Probe"
	object := source.String()
	if err := source.Valid(); err != nil {
		return cloud.Media{}, invalid(op, object, err)
	}
	var turned rotations
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*mediaconvert.ProbeOutput, error) {
		return t.api.Probe(ctx, &mediaconvert.ProbeInput{InputFiles: []types.ProbeInputFile{{FileUrl: &object}}}, turned.read)
	})
	if errors.Is(err, cloud.ErrInvalid) {
		if _, look := t.objects.Head(ctx, source); errors.Is(look, cloud.ErrNotFound) {
			return cloud.Media{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound}
		}
	}
	if err != nil {
		return cloud.Media{}, err
	}
	if len(out.ProbeResults) == 0 || out.ProbeResults[0].Container == nil || len(out.ProbeResults[0].Container.Tracks) == 0 {
		return cloud.Media{}, invalid(op, object, errors.New("no tracks were found in it"))
	}
	return mediaOf(out.ProbeResults[0], turned), nil
}

func mediaOf(r types.ProbeResult, turned rotations) cloud.Media {
	m := cloud.Media{Container: string(r.Container.Format), Duration: seconds(r.Container.Duration)}
	if d := r.Metadata; d != nil {
		m.Size, m.ETag = aws.ToInt64(d.FileSize), unquote(d.ETag)
	}
	for _, t := range r.Container.Tracks[:min(len(r.Container.Tracks), maxTracks)] {
		track := trackOf(t)
		if track.Kind == cloud.TrackVideo {
			track.Rotation = turned[track.Index]
		}
		m.Tracks = append(m.Tracks, track)
	}
	return m
}

func trackOf(t types.Track) cloud.Track {
	track := cloud.Track{Kind: cloud.TrackData, Index: int(aws.ToInt32(t.Index)), Codec: string(t.Codec), Duration: seconds(t.Duration)}
	if t.Codec == types.CodecUnknown {
		track.Codec = ""
	}
	switch {
	case t.TrackType == types.TrackTypeVideo:
		track.Kind = cloud.TrackVideo
		if v := t.VideoProperties; v != nil {
			track.Width, track.Height = int(aws.ToInt32(v.Width)), int(aws.ToInt32(v.Height))
			track.FrameRate = rational(v.FrameRate)
		}
	case t.TrackType == types.TrackTypeAudio:
		track.Kind = cloud.TrackAudio
		if a := t.AudioProperties; a != nil {
			track.Channels, track.SampleRate = int(aws.ToInt32(a.Channels)), int(aws.ToInt32(a.SampleRate))
			track.Language = strings.ToLower(aws.ToString(a.LanguageCode))
		}
	case t.DataProperties != nil:
		track.Language = strings.ToLower(aws.ToString(t.DataProperties.LanguageCode))
	}
	return track
}

func rational(r *types.FrameRate) cloud.Rational {
	if r == nil || aws.ToInt32(r.Numerator) <= 0 || aws.ToInt32(r.Denominator) <= 0 {
		return cloud.Rational{}
	}
	return cloud.Rational{Num: int(*r.Numerator), Den: int(*r.Denominator)}
}

// seconds is a duration from a service, 0 where it makes no sense.
func seconds(s *float64) time.Duration {
	d := aws.ToFloat64(s) * float64(time.Second)
	if math.IsNaN(d) || d < 0 || d >= math.MaxInt64 {
		return 0
	}
	return time.Duration(math.Round(d))
}
