package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// codes are what the services' error codes mean. Codes that the HTTP status
// tells as well are left to [byStatus]. Sources: "Error responses" of the S3
// API reference, "Common errors" of MediaConvert's and CloudFront's, and the
// errors of the operations that are used here.
var codes = func() map[string]error {
	all := map[string]error{}
	for kind, words := range map[error]string{
		cloud.ErrNotFound:     "NoSuchKey NoSuchBucket NotFound NotFoundException NoSuchDistribution NoSuchInvalidation",
		cloud.ErrPrecondition: "PreconditionFailed InvalidIfMatchVersion",
		cloud.ErrConflict:     "ConditionalRequestConflict OperationAborted ConflictException",
		cloud.ErrDenied: "AccessDenied AccessDeniedException Forbidden ForbiddenException AllAccessDisabled AccountProblem NotSignedUp OptInRequired " +
			"SignatureDoesNotMatch InvalidSignatureException IncompleteSignature IncompleteSignatureException AuthorizationHeaderMalformed " +
			"InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException MissingAuthenticationToken MissingAuthenticationTokenException " +
			"ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired RequestExpired RequestTimeTooSkewed",
		cloud.ErrInvalid: "BadRequestException InvalidObjectState InvalidationBatchAlreadyExists BatchTooLarge PermanentRedirect",
		cloud.ErrThrottled: "SlowDown Throttling ThrottlingException ThrottledException TooManyRequests TooManyRequestsException " +
			"RequestThrottled RequestThrottledException RequestLimitExceeded LimitExceededException BandwidthLimitExceeded",
		cloud.ErrQuota: "ServiceQuotaExceededException TooManyInvalidationsInProgress TooManyCachePolicies TooManyResponseHeadersPolicies TooManyOriginAccessControls " +
			"TooManyDistributions TooManyOrigins TooManyCacheBehaviors",
		cloud.ErrUnavailable: "InternalError InternalFailure InternalServerError InternalServerErrorException ServiceUnavailable ServiceUnavailableException " +
			"RequestTimeout RequestTimeoutException BadDigest IncompleteBody XAmzContentSHA256Mismatch",
	} {
		for word := range strings.FieldsSeq(words) {
			all[word] = kind
		}
	}
	return all
}()

// fail makes an SDK's error one of package cloud's. ctx is the caller's: where
// it has ended, and the service has not answered, its error is the error.
func fail(ctx context.Context, op, object string, err error) error {
	e := &cloud.Error{Op: op, Object: object}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.Message = told(api.ErrorCode()), clean(told(api.ErrorMessage()))
		e.Kind, e.After = kindOf(e.Code, err), retryAfter(err)
		return e
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s %s: %w", op, object, ended)
	}
	e.Message = clean(cause(err).Error())
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Message = cloud.ErrUnavailable, "no answer in time"
	case unsent(err):
		e.Kind = cloud.ErrInvalid
	default:
		e.Kind = byStatus(status(err))
	}
	return e
}

// told is empty for what the SDK says in place of what it was not told.
func told(word string) string {
	if word == "UnknownError" {
		return ""
	}
	return word
}

// kindOf tells an answer's kind by its code, or else by its status.
func kindOf(code string, err error) error {
	if kind, ok := codes[code]; ok {
		if kind == cloud.ErrUnavailable && slowDown(err) {
			return cloud.ErrThrottled
		}
		return kind
	}
	return byStatus(status(err))
}

func byStatus(status int) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return cloud.ErrDenied
	case status == http.StatusPaymentRequired:
		return cloud.ErrQuota
	case status == http.StatusNotFound:
		return cloud.ErrNotFound
	case status == http.StatusConflict:
		return cloud.ErrConflict
	case status == http.StatusPreconditionFailed:
		return cloud.ErrPrecondition
	case status == http.StatusTooManyRequests:
		return cloud.ErrThrottled
	case status == http.StatusRequestTimeout:
		return cloud.ErrUnavailable
	case status >= 300 && status < 500 && status != http.StatusTemporaryRedirect:
		return cloud.ErrInvalid
	}
	return cloud.ErrUnavailable // and no answer at all
}

// status is the answer's HTTP status, 0 without one.
func status(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.Response != nil && r.Response.Response != nil {
		return r.HTTPStatusCode()
	}
	return 0
}

// maxAfter bounds how long a service can have us wait.
const maxAfter = 5 * time.Minute

// retryAfter is how long the answer asks to wait (RFC 9110, 10.2.3, in
// seconds), 0 where it does not.
func retryAfter(err error) time.Duration {
	r, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || r.Response == nil || r.Response.Response == nil {
		return 0
	}
	s, err := strconv.ParseUint(r.Response.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(s)*time.Second, maxAfter)
}

// slowDown finds S3's throttling of a HEAD request, whose answer has no body
// to bear a code: "503 Slow Down". Not every server can word its status; so a
// 503 to a HEAD, which has nothing that could be half done, counts as well.
func slowDown(err error) bool {
	r, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || r.Response == nil || r.Response.Response == nil || r.HTTPStatusCode() != http.StatusServiceUnavailable {
		return false
	}
	asked := r.Response.Request
	return strings.Contains(r.Response.Status, "Slow Down") || asked != nil && asked.Method == http.MethodHead
}

// unsent reports whether the SDK refused the request, or we the answer.
func unsent(err error) bool {
	if _, ok := errors.AsType[tooLarge](err); ok {
		return true
	}
	if _, ok := errors.AsType[tooShort](err); ok {
		return true
	}
	if _, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		return true
	}
	_, ok := errors.AsType[*smithy.SerializationError](err)
	return ok
}

// cause unwraps what the SDK and net/http put around an error: its own words,
// which repeat the operation, and the request's URL.
func cause(err error) error {
	for {
		switch err.(type) {
		case *smithy.OperationError, *retry.MaxAttemptsError, *smithyhttp.RequestSendError, *aws.RequestCanceledError, *url.Error,
			interface{ HTTPResponse() *smithyhttp.Response }: // the ResponseErrors
		default:
			return err
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

const maxMessage = 300 // bytes

// clean cuts a message to one short line without a signature in it: refusals
// of signatures go on to show the whole signed request, session token and all.
func clean(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	if at := strings.Index(strings.ToLower(message), "x-amz-"); at >= 0 {
		message = message[:at]
	}
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(message, ""))
}

// invalid is the error of a request that is not worth sending.
func invalid(op, object string, err error) error {
	return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrInvalid, Message: err.Error()}
}
