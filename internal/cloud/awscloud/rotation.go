package awscloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const maxProbe = 8 << 20 // bytes of the answer to a probe

// rotations are the turns of video tracks, in degrees clockwise by the track's
// index. MediaConvert tells them; the SDK's version that we use has no field
// for them, so they are read from the answer's own JSON.
type rotations map[int]int

// read makes an operation's answer be read into r before the SDK reads it.
func (r *rotations) read(o *mediaconvert.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("vodfleet:Rotations", func(
			ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
		) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if err != nil || !ok || resp.StatusCode != 200 {
				return out, metadata, err
			}
			body, err := io.ReadAll(io.LimitReader(resp.Body, maxProbe+1))
			if err == nil && len(body) > maxProbe {
				err = errors.New("the answer is too long")
			}
			_ = resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
			*r = rotationsIn(body)
			return out, metadata, err
		}), middleware.After)
	})
}

// rotationsIn reads the first result's; JSON that it cannot read has none, and
// is for the SDK to complain of.
func rotationsIn(body []byte) rotations {
	var answer struct {
		Results []struct {
			Container struct {
				Tracks []struct {
					Index int
					Video struct{ Rotation float64 } `json:"videoProperties"`
				}
			}
		} `json:"probeResults"`
	}
	found := rotations{}
	if json.Unmarshal(body, &answer) != nil || len(answer.Results) == 0 {
		return found
	}
	for _, t := range answer.Results[0].Container.Tracks {
		if turn := quarter(t.Video.Rotation); turn != 0 {
			found[t.Index] = turn
		}
	}
	return found
}

// quarter is a rotation as MediaConvert follows it: one that is within a
// degree of a quarter turn, else none ("Rotate" in its API reference).
func quarter(degrees float64) int {
	for _, turn := range []int{90, 180, 270} {
		for _, around := range []float64{-360, 0, 360} {
			if d := degrees + around - float64(turn); d >= -1 && d <= 1 {
				return turn
			}
		}
	}
	return 0
}
