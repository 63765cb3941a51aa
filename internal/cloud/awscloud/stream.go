package awscloud

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Open implements [cloud.Store]. A read that gets no byte for a minute fails;
// how long the whole takes, and how long a reader lets it wait, is its own
// affair.
func (s *store) Open(ctx context.Context, at cloud.Location) (io.ReadCloser, cloud.Object, error) {
	const op = "GetObject"
	object := at.String()
	if err := at.Valid(); err != nil {
		return nil, cloud.Object{}, invalid(op, object, err)
	}
	lasting, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(callTime, func() { cancel(errSlow) })
	out, err := s.api.GetObject(lasting, &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key})
	watch.Stop()
	if err != nil {
		err = slow(lasting, fail(ctx, op, object, err), object)
		cancel(nil)
		return nil, cloud.Object{}, err
	}
	return &stream{ctx: ctx, lasting: lasting, cancel: cancel, watch: watch, body: out.Body, object: object}, opened(at, out), nil
}

var errSlow = errors.New("no answer in time")

// slow replaces err where our watch has ended the request.
func slow(lasting context.Context, err error, object string) error {
	if context.Cause(lasting) == errSlow {
		return &cloud.Error{Op: "GetObject", Object: object, Kind: cloud.ErrUnavailable, Message: errSlow.Error()}
	}
	return err
}

// stream is an object that is being read.
type stream struct {
	ctx     context.Context // the caller's
	lasting context.Context // of the request, until Close
	cancel  context.CancelCauseFunc
	watch   *time.Timer
	body    io.ReadCloser
	object  string
}

func (s *stream) Read(p []byte) (int, error) {
	if err := s.lasting.Err(); err != nil {
		return 0, slow(s.lasting, fail(s.ctx, "GetObject", s.object, err), s.object)
	}
	s.watch.Reset(readTime)
	n, err := s.body.Read(p)
	s.watch.Stop()
	if err != nil && err != io.EOF {
		err = slow(s.lasting, fail(s.ctx, "GetObject", s.object, err), s.object)
	}
	return n, err
}

// Close ends the request, wherever it is.
func (s *stream) Close() error {
	s.watch.Stop()
	s.cancel(nil)
	_ = s.body.Close() // what it could tell is of bytes that nobody wants
	return nil
}
