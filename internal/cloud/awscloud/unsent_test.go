package awscloud_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
)

// line connects only as often as it says; then it breaks.
type line struct{ dials []error }

func (l *line) Do(*http.Request) (*http.Response, error) {
	err := l.dials[0]
	if len(l.dials) > 1 {
		l.dials = l.dials[1:]
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusBadGateway, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// TestUnsent: that nothing was done is certain only where no attempt was
// connected.
func TestUnsent(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	broken := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, tt := range []struct {
		name   string
		dials  []error
		unsent bool
	}{
		{"no connection", []error{refused}, true},
		{"one that broke", []error{broken}, false},
		{"one that broke, then none", []error{broken, refused}, false},
		{"none, then one that answers", []error{refused, nil}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings(t, "3")
			synctest.Test(t, func(t *testing.T) {
				c, err := awscloud.New(t.Context(), awscloud.Options{HTTP: &line{tt.dials}})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Transcoder().Submit(t.Context(), one())
				if !errors.Is(err, cloud.ErrUnavailable) || cloud.Unsent(err) != tt.unsent {
					t.Errorf("Submit = %v, unsent %v, want unavailable and %v", err, cloud.Unsent(err), tt.unsent)
				}
			})
		})
	}
}
