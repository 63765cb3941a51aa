package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
)

// TestSmooth has a package in the real bucket, and distributions of all origins
// over it.
func TestSmooth(t *testing.T) {
	c := serve(t, t.TempDir(), "--smooth", "--simulate", "--deploy-time=1ns", "--invalidate-time=1ns", "--mirror-port=0", "--iis-port=0")
	keys := credentials.NewStaticCredentialsProvider(account.AccessKey, account.SecretKey, "")
	objects := s3.New(s3.Options{Region: account.Region, BaseEndpoint: &c.S3, UsePathStyle: true, Credentials: keys})
	cdn := cloudfront.New(cloudfront.Options{Region: account.Region, BaseEndpoint: &c.CloudFront, Credentials: keys})
	media, err := pack.SampleFile([]pack.Sample{{Video: true, Width: 320, Height: 180, Seconds: 4, Every: 2}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"video.ism":    `<smil><head><meta name="clientManifestRelativePath" content="video.ismc"/></head><body><video src="video_1.ismv" systemBitrate="9"/></body></smil>`,
		"video.ismc":   "<client/>",
		"video_1.ismv": string(media),
	} {
		if _, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.OriginBucket, Key: aws.String("media/a/1/smooth/" + name), Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	hosts := map[string]string{"s3": c.Distribution + ".localhost"}
	for name, at := range map[string]string{"mirror": c.Mirror, "iis": c.IIS, "iis with the flag": c.IIS} {
		hosts[name] = distribution(t, cdn, name, at, name != "iis") + ".localhost"
	}
	const fragment = "/media/a/1/smooth/video.ism/QualityLevels(9)/Fragments(video=20000000)"
	for name, host := range hosts {
		for path, want := range map[string]string{"/media/a/1/smooth/video.ism/Manifest": "<client/>", fragment: "moof"} {
			status, body := visit(t, c.Edge+path, host)
			if plays := status == 200 && strings.Contains(body, want); plays != (name != "iis with the flag") {
				t.Errorf("%s: %s: %d %.100q", name, path, status, body)
			}
		}
	}
	if _, err := objects.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &c.OriginBucket, Key: aws.String("media/a/1/smooth/video_1.ismv")}); err != nil {
		t.Fatal(err)
	}
	if _, err := cdn.CreateInvalidation(t.Context(), &cloudfront.CreateInvalidationInput{DistributionId: &c.Distribution, InvalidationBatch: &types.InvalidationBatch{
		CallerReference: aws.String("r"), Paths: &types.Paths{Quantity: aws.Int32(2), Items: []string{"/*", "/media/a/1/smooth/video.ism/Manifest"}},
	}}); err != nil {
		t.Fatal(err)
	}
	if status, _ := visit(t, c.Edge+fragment, hosts["s3"]); status != 200 {
		t.Errorf("after its file's end and an invalidation of everything the fragment is %d", status)
	}
	if status, body := get(t, c.Admin+"/invalidations"); status != 200 || !strings.Contains(body, `"wildcards": 1`) {
		t.Errorf("invalidations: %d %s", status, body)
	}
}

// visit asks the edge for what a host has.
func visit(t *testing.T, address, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.String()
}

// distribution makes one over a custom origin and returns its ID.
func distribution(t *testing.T, cdn *cloudfront.Client, ref, origin string, smooth bool) string {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	out, err := cdn.CreateDistribution(t.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: &types.DistributionConfig{
		CallerReference: &ref, Comment: aws.String(fmt.Sprint("over ", origin)), Enabled: aws.Bool(true),
		Origins: &types.Origins{Quantity: aws.Int32(1), Items: []types.Origin{{
			Id: aws.String("web"), DomainName: aws.String(u.Hostname()),
			CustomOriginConfig: &types.CustomOriginConfig{HTTPPort: aws.Int32(int32(port)), HTTPSPort: aws.Int32(443), OriginProtocolPolicy: types.OriginProtocolPolicyHttpOnly},
		}}},
		DefaultCacheBehavior: &types.DefaultCacheBehavior{
			TargetOriginId: aws.String("web"), ViewerProtocolPolicy: types.ViewerProtocolPolicyAllowAll, SmoothStreaming: &smooth,
			CachePolicyId: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"), // CachingOptimized
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Distribution.Id
}
