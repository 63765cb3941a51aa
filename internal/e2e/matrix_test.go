package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cf "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	mc "github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/e2e/players"
	"github.com/vodfleet/vodfleet/internal/e2e/show"
)

// matrixClip is what the matrix plays.
var matrixClip = clips.Spec{Name: "a b.mp4", Identity: 4711, Width: 320, Height: 180, Length: 5 * time.Second}

// behaviour is a way to serve Smooth Streaming.
type behaviour struct {
	other    bool   // another behaviour than the default one
	origin   string // "s3", "custom" or "iis"
	existing bool   // the distribution was there before, for something else
	flag     bool   // SmoothStreaming
	plays    bool
}

func (b behaviour) String() string {
	name := func(yes bool, is, isNot string) string {
		if yes {
			return is
		}
		return isNot
	}
	return strings.Join([]string{name(b.other, "other behaviour", "default behaviour"), b.origin,
		name(b.existing, "existing distribution", "new distribution"), name(b.flag, "flag on", "flag off")}, ", ")
}

// matrix is every way that the guide knows, and those that it warns of.
func matrix() (all []behaviour) {
	for _, other := range []bool{false, true} {
		for _, existing := range []bool{false, true} {
			all = append(all,
				behaviour{other, "s3", existing, true, true},
				behaviour{other, "custom", existing, true, true},
				behaviour{other, "iis", existing, false, true})
		}
	}
	return append(all,
		behaviour{true, "s3", false, false, false},
		behaviour{true, "custom", false, false, false},
		behaviour{true, "iis", false, true, false})
}

// Smooth Streaming plays through every behaviour that the CloudFront developer
// guide describes ("On-demand video with Microsoft Smooth Streaming"), and what
// else is under it arrives as the origin has it.
func TestMatrix(t *testing.T) {
	t.Parallel()
	p := lcproc.Start(t, "--api-rate=-1", "--deploy-time=100ms", "--mirror-port=0", "--iis-port=0")
	a := newAccount(t, p)
	const folder = "media/a1/1/"
	a.transcode(matrixClip, folder)
	files := a.files(folder)
	others := map[string][]byte{} // content that is not Smooth
	for name, body := range files {
		if ext := path.Ext(name); ext == ".jpg" || ext == ".m3u8" || ext == ".ts" {
			others[name] = body
		}
	}
	if len(others) < 4 {
		t.Fatalf("a picture and an HLS package are %d files among %d", len(others), len(files))
	}

	var mu sync.Mutex
	var all []players.Seen
	t.Cleanup(func() { show.Table(t, "smooth behind every origin", players.Table(all)) })
	for _, b := range matrix() {
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			edge := a.distribution(t, b)
			h, err := players.Open(t.Context(), edge, filepath.Join(lcproc.Root(), "enqueuer/web/vendor"))
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			smooth := players.Package{Name: b.String(), URL: "/" + folder + "smooth/video.ism/Manifest", Kind: players.Smooth}
			seen, err := h.Play(t.Context(), smooth, players.Options{Each: []players.Player{players.GStreamer}})
			mu.Lock()
			all = append(all, seen...)
			mu.Unlock()
			switch {
			case b.plays && err != nil:
				t.Errorf("play: %v", err)
			case b.plays && len(seen) != 1:
				t.Errorf("%d renditions, want 1", len(seen))
			case b.plays:
				checkSeen(t, seen, matrixClip)
			case err == nil && len(seen) == 1 && seen[0].Err == nil:
				t.Error("it plays, want a fault")
			}
			for name, want := range others {
				if got, err := download(t.Context(), edge, "/"+name); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v, want the origin's %d", name, len(got), err, len(want))
				}
			}
		})
	}
}

// account calls the local cloud by the AWS SDK.
type account struct {
	*lcproc.Process
	t          *testing.T
	cloudfront *cloudfront.Client
	transcoder *mediaconvert.Client
	store      *s3.Client
}

func newAccount(t *testing.T, p *lcproc.Process) account {
	values := map[string]string{}
	for _, v := range p.Env() {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	settings := aws.Config{
		Region: values["AWS_REGION"], HTTPClient: plainClient{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: values["AWS_ACCESS_KEY_ID"], SecretAccessKey: values["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	}
	return account{p, t,
		cloudfront.NewFromConfig(settings, func(o *cloudfront.Options) { o.BaseEndpoint = &p.CloudFront }),
		mediaconvert.NewFromConfig(settings, func(o *mediaconvert.Options) { o.BaseEndpoint = &p.MediaConvert }),
		s3.NewFromConfig(settings, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &p.S3, true }),
	}
}

// plainClient sends request bodies that can be read and closed only, which the
// SDK's on their own do not survive; see sender in package awscloud.
type plainClient struct{}

func (plainClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return http.DefaultClient.Do(r)
}

// transcode makes a Smooth package, an HLS package and a picture of a clip,
// below a folder of the origin's bucket.
func (a account) transcode(c clips.Spec, folder string) {
	a.t.Helper()
	ctx := a.t.Context()
	file, err := clips.Make(ctx, a.t.TempDir(), c)
	if err != nil {
		a.t.Fatal(err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	const library = "vodfleet-library"
	if _, err := a.store.PutObject(ctx, &s3.PutObjectInput{Bucket: new(library), Key: &c.Name, Body: bytes.NewReader(body)}); err != nil {
		a.t.Fatal(err)
	}
	to := func(name string) *string { return new("s3://" + a.OriginBucket + "/" + folder + name) }
	picture := &mc.VideoDescription{CodecSettings: &mc.VideoCodecSettings{Codec: mc.VideoCodecH264, H264Settings: &mc.H264Settings{
		RateControlMode: mc.H264RateControlModeQvbr, MaxBitrate: new(int32(700_000)), QvbrSettings: &mc.H264QvbrSettings{QvbrQualityLevel: new(int32(7))},
		GopSize: new(2.0), GopSizeUnits: mc.H264GopSizeUnitsSeconds, FramerateControl: mc.H264FramerateControlInitializeFromSource,
	}}}
	sound := []mc.AudioDescription{{AudioSourceName: new("Audio Selector 1"), CodecSettings: &mc.AudioCodecSettings{Codec: mc.AudioCodecAac, AacSettings: &mc.AacSettings{
		Bitrate: new(int32(96_000)), CodingMode: mc.AacCodingModeCodingMode20, SampleRate: new(int32(48_000)),
	}}}}
	in := func(c mc.ContainerType) *mc.ContainerSettings { return &mc.ContainerSettings{Container: c} }
	job, err := a.transcoder.CreateJob(ctx, &mediaconvert.CreateJobInput{Role: &a.Role, Settings: &mc.JobSettings{
		Inputs: []mc.Input{{
			FileInput: new("s3://" + library + "/" + c.Name), VideoSelector: &mc.VideoSelector{},
			AudioSelectors: map[string]mc.AudioSelector{"Audio Selector 1": {DefaultSelection: mc.AudioDefaultSelectionDefault}},
		}},
		OutputGroups: []mc.OutputGroup{
			{
				OutputGroupSettings: &mc.OutputGroupSettings{Type: mc.OutputGroupTypeMsSmoothGroupSettings, MsSmoothGroupSettings: &mc.MsSmoothGroupSettings{
					Destination: to("smooth/video"), FragmentLength: new(int32(2)), ManifestEncoding: mc.MsSmoothManifestEncodingUtf8,
				}},
				Outputs: []mc.Output{
					{NameModifier: new("_180p"), ContainerSettings: in(mc.ContainerTypeIsmv), VideoDescription: picture},
					{NameModifier: new("_audio"), ContainerSettings: in(mc.ContainerTypeIsmv), AudioDescriptions: sound},
				},
			},
			{
				OutputGroupSettings: &mc.OutputGroupSettings{Type: mc.OutputGroupTypeHlsGroupSettings, HlsGroupSettings: &mc.HlsGroupSettings{
					Destination: to("hls/video"), SegmentLength: new(int32(2)), MinSegmentLength: new(int32(0)),
				}},
				Outputs: []mc.Output{{NameModifier: new("_180p"), ContainerSettings: in(mc.ContainerTypeM3u8), VideoDescription: picture, AudioDescriptions: sound}},
			},
			{
				OutputGroupSettings: &mc.OutputGroupSettings{Type: mc.OutputGroupTypeFileGroupSettings, FileGroupSettings: &mc.FileGroupSettings{Destination: to("poster")}},
				Outputs: []mc.Output{{NameModifier: new("_p"), ContainerSettings: in(mc.ContainerTypeRaw), VideoDescription: &mc.VideoDescription{
					CodecSettings: &mc.VideoCodecSettings{Codec: mc.VideoCodecFrameCapture, FrameCaptureSettings: &mc.FrameCaptureSettings{
						FramerateNumerator: new(int32(1)), FramerateDenominator: new(int32(1)), MaxCaptures: new(int32(1)), Quality: new(int32(80)),
					}},
				}}},
			},
		},
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	for range 600 {
		now, err := a.transcoder.GetJob(ctx, &mediaconvert.GetJobInput{Id: job.Job.Id})
		switch {
		case err != nil:
			a.t.Fatal(err)
		case now.Job.Status == mc.JobStatusComplete:
			return
		case now.Job.Status == mc.JobStatusError:
			a.t.Fatalf("job failed: %s", aws.ToString(now.Job.ErrorMessage))
		}
		time.Sleep(200 * time.Millisecond)
	}
	a.t.Fatal("the job does not end")
}

// files reads what is below a folder of the origin's bucket.
func (a account) files(folder string) map[string][]byte {
	a.t.Helper()
	all := map[string][]byte{}
	list, err := a.store.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: &a.OriginBucket, Prefix: &folder})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, o := range list.Contents {
		got, err := a.store.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: &a.OriginBucket, Key: o.Key})
		if err != nil {
			a.t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err := errors.Join(err, got.Body.Close()); err != nil {
			a.t.Fatal(err)
		}
		all[*o.Key] = body
	}
	return all
}

// Policies that CloudFront has by itself.
const (
	cachingOptimized  = "658327ea-f89d-4fab-a63d-7e88639e58f6"
	corsWithPreflight = "5cc3b908-e619-4b99-88e5-2cf7f45965bd"
)

// distribution makes a distribution, or has one that is there for something
// else serve media/, too, and returns its address once it is deployed.
func (a account) distribution(t *testing.T, b behaviour) string {
	t.Helper()
	ctx := t.Context()
	config := &cf.DistributionConfig{
		CallerReference: new(b.String()), Comment: new(b.String()), Enabled: new(true),
		Origins: &cf.Origins{}, CacheBehaviors: &cf.CacheBehaviors{Quantity: new(int32(0))},
		DefaultCacheBehavior: &cf.DefaultCacheBehavior{
			TargetOriginId: new("elsewhere"), ViewerProtocolPolicy: cf.ViewerProtocolPolicyAllowAll, CachePolicyId: new(cachingOptimized),
		},
	}
	addOrigin := func(o cf.Origin) {
		o.OriginPath, o.CustomHeaders = new(""), &cf.CustomHeaders{Quantity: new(int32(0))} // an update needs them
		config.Origins.Items = append(config.Origins.Items, o)
		config.Origins.Quantity = new(int32(len(config.Origins.Items)))
	}
	addOrigin(cf.Origin{Id: new("elsewhere"), DomainName: new("vodfleet-library.s3.us-east-1.amazonaws.com"), S3OriginConfig: &cf.S3OriginConfig{OriginAccessIdentity: new("")}})
	serve := func() {
		addOrigin(a.origin(b.origin))
		if !b.other {
			d := config.DefaultCacheBehavior
			d.TargetOriginId, d.SmoothStreaming, d.ResponseHeadersPolicyId = new("media"), new(b.flag), new(corsWithPreflight)
			return
		}
		config.CacheBehaviors.Items = append([]cf.CacheBehavior{{
			PathPattern: new("media/*"), TargetOriginId: new("media"), SmoothStreaming: new(b.flag),
			ViewerProtocolPolicy: cf.ViewerProtocolPolicyAllowAll, CachePolicyId: new(cachingOptimized), ResponseHeadersPolicyId: new(corsWithPreflight),
			AllowedMethods: config.DefaultCacheBehavior.AllowedMethods, Compress: new(false), FieldLevelEncryptionId: new(""),
			LambdaFunctionAssociations: &cf.LambdaFunctionAssociations{Quantity: new(int32(0))},
		}}, config.CacheBehaviors.Items...)
		config.CacheBehaviors.Quantity = new(int32(len(config.CacheBehaviors.Items)))
	}
	if b.existing {
		config.CacheBehaviors.Items = []cf.CacheBehavior{{
			PathPattern: new("*.js"), TargetOriginId: new("elsewhere"), ViewerProtocolPolicy: cf.ViewerProtocolPolicyAllowAll, CachePolicyId: new(cachingOptimized),
		}}
		config.CacheBehaviors.Quantity = new(int32(1))
	} else {
		serve()
	}
	made, err := a.cloudfront.CreateDistribution(ctx, &cloudfront.CreateDistributionInput{DistributionConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	id := made.Distribution.Id
	if b.existing {
		a.deployed(t, id)
		config = made.Distribution.DistributionConfig
		serve()
		if _, err := a.cloudfront.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: id, IfMatch: made.ETag, DistributionConfig: config}); err != nil {
			t.Fatal(err)
		}
	}
	a.deployed(t, id)
	edge, err := url.Parse(a.Edge)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.ToLower(*id) + ".localhost:" + edge.Port()
}

// origin is the output bucket, or a web server that has its objects.
func (a account) origin(kind string) cf.Origin {
	if kind == "s3" {
		return cf.Origin{Id: new("media"), DomainName: new(a.OriginBucket + ".s3.us-east-1.amazonaws.com"), S3OriginConfig: &cf.S3OriginConfig{OriginAccessIdentity: new("")}}
	}
	server, err := url.Parse(map[string]string{"custom": a.Mirror, "iis": a.IIS}[kind])
	if err != nil {
		a.t.Fatal(err)
	}
	port, err := strconv.Atoi(server.Port())
	if err != nil {
		a.t.Fatal(err)
	}
	return cf.Origin{Id: new("media"), DomainName: new("localhost"), CustomOriginConfig: &cf.CustomOriginConfig{
		HTTPPort: new(int32(port)), HTTPSPort: new(int32(443)), OriginProtocolPolicy: cf.OriginProtocolPolicyHttpOnly,
		OriginSslProtocols: &cf.OriginSslProtocols{Quantity: new(int32(1)), Items: []cf.SslProtocol{cf.SslProtocolTLSv12}},
		OriginReadTimeout:  new(int32(30)), OriginKeepaliveTimeout: new(int32(5)),
	}}
}

func (a account) deployed(t *testing.T, id *string) {
	t.Helper()
	for range 100 {
		d, err := a.cloudfront.GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		if *d.Distribution.Status == "Deployed" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("distribution %s is not deployed", *id)
}

// download gets a path of an address below localhost.
func download(ctx context.Context, address, path string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", u.Port())+path, nil)
	if err != nil {
		return nil, err
	}
	req.Host = u.Host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
