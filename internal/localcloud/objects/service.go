package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3err"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

const (
	maxConnections = 4096    // to the gateway; the proxy waits for one beyond
	copyThreshold  = 5 << 30 // bytes: S3's limit for CopyObject
	maxParts       = 10_000  // S3's limit of a multipart upload
)

// Config says where the objects are and what goes with them.
type Config struct {
	Dir   string // keeps the objects; made if it is not there
	Clock *clock.Clock
	Calls *calls.Recorder

	// Created is told of each object that has been written in the bucket Notify,
	// before its writer is: it must not wait. Nil: nobody is.
	Created func(Created)
	Notify  string

	// Deleting is told of each object that is about to be deleted, also of one
	// that is not there. Nil: nobody is.
	Deleting func(ctx context.Context, bucket, key string)
}

// Service is the account's S3. It is a [Store] from the moment it is made, and
// serves S3 while Run runs.
//
// A process can have one at a time, and its working directory is the
// service's from then on: both are versitygw's terms.
type Service struct {
	root    string // absolute; one folder a bucket
	socket  string // where the gateway listens
	backend *clocked
	clk     *clock.Clock
	calls   *calls.Recorder
	ready   chan struct{}
	proxy   *httputil.ReverseProxy
}

var _ Store = (*Service)(nil)

// New opens the objects in cfg.Dir. It fails if the filesystem has no extended
// attributes, in which the objects' metadata is kept.
func New(cfg Config) (*Service, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open objects %s: %w", cfg.Dir, err)
	}
	s := &Service{root: filepath.Join(dir, "buckets"), clk: cfg.Clock, calls: cfg.Calls, ready: make(chan struct{})}
	versions := filepath.Join(dir, "versions")
	for _, d := range []string{s.root, versions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("open objects: %w", err)
		}
	}
	if err := (meta.XattrMeta{}).Test(s.root); err != nil {
		return nil, fmt.Errorf("open objects %s: the filesystem must have extended attributes: %w", s.root, err)
	}
	store, err := posix.New(s.root, meta.XattrMeta{}, posix.PosixOpts{VersioningDir: versions, CopyObjectThreshold: copyThreshold})
	if err != nil {
		return nil, fmt.Errorf("open objects %s: %w", s.root, err)
	}
	// A socket's path is limited to about a hundred bytes; dir's is not.
	private, err := os.MkdirTemp("", "localcloud-")
	if err != nil {
		return nil, fmt.Errorf("open objects: %w", err)
	}
	s.socket = filepath.Join(private, "s3")
	s.backend = &clocked{Posix: store, clk: cfg.Clock, created: cfg.Created, notify: cfg.Notify, deleting: cfg.Deleting}
	s.proxy = newProxy(s.socket)
	return s, nil
}

// CreateBucket makes a bucket, with versioning if versioned. A bucket that is
// there already is left as it is, but for versioning, which is switched on.
func (s *Service) CreateBucket(ctx context.Context, bucket string, versioned bool) error {
	acl, err := json.Marshal(auth.ACL{Owner: sigv4.AccessKey})
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", bucket, err)
	}
	//lint:ignore SA1029 the key is versitygw's
	ctx = context.WithValue(ctx, "bucket-owner", auth.Account{Access: sigv4.AccessKey, Role: auth.RoleAdmin})
	err = s.backend.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &bucket,
		ObjectOwnership:           types.ObjectOwnershipBucketOwnerEnforced,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{},
	}, acl)
	if e, ok := errors.AsType[s3err.S3Error](err); ok && e.BaseError().Code == "BucketAlreadyOwnedByYou" {
		err = nil
	}
	if err == nil && versioned {
		err = s.backend.PutBucketVersioning(ctx, bucket, types.BucketVersioningStatusEnabled)
	}
	return wrap("create", bucket, "", err)
}

// Ready is closed once the gateway behind the handler listens.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run serves S3 to the handler until ctx ends, then waits for what is under
// way, at most ten seconds. It can be called once.
func (s *Service) Run(ctx context.Context) error {
	defer os.RemoveAll(filepath.Dir(s.socket))
	err := embedgw.RunVersityGW(ctx, s.backend, &embedgw.Config{
		RootUserAccess:    sigv4.AccessKey,
		RootUserSecret:    sigv4.SecretKey,
		Region:            sigv4.Region,
		Ports:             []string{s.socket},
		SocketPerm:        "0600",
		MaxConnections:    maxConnections,
		MaxRequests:       maxConnections,
		MultipartMaxParts: maxParts,
		VirtualDomain:     virtualDomain,
		KeepAlive:         true,
		Quiet:             true,
		S3Options:         []s3api.Option{s3api.WithOnListen(func() { close(s.ready) })},
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve objects: %w", err)
	}
	return nil
}

// Handler answers S3's API: counted, with faults, by the cloud's clock.
func (s *Service) Handler() http.Handler {
	return s.calls.Wrap("s3", operation, refuse, s.checkAge(s.proxy))
}

// dial connects to the gateway.
func dial(socket string) func(context.Context, string, string) (net.Conn, error) {
	var d net.Dialer
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) }
}
