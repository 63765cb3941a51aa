package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
)

// envCmd prints the environment of a running cloud's clients.
type envCmd struct {
	Dir      string `required:"" placeholder:"DIR" help:"The folder of the cloud."`
	Host     string `placeholder:"HOST" help:"Host name to reach the cloud by, where it is not the noted one."`
	Vodfleet bool   `help:"Export vodfleet's own variables too: VODFLEET_DISTRIBUTION_ID, VODFLEET_VIEWER_URL, VODFLEET_OUTPUT, VODFLEET_MEDIACONVERT_ROLE, VODFLEET_EVENTS_QUEUE_URL, VODFLEET_UPLOADS_QUEUE_URL; and where web servers for custom origins are: LOCALCLOUD_MIRROR_URL, LOCALCLOUD_IIS_URL."`
}

// Run prints lines for eval by a POSIX shell.
func (c *envCmd) Run(_ context.Context, io console) error {
	e, err := endpoints.Read(c.Dir)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	if c.Host != "" {
		if e, err = withHost(e, c.Host); err != nil {
			return err
		}
	}
	rules := rulesDir(dir)
	if _, err := os.Stat(rules); err != nil || c.Host != "" { // the rules name the noted host
		rules = ""
	}
	fmt.Fprintf(io.out, "# AWS as served from %s\n", strings.ReplaceAll(dir, "\n", " "))
	fmt.Fprintln(io.out, "unset AWS_PROFILE AWS_SESSION_TOKEN")
	if err := endpoints.Export(io.out, e.Environment(account, rules)); err != nil {
		return err
	}
	if c.Vodfleet {
		return endpoints.Export(io.out, e.Fleet())
	}
	for _, v := range e.Fleet() {
		fmt.Fprintf(io.out, "# %s=%s\n", v.Name, v.Value)
	}
	return nil
}

// withHost replaces the host in every address.
func withHost(e endpoints.Endpoints, host string) (endpoints.Endpoints, error) {
	for _, at := range []*string{&e.S3, &e.MediaConvert, &e.CloudFront, &e.SQS, &e.EventsQueue, &e.UploadsQueue, &e.Edge, &e.Admin, &e.Other} {
		if *at == "" { // no such queue
			continue
		}
		u, err := url.Parse(*at)
		if err != nil {
			return e, fmt.Errorf("endpoint %q: %w", *at, err)
		}
		u.Host = strings.TrimSuffix(host, ":") + ":" + u.Port()
		*at = u.String()
	}
	return e, nil
}
