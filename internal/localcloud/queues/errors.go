package queues

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
)

// apiError is an error answer, by the code of SQS's JSON protocol.
type apiError struct {
	status     int
	code, text string
}

func (e *apiError) Error() string { return e.code + ": " + e.text }

func refuse(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func unavailable(text string) *apiError {
	return &apiError{http.StatusServiceUnavailable, "ServiceUnavailable", text}
}

func invalidValue(format string, args ...any) *apiError {
	return refuse("InvalidParameterValue", format, args...)
}

func noQueue() *apiError {
	return refuse("QueueDoesNotExist", "The specified queue does not exist.")
}

// apiErrorOf makes any error one that can be answered.
func apiErrorOf(err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	return &apiError{http.StatusInternalServerError, "InternalFailure", err.Error()}
}

// queryCodes are codes by the query protocol, where they differ. The JSON
// protocol tells them in a header, for SDKs whose callers know them.
var queryCodes = map[string]string{
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":              "QueueAlreadyExists",
	"PurgeQueueInProgress":         "AWS.SimpleQueueService.PurgeQueueInProgress",
	"MessageNotInflight":           "AWS.SimpleQueueService.MessageNotInflight",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
	"UnsupportedOperation":         "AWS.SimpleQueueService.UnsupportedOperation",
	"QueueDeletedRecently":         "AWS.SimpleQueueService.QueueDeletedRecently",
}

func (e *apiError) queryCode() string {
	if code, ok := queryCodes[e.code]; ok {
		return code
	}
	return e.code
}

func (e *apiError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

// injected names the error of a status that a fault asks for.
var injected = map[int]string{
	http.StatusBadRequest:         "InvalidParameterValue",
	http.StatusForbidden:          "AccessDeniedException",
	http.StatusNotFound:           "QueueDoesNotExist",
	http.StatusServiceUnavailable: "ServiceUnavailable",
}

// refuseInjected writes the error answer of an injected fault.
func refuseInjected(w http.ResponseWriter, r *http.Request, throttle bool, status int) {
	e := refuse("RequestThrottled", "The request was denied due to request throttling.")
	if !throttle {
		code := injected[status]
		if code == "" {
			code = "InternalFailure"
		}
		e = &apiError{status, code, "An error was asked for by a fault."}
	}
	protocolOf(r).fail(w, e)
}

// protocol is how answers are written.
type protocol interface {
	answer(w http.ResponseWriter, op string, body []byte)
	fail(w http.ResponseWriter, e *apiError)
}

// jsonProtocol is AWS JSON 1.0.
type jsonProtocol struct{}

func (jsonProtocol) answer(w http.ResponseWriter, _ string, body []byte) {
	writeJSON(w, http.StatusOK, body)
}

func (jsonProtocol) fail(w http.ResponseWriter, e *apiError) {
	body, _ := json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#" + e.code, "message": e.text}) // strings always marshal
	w.Header().Set("X-Amzn-Query-Error", e.queryCode()+";"+e.fault())
	writeJSON(w, e.status, body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
