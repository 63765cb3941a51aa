package awscloud

import (
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sender sends the services' requests and shows the answers to the clock.
type sender struct {
	next  aws.HTTPClient
	clock *clock
}

// Do sends r, whose body becomes a plain one: the SDK closes a request's body
// once the answer's headers are there, and its body's WriteTo fails from then
// on, which it does with io.EOF. If net/http, having sent the last byte, asks
// it for more just then, it takes that for a failure to send and closes the
// connection under the answer ("use of closed network connection"). Read after
// Close ends as it should. (smithy-go 1.28, transport/http/internal/io/safe.go;
// net/http, transfer.go, writeBody.)
func (s *sender) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = plainBody{r.Body}
	}
	resp, err := s.next.Do(r)
	if err == nil {
		s.clock.see(resp.Header, time.Now())
	}
	return resp, err
}

// plainBody can be read and closed, and nothing else.
type plainBody struct{ io.ReadCloser }
