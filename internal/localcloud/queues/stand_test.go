package queues

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// stand is a service with an unmodified client, without a network between.
type stand struct {
	*sdk.Client
	t       testing.TB
	service *Service
	calls   *calls.Recorder
	url     *string // of the queue "q"
	stop    func()
}

// direct is an HTTP client that calls a handler.
type direct struct{ h http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.Host = r.URL.Host
	d.h.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// start makes a stand with a queue.
func start(t testing.TB, dir string, change ...func(*Config)) *stand {
	t.Helper()
	clk := clock.New(1)
	rec, err := calls.New(dir, clk)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Dir: dir, Clock: clk, Calls: rec}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create("q", 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	st := &stand{t: t, service: s, calls: rec, url: aws.String("http://sqs.test/" + Account + "/q"), Client: sdk.New(sdk.Options{
		Region: sigv4.Region, BaseEndpoint: aws.String("http://sqs.test"), Retryer: aws.NopRetryer{}, HTTPClient: direct{s.Handler()},
		Credentials: credentials.NewStaticCredentialsProvider(sigv4.AccessKey, sigv4.SecretKey, ""),
	})}
	st.stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
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

// code returns the API's error code of err.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// send sends a message each.
func (s *stand) send(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		if _, err := s.SendMessage(context.Background(), &sdk.SendMessageInput{QueueUrl: s.url, MessageBody: &body}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// receive receives up to n messages: their bodies, and their receipts.
func (s *stand) receive(n, wait int32) (bodies, receipts []string) {
	s.t.Helper()
	got, err := s.ReceiveMessage(context.Background(), &sdk.ReceiveMessageInput{QueueUrl: s.url, MaxNumberOfMessages: n, WaitTimeSeconds: wait})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range got.Messages {
		bodies, receipts = append(bodies, *m.Body), append(receipts, *m.ReceiptHandle)
	}
	return bodies, receipts
}

// delete deletes a message.
func (s *stand) delete(receipt string) {
	s.t.Helper()
	if _, err := s.DeleteMessage(context.Background(), &sdk.DeleteMessageInput{QueueUrl: s.url, ReceiptHandle: &receipt}); err != nil {
		s.t.Fatal(err)
	}
}
