// Package awscloud keeps the ports of package cloud over AWS: S3, AWS
// Elemental MediaConvert, CloudFront and SQS, through the AWS SDK, or over
// whatever speaks their protocols. It is the only package that knows the SDK.
//
// Endpoints, credentials, region, retries and CA bundle are the SDK's own
// settings (AWS_REGION, AWS_PROFILE, AWS_MAX_ATTEMPTS, AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL_MEDIACONVERT, AWS_ENDPOINT_URL_CLOUDFRONT,
// AWS_ENDPOINT_URL_SQS and the rest of
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html);
// there are no others.
package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// Times that one call may take, with all its retries.
const (
	callTime   = 2 * time.Minute
	copyTime   = 15 * time.Minute // of up to 5 GiB, within S3
	submitTime = 30 * time.Second // see [transcoder.Submit]
	readTime   = time.Minute      // of one read of a stream without a byte
)

// Times of one attempt.
const (
	connectTime = 5 * time.Second
	tlsTime     = 10 * time.Second
	answerTime  = time.Minute // from the request's end to the answer's headers
)

// Options set the cloud up. The zero value is good.
type Options struct {
	// Log gets what the SDK warns of; nil drops it.
	Log *zap.Logger
	// HTTP sends the services' requests, in place of a client with time-outs
	// and the SDK's CA bundle; for tests.
	HTTP interface {
		Do(*http.Request) (*http.Response, error)
	}
}

// Cloud is an account at AWS in one region. Its ports are safe for concurrent
// use.
type Cloud struct {
	store      *store
	transcoder *transcoder
	cdn        *cdn
	config     aws.Config // of the clients that are made later; see [Cloud.Events]
}

// New returns the account that the SDK's settings name. It makes no call:
// credentials that do not work are found out by the first one. It fails if
// the settings cannot be read or name no region.
func New(ctx context.Context, o Options) (*Cloud, error) {
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	clock := new(clock)
	cfg.HTTPClient = &sender{next: cfg.HTTPClient, clock: clock}
	st := &store{api: s3.NewFromConfig(cfg, s3Options), clock: clock}
	return &Cloud{
		store:      st,
		transcoder: &transcoder{api: mediaconvert.NewFromConfig(cfg, signAsOf), objects: st},
		cdn:        &cdn{api: cloudfront.NewFromConfig(cfg)},
		config:     cfg,
	}, nil
}

// Store returns the account's S3.
func (c *Cloud) Store() cloud.Store { return c.store }

// Transcoder returns the account's MediaConvert.
func (c *Cloud) Transcoder() cloud.Transcoder { return c.transcoder }

// CDN returns the account's CloudFront.
func (c *Cloud) CDN() cloud.CDN { return c.cdn }

func load(ctx context.Context, o Options) (aws.Config, error) {
	log := o.Log
	if log == nil {
		log = zap.NewNop()
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logger{log}), config.WithHTTPClient(client()))
	if err != nil {
		return aws.Config{}, fmt.Errorf("read AWS settings: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("read AWS settings: no region: set AWS_REGION")
	}
	if o.HTTP != nil {
		cfg.HTTPClient = o.HTTP
	}
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error {
		return awsmiddleware.AddUserAgentKey("vodfleet")(s)
	})
	return cfg, nil
}

// client is the SDK's HTTP client, which takes its CA bundle, with time-outs.
// It has none for a whole answer, which may be a long stream; see [stream].
func client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTime }).
		WithTransportOptions(func(t *http.Transport) {
			t.TLSHandshakeTimeout = tlsTime
			t.ResponseHeaderTimeout = answerTime
			t.MaxIdleConnsPerHost = 64
		})
}

// s3Options puts the bucket into the path where S3's endpoint is configured,
// by AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL: what answers there owns one host
// name and seldom its subdomains. Of AWS itself the SDK makes it a subdomain,
// or the path where the bucket's name is none.
func s3Options(o *s3.Options) {
	if o.BaseEndpoint != nil {
		o.UsePathStyle = true
	}
	o.DisableLogOutputChecksumValidationSkipped = true // objects of others often have none
}

// logger takes what the SDK warns of.
type logger struct{ log *zap.Logger }

func (l logger) Logf(class logging.Classification, format string, v ...any) {
	if class == logging.Warn {
		l.log.Warn("the AWS SDK warns", zap.String("warning", clean(fmt.Sprintf(format, v...))))
	}
}

// call runs one operation within a time, and makes its error one of package
// cloud's.
func call[T any](ctx context.Context, limit time.Duration, op, object string, do func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v, err := do(bounded)
	if err != nil {
		var none T
		return none, fail(ctx, op, object, err)
	}
	return v, nil
}
