package awscloud

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// closedBody is the SDK's body of a request once the answer is there: all of it
// has been read, and WriteTo fails.
type closedBody struct{ io.Reader }

func (closedBody) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }
func (closedBody) Close() error                     { return nil }

// An answer can be read whole though the body of its request was closed while
// net/http looked for its end.
func TestBodyClosedEarly(t *testing.T) {
	answer := strings.Repeat("x", 1<<20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	client := &sender{next: server.Client(), clock: new(clock)}
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, closedBody{strings.NewReader("{}")})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 2
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, []byte(answer)) {
			t.Fatalf("%d bytes of the answer, %v", len(got), err)
		}
	}
}
