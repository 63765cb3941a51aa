package objects

import (
	"context"
	"io"
	"net"
	"net/url"

	"github.com/versity/versitygw/s3response"
)

// gate is a body that tells when it is read, and waits.
type gate struct {
	io.Reader
	reached, open chan struct{}
	passed        bool
}

func (g *gate) Read(b []byte) (int, error) {
	if !g.passed {
		g.passed = true
		close(g.reached)
		<-g.open
	}
	return g.Reader.Read(b)
}

// backendPut writes six bytes if the object has this ETag.
func (c *cloud) backendPut(ctx context.Context, key, etag string, body io.Reader) error {
	_, err := c.backend.PutObject(ctx, s3response.PutObjectInput{Bucket: new(bucket), Key: &key, IfMatch: &etag, Body: body, ContentLength: new(int64(6))})
	return err
}

func dialTo(addr string) func(context.Context, string, string) (net.Conn, error) {
	var d net.Dialer
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, addr)
	}
}

func pathUnescape(key string) (string, error) { return url.QueryUnescape(key) }
