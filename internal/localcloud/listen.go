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
type doors struct{ s3, mediaConvert, cloudFront, sqs, edge, admin, mirror, iis net.Listener }

func (d *doors) all() []net.Listener {
	return []net.Listener{d.s3, d.mediaConvert, d.cloudFront, d.sqs, d.edge, d.admin, d.mirror, d.iis}
}

// listen opens every door, or none.
func (c *serveCmd) listen() (*doors, error) {
	d := new(doors)
	for _, l := range []struct {
		at   *net.Listener
		host string
		port *int // nil: none
		what string
	}{
		{&d.s3, c.Host, &c.S3Port, "s3"},
		{&d.mediaConvert, c.Host, &c.MediaConvertPort, "mediaconvert"},
		{&d.cloudFront, c.Host, &c.CloudFrontPort, "cloudfront"},
		{&d.sqs, c.Host, &c.SQSPort, "sqs"},
		{&d.edge, c.Host, &c.EdgePort, "edge"},
		{&d.admin, c.Host, &c.AdminPort, "admin"},
		{&d.mirror, loopback, c.Origins.MirrorPort, "mirror"},
		{&d.iis, loopback, c.Origins.IISPort, "iis"},
	} {
		if l.port == nil {
			continue
		}
		var err error
		if *l.at, err = net.Listen("tcp", net.JoinHostPort(l.host, strconv.Itoa(*l.port))); err != nil {
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

const loopback = "127.0.0.1"

// endpoints says where the doors are.
func (d *doors) endpoints(c *serveCmd) endpoints.Endpoints {
	host := cmp.Or(c.Advertise, c.Host)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = loopback
	}
	at := func(host string, l net.Listener) string {
		if l == nil {
			return ""
		}
		return "http://" + net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	url := func(l net.Listener) string { return at(host, l) }
	queue := func(name string) string {
		if name == "" {
			return ""
		}
		return url(d.sqs) + "/" + queues.Account + "/" + name
	}
	return endpoints.Endpoints{
		S3: url(d.s3), MediaConvert: url(d.mediaConvert), CloudFront: url(d.cloudFront), SQS: url(d.sqs), Edge: url(d.edge),
		EventsQueue: queue(c.Events.EventsQueue), UploadsQueue: queue(c.Events.UploadsQueue),
		Mirror: at("localhost", d.mirror), IIS: at("localhost", d.iis), // an origin has no address for a name
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
