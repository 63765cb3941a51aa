package objects

import (
	"encoding/xml"
	"io"
	"net/http"

	"github.com/google/uuid"
)

// drained is how much of a refused upload is read, so that its client gets to
// read the refusal.
const drained = 64 << 20 // bytes

// refusals are S3's codes and messages for injected statuses.
var refusals = map[int][2]string{
	http.StatusBadRequest:          {"RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."},
	http.StatusForbidden:           {"AccessDenied", "Access Denied"},
	http.StatusNotFound:            {"NoSuchKey", "The specified key does not exist."},
	http.StatusConflict:            {"ConditionalRequestConflict", errConflict.Description},
	http.StatusPreconditionFailed:  {"PreconditionFailed", "At least one of the pre-conditions you specified did not hold"},
	http.StatusInternalServerError: {"InternalError", "We encountered an internal error. Please try again."},
	http.StatusServiceUnavailable:  {"ServiceUnavailable", "Service is unable to handle request."},
}

// refuse answers as S3 does when it throttles, or with an error of a status.
func refuse(w http.ResponseWriter, req *http.Request, throttle bool, status int) {
	if throttle {
		writeError(w, req, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		return
	}
	r, ok := refusals[status]
	if !ok {
		r = [2]string{"InternalError", http.StatusText(status)}
	}
	writeError(w, req, status, r[0], r[1])
}

// errorBody is the body of an S3 error.
type errorBody struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

func writeError(w http.ResponseWriter, req *http.Request, status int, code, message string) {
	if req.Body != nil {
		io.CopyN(io.Discard, req.Body, drained)
	}
	id := uuid.NewString()
	w.Header().Set("Server", "AmazonS3")
	w.Header().Set("X-Amz-Request-Id", id)
	w.Header().Set("X-Amz-Id-2", id)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if req.Method == http.MethodHead {
		return
	}
	io.WriteString(w, xml.Header)
	xml.NewEncoder(w).Encode(errorBody{Code: code, Message: message, Resource: req.URL.Path, RequestID: id, HostID: id})
}
