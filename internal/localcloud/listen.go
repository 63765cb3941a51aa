package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
	"github.com/vodfleet/vodfleet/internal/localcloud/queues"
)

// role is the role that jobs run under. The cloud takes any well-formed one.
const role = "arn:aws:iam::111122223333:role/vodfleet-mediaconvert"

// doors are the listeners of the cloud.
type doors struct{ s3, mediaConvert, cloudFront, sqs, edge, admin net.Listener }

func (d *doors) all() []net.Listener {
	return []net.Listener{d.s3, d.mediaConvert, d.cloudFront, d.sqs, d.edge, d.admin}
}

// listen opens every door, or none.
func (c *serveCmd) listen() (*doors, error) {
	d := new(doors)
	for _, l := range []struct {
		at   *net.Listener
		port int
		what string
	}{
		{&d.s3, c.S3Port, "s3"},
		{&d.mediaConvert, c.MediaConvertPort, "mediaconvert"},
		{&d.cloudFront, c.CloudFrontPort, "cloudfront"},
		{&d.sqs, c.SQSPort, "sqs"},
		{&d.edge, c.EdgePort, "edge"},
		{&d.admin, c.AdminPort, "admin"},
	} {
		var err error
		if *l.at, err = net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(l.port))); err != nil {
			d.close()
			return nil, fmt.Errorf("listen for %s (--%s-port changes it): %w", l.what, l.what, err)
		}
	}
	return d, nil
}

// close closes the doors that are still open.
func (d *doors) close() {
	for _, l := range d.all() {
		if l != nil {
			_ = l.Close() // a server has closed it already, mostly
		}
	}
}

// endpoints says where the doors are.
func (d *doors) endpoints(c *serveCmd) endpoints.Endpoints {
	host := cmp.Or(c.Advertise, c.Host)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	url := func(l net.Listener) string {
		return "http://" + net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	queue := func(name string) string {
		if name == "" {
			return ""
		}
		return url(d.sqs) + "/" + queues.Account + "/" + name
	}
	return endpoints.Endpoints{
		S3: url(d.s3), MediaConvert: url(d.mediaConvert), CloudFront: url(d.cloudFront), SQS: url(d.sqs), Edge: url(d.edge),
		EventsQueue: queue(c.Events.EventsQueue), UploadsQueue: queue(c.Events.UploadsQueue),
		Admin: url(d.admin), Other: url(d.admin) + "/aws",
		Distribution: cloudfront.FirstID, OriginBucket: c.OriginBucket, Role: role,
	}
}

// lock takes dir for this process, until it ends or unlock is called.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another localcloud serves from there")
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() { f.Close() }, nil
}
