package cloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds of errors that ports answer; test for them with [errors.Is]. A port
// returns an [*Error] that wraps one of them, or the context's error.
var (
	ErrNotFound     = errors.New("not found")
	ErrPrecondition = errors.New("precondition failed") // the object is not as the condition says
	ErrConflict     = errors.New("conflict")            // a race with another write; read again and decide
	ErrDenied       = errors.New("denied")              // credentials or policies do not allow it
	ErrInvalid      = errors.New("invalid")             // the request will never be accepted as it is
	ErrThrottled    = errors.New("throttled")           // too many requests; wait
	ErrQuota        = errors.New("quota exceeded")      // an account's limit, not a rate
	ErrUnavailable  = errors.New("unavailable")         // 5xx, time-outs, broken connections: unknown whether it was done
	ErrExpired      = errors.New("expired")             // the request came too late and nothing was done; see [JobRequest.At]
)

// Error says which operation on which object failed, and why.
type Error struct {
	Op      string // the port's method or the service's operation, "PutObject"
	Object  string // what it was about: "s3://bucket/key", "job 1700-abc"
	Kind    error  // one of the kinds above
	Code    string // the service's own code, where it gave one
	Message string // the service's own words, where it gave any

	After time.Duration // how long to wait before the next try, where that is known; else 0

	// Unsent says of an ErrUnavailable that the request never reached the
	// service, as where no connection came about: nothing was done.
	Unsent bool
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %v", e.Op, e.Object, e.Kind)
	switch {
	case e.Code != "" && e.Message != "":
		fmt.Fprintf(&b, ": %s: %s", e.Code, e.Message)
	case e.Code != "" || e.Message != "":
		fmt.Fprintf(&b, ": %s%s", e.Code, e.Message)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Kind }

// badCredentials are the services' codes for credentials of the caller that are
// unknown, expired or wrong, or that it signed wrongly with. Source: "Common
// errors" of the services' API references, and "Error responses" of S3's.
var badCredentials = strings.Fields("SignatureDoesNotMatch InvalidSignatureException IncompleteSignature IncompleteSignatureException " +
	"AuthorizationHeaderMalformed InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException " +
	"MissingAuthenticationToken MissingAuthenticationTokenException ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired " +
	"RequestExpired RequestTimeTooSkewed")

// BadCredentials reports whether err, of kind [ErrDenied], is about this host's
// credentials or clock, so that another host may be allowed the same call.
func BadCredentials(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(badCredentials, e.Code)
}

// Unsent reports whether err says that the request never reached the service.
func Unsent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unsent
}

// Retryable reports whether the same request may succeed later without anyone
// mending anything: throttling, unavailability, and races. A request that
// expired has to be made anew, as of another time.
func Retryable(err error) bool {
	return errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict)
}
