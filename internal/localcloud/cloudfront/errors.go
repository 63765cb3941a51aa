package cloudfront

import (
	"fmt"
	"net/http"
)

// apiError is an error answer: its code, HTTP status and message as the
// service words them.
type apiError struct {
	code   string
	status int
	text   string
}

func (e *apiError) Error() string { return e.code + ": " + e.text }

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{code, status, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "InvalidArgument", format, args...)
}

func noDistribution() *apiError {
	return refuse(http.StatusNotFound, "NoSuchDistribution", "The specified distribution does not exist.")
}

// checkVersion compares a request's If-Match with the ETag of the resource.
func checkVersion(r *http.Request, etag string) error {
	switch r.Header.Get("If-Match") {
	case "":
		return refuse(http.StatusBadRequest, "InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
	case etag, `"` + etag + `"`:
		return nil
	default:
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed",
			"The request failed because it didn't meet the preconditions in one or more request-header fields.")
	}
}

// writeError answers with e in the REST-XML protocol's form.
func writeError(w http.ResponseWriter, id string, e *apiError) {
	kind := "Sender"
	if e.status >= 500 {
		kind = "Receiver"
	}
	body := el("ErrorResponse",
		el("Error", leaf("Type", kind), leaf("Code", e.code), leaf("Message", e.text)),
		leaf("RequestId", id)).bytes()
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(e.status)
	_, _ = w.Write(body) // the client may be gone
}

// refuseInjected writes the error answer of an injected fault: the service's
// own throttling (unmodelled, status 400), or an error of the given status.
func refuseInjected(w http.ResponseWriter, _ *http.Request, throttle bool, status int) {
	e := refuse(status, "InternalError", "An internal error has occurred.")
	switch {
	case throttle:
		e = refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case status == http.StatusForbidden:
		e = refuse(status, "AccessDenied", "Access denied.")
	case status == http.StatusServiceUnavailable:
		e = refuse(status, "ServiceUnavailable", "CloudFront encountered an internal error. Please try again.")
	case status < 500:
		e = refuse(status, "InvalidArgument", "The argument is invalid.")
	}
	writeError(w, requestID(), e)
}

// Refuse answers with an error in CloudFront's form, for what stands before
// the API: see [Config.Authorize].
func Refuse(w http.ResponseWriter, status int, code, text string) {
	writeError(w, requestID(), refuse(status, code, "%s", text))
}
