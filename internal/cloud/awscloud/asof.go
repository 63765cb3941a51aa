package awscloud

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// asOf signs the requests of [attempts] as of their time: a service takes a
// signature for five minutes and refuses it from then on, whenever the request
// comes to be sent; see "Elements of an AWS API request signature" in the IAM
// user guide. Other requests have the SDK's time.
type asOf struct{ mediaconvert.HTTPSignerV4 }

type attemptsKey struct{}

// SignHTTP implements [mediaconvert.HTTPSignerV4]. It is called right before a
// request is sent.
func (s asOf) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, at time.Time, o ...func(*v4.SignerOptions)) error {
	if a, ok := ctx.Value(attemptsKey{}).(*attempts); ok {
		if err := a.begin(); err != nil {
			return err
		}
		if !a.at.IsZero() {
			at = a.at.UTC()
		}
	}
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, at, o...)
}

func signAsOf(o *mediaconvert.Options) { o.HTTPSignerV4 = asOf{o.HTTPSignerV4} }

// late are the codes by which services refuse a signature, among other reasons
// because it is too old.
var late = []string{"RequestExpired", "RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"}

// expired makes the refusal of a request that came too late
// [cloud.ErrExpired]. Requests that are signed as of now do not come too late:
// theirs tells of a wrong clock.
func expired(err error, at time.Time) error {
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok || at.IsZero() || !slices.Contains(late, e.Code) {
		return err
	}
	if e.Code == late[0] || e.Code == late[1] || strings.Contains(strings.ToLower(e.Message), "expired") {
		e.Kind = cloud.ErrExpired
	}
	return err
}

// attempts are those of one CreateJob. It sees how each of them ended: the SDK
// tells only of the last, and a request that is refused at last may have been
// done before.
type attempts struct {
	aws.Retryer
	at     time.Time // which all of them are signed as of; zero: now
	clock  *clock    // the cloud's
	first  time.Time // when the first began, by that clock
	unsure bool      // of one it is not known whether it was done
	sent   bool      // one may have reached the service
	tried  bool
}

// tokenTime is how long after the first attempt its token is surely known:
// MediaConvert forgets it a minute after the request that made the job.
const tokenTime = 45 * time.Second

var errForgotten = errors.New("the request's token may be forgotten by now, and an earlier attempt may have made the job")

// of is the context of the attempts.
func (a *attempts) of(ctx context.Context) context.Context {
	return context.WithValue(ctx, attemptsKey{}, a)
}

// begin notes that one begins, unless it could make a second job.
func (a *attempts) begin() error {
	now := a.clock.Now()
	switch {
	case a.first.IsZero():
		a.first = now
	case a.unsure && now.Sub(a.first) > tokenTime:
		return errForgotten
	}
	return nil
}

// IsErrorRetryable implements [aws.Retryer]. It is asked after every attempt
// that failed.
func (a *attempts) IsErrorRetryable(err error) bool {
	e, told := errors.AsType[*cloud.Error](fail(context.Background(), "", "", err))
	a.tried = true
	dial, ok := errors.AsType[*net.OpError](err)
	unsent := ok && dial.Op == "dial"
	a.sent = a.sent || !unsent
	a.unsure = a.unsure || !unsent && (!told || e.Kind == cloud.ErrUnavailable)
	return a.Retryer.IsErrorRetryable(err)
}

// seen has the SDK ask a.
func (a *attempts) seen(o *mediaconvert.Options) { a.Retryer, o.Retryer = o.Retryer, a }

// sure returns err as it is if it is known of every attempt that nothing was done.
func (a *attempts) sure(err error) error {
	e, ok := errors.AsType[*cloud.Error](err)
	switch {
	case ok && a.unsure:
		e.Kind = cloud.ErrUnavailable
	case ok && a.tried && !a.sent && e.Kind == cloud.ErrUnavailable:
		e.Unsent = true
	}
	return err
}
