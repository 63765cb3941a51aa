package distribution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// IsIIS reports whether a Server header is that of Microsoft IIS.
func IsIIS(server string) bool { return strings.HasPrefix(strings.ToLower(server), "microsoft-iis") }

// Server asks the server that answers a distribution's Smooth paths who it is,
// and where that one does not answer from here, the distribution, which passes
// the header on. Either has patience to answer. The header is empty where a
// bucket answers, and where the server does not tell. Server fails where nobody
// answers.
func Server(ctx context.Context, client *http.Client, c cloud.DistributionConfig, d Delivery, patience time.Duration) (header string, err error) {
	path := d.root() + "/" + requests(smoothPath)[0]
	b := Choose(&c, path)
	if b == nil {
		return "", nil
	}
	o := c.Origin(b.Origin)
	if o == nil || o.Custom == nil {
		return "", nil
	}
	own := url.URL{Scheme: "https", Host: o.Domain + ":" + strconv.Itoa(o.Custom.HTTPSPort), Path: "/"}
	if o.Custom.Protocol == "http-only" {
		own.Scheme, own.Host = "http", o.Domain+":"+strconv.Itoa(o.Custom.HTTPPort)
	}
	asked := []string{own.String()}
	if viewer, err := url.Parse(d.Viewer); err == nil && viewer.Host != "" {
		asked = append(asked, viewer.Scheme+"://"+viewer.Host+path)
	}
	answered := false
	for _, u := range asked {
		resp, e := head(ctx, client, u, patience)
		if e != nil {
			err = e
			continue
		}
		switch server := resp.Header.Get("Server"); {
		case server == "CloudFront":
			err = errors.New("CloudFront answers in its place")
		case server != "":
			return server, nil
		default:
			answered = true
		}
	}
	if answered {
		return "", nil
	}
	return "", fmt.Errorf("ask the origin %s who it is: %w", o.ID, err)
}
