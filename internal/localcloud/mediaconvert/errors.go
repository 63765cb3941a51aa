package mediaconvert

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"
)

// apiError is an error answer: its HTTP status, type and message as the
// service words them.
type apiError struct {
	status     int
	kind, text string
}

func (e *apiError) Error() string { return e.kind + ": " + e.text }

func refuse(status int, kind, format string, args ...any) *apiError {
	return &apiError{status, kind, fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "BadRequestException", format, args...)
}

func quotaExceeded(format string, args ...any) *apiError {
	return refuse(http.StatusPaymentRequired, "ServiceQuotaExceededException", format, args...)
}

func notFound(format string, args ...any) *apiError {
	return refuse(http.StatusNotFound, "NotFoundException", format, args...)
}

func conflict(format string, args ...any) *apiError {
	return refuse(http.StatusConflict, "ConflictException", format, args...)
}

func throttled() *apiError {
	return refuse(http.StatusTooManyRequests, "TooManyRequestsException", "Too Many Requests")
}

func internal(err error) *apiError {
	return refuse(http.StatusInternalServerError, "InternalServerErrorException", "%v", err)
}

// unserved is the answer to what the service does and the local cloud does not.
func unserved(format string, args ...any) *apiError {
	return refuse(http.StatusNotImplemented, "NotImplementedException", "The local cloud does not carry this out: "+format, args...)
}

// write answers with a document, or with nothing for a nil one.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// writeError answers with e in the restJson1 protocol's form.
func writeError(w http.ResponseWriter, e *apiError) {
	body, _ := json.Marshal(map[string]string{"message": e.text}) // strings always marshal
	w.Header().Set("X-Amzn-ErrorType", e.kind)
	write(w, e.status, body)
}

// injected names the error of a status that a fault asks for.
var injected = map[int]string{
	http.StatusBadRequest:          "BadRequestException",
	http.StatusPaymentRequired:     "ServiceQuotaExceededException",
	http.StatusForbidden:           "ForbiddenException",
	http.StatusNotFound:            "NotFoundException",
	http.StatusConflict:            "ConflictException",
	http.StatusTooManyRequests:     "TooManyRequestsException",
	http.StatusServiceUnavailable:  "ServiceUnavailableException",
	http.StatusInternalServerError: "InternalServerErrorException",
}

// refuseInjected writes the error answer of an injected fault.
func refuseInjected(w http.ResponseWriter, _ *http.Request, throttle bool, status int) {
	e := throttled()
	if !throttle {
		kind := injected[status]
		if kind == "" {
			kind = "InternalServerErrorException"
		}
		e = refuse(status, kind, "An error was asked for by a fault.")
	}
	writeError(w, e)
}
