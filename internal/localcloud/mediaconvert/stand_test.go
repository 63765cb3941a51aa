package mediaconvert

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/aws/smithy-go"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/folder"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// stand is a service with an unmodified client, without a network between.
type stand struct {
	*sdk.Client
	service *Service
	calls   *calls.Recorder
	objects folder.Store
	stop    func()
	run     *sync.WaitGroup
}

// direct is an HTTP client that calls a handler.
type direct struct{ h http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// start makes a stand whose jobs are simulated, unless changed.
func start(t testing.TB, dir string, change ...func(*Config)) *stand {
	t.Helper()
	clk := clock.New(1)
	rec, err := calls.New(dir, clk)
	if err != nil {
		t.Fatal(err)
	}
	store := folder.Store(filepath.Join(dir, "buckets"))
	for _, b := range []string{"vod-in", "vod-out"} {
		if err := os.MkdirAll(filepath.Join(string(store), b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, store, "clip.mp4", "\x00\x00\x00\x18ftypisom")
	cfg := Config{Dir: dir, Objects: store, Clock: clk, Calls: rec, Simulate: true}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	st := &stand{service: s, calls: rec, objects: store, run: new(sync.WaitGroup), Client: sdk.New(sdk.Options{
		Region: sigv4.Region, BaseEndpoint: aws.String("http://mediaconvert.test"), Retryer: aws.NopRetryer{}, HTTPClient: direct{s.Handler()},
		Credentials: credentials.NewStaticCredentialsProvider(sigv4.AccessKey, sigv4.SecretKey, ""),
	})}
	st.run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	st.stop = sync.OnceFunc(func() {
		cancel()
		st.run.Wait()
		for _, v := range rec.Violations() {
			if strings.HasPrefix(v.What, "answer: ") {
				t.Errorf("violation by an answer of %s: %s", v.Operation, v.What)
			}
		}
		rec.Close()
	})
	t.Cleanup(st.stop)
	return st
}

func put(t testing.TB, store folder.Store, key, content string) {
	t.Helper()
	if err := store.Put(t.Context(), "vod-in", key, "", strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

func newClient(o sdk.Options) *sdk.Client { return sdk.New(o) }

// wait looks at a job until it has ended.
func (s *stand) wait(t testing.TB, id string) *types.Job {
	t.Helper()
	for range 2000 {
		got, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		if st := got.Job.Status; st != types.JobStatusSubmitted && st != types.JobStatusProgressing {
			return got.Job
		}
		time.Sleep(600 * time.Millisecond) // below the quota
	}
	t.Fatalf("job %s does not end", id)
	return nil
}

func unlimited(c *Config) { c.Quotas.Rate = -1 }

// code returns the API's error code of err.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return "<nil>"
}

const role = "arn:aws:iam::111122223333:role/vod"

// jobInput is a job with CMAF and a poster.
func jobInput(key string) *sdk.CreateJobInput {
	h264 := &types.H264Settings{
		RateControlMode: types.H264RateControlModeQvbr, MaxBitrate: aws.Int32(1_000_000), QvbrSettings: &types.H264QvbrSettings{QvbrQualityLevel: aws.Int32(7)},
		GopSize: aws.Float64(2), GopSizeUnits: types.H264GopSizeUnitsSeconds, FramerateControl: types.H264FramerateControlInitializeFromSource,
	}
	return &sdk.CreateJobInput{
		Role: aws.String(role), UserMetadata: map[string]string{"asset": "a1"},
		Settings: &types.JobSettings{
			Inputs: []types.Input{{
				FileInput:      aws.String("s3://vod-in/" + key),
				AudioSelectors: map[string]types.AudioSelector{"Audio Selector 1": {DefaultSelection: types.AudioDefaultSelectionDefault}},
			}},
			OutputGroups: []types.OutputGroup{{
				OutputGroupSettings: &types.OutputGroupSettings{Type: types.OutputGroupTypeCmafGroupSettings, CmafGroupSettings: &types.CmafGroupSettings{
					Destination: aws.String("s3://vod-out/a1/1/cmaf/video"), SegmentLength: aws.Int32(6), FragmentLength: aws.Int32(2), SegmentControl: types.CmafSegmentControlSegmentedFiles,
				}},
				Outputs: []types.Output{{
					NameModifier: aws.String("_720p"), ContainerSettings: &types.ContainerSettings{Container: types.ContainerTypeCmfc},
					VideoDescription: &types.VideoDescription{Height: aws.Int32(720), CodecSettings: &types.VideoCodecSettings{Codec: types.VideoCodecH264, H264Settings: h264}},
				}, {
					NameModifier: aws.String("_audio"), ContainerSettings: &types.ContainerSettings{Container: types.ContainerTypeCmfc},
					AudioDescriptions: []types.AudioDescription{{CodecSettings: &types.AudioCodecSettings{Codec: types.AudioCodecAac, AacSettings: &types.AacSettings{
						Bitrate: aws.Int32(128000), CodingMode: types.AacCodingModeCodingMode20, SampleRate: aws.Int32(48000),
					}}}},
				}},
			}, {
				OutputGroupSettings: &types.OutputGroupSettings{Type: types.OutputGroupTypeFileGroupSettings, FileGroupSettings: &types.FileGroupSettings{Destination: aws.String("s3://vod-out/a1/1/thumbs/poster")}},
				Outputs: []types.Output{{
					ContainerSettings: &types.ContainerSettings{Container: types.ContainerTypeRaw},
					VideoDescription: &types.VideoDescription{CodecSettings: &types.VideoCodecSettings{Codec: types.VideoCodecFrameCapture, FrameCaptureSettings: &types.FrameCaptureSettings{
						FramerateNumerator: aws.Int32(1), FramerateDenominator: aws.Int32(3), MaxCaptures: aws.Int32(2), Quality: aws.Int32(80),
					}}},
				}},
			}},
		},
	}
}
