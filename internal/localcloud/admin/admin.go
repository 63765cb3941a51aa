// Package admin is the local cloud's administration: what tests and operators
// ask of the record, and how they inject faults. It answers JSON. It leaves the
// record and the faults to package calls, jobs to package mediaconvert.
package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert"
)

// maxBody bounds a request's body.
const maxBody = 1 << 20 // bytes

// Config says what is administered. All of it is required.
type Config struct {
	Calls *calls.Recorder
	Clock *clock.Clock
	Jobs  func() any  // every MediaConvert job, as it is to be shown
	Ready func() bool // whether all services serve

	Queues func() any // every SQS queue with its depths

	Invalidations func() any // what each CloudFront distribution has had invalidated

	Limits    func() mediaconvert.Limits // MediaConvert's quotas in force
	SetLimits func(mediaconvert.Limits) error
}

// Handler serves the administration:
//
//	GET /healthz        200 once every service serves, 503 before
//	GET /calls          counts by "service.Operation" and HTTP status; PUT and DELETE forget them
//	GET /violations     requests and answers that broke the published models
//	GET /jobs           every MediaConvert job
//	GET /queues         every SQS queue, with how many messages it has and had
//	GET /invalidations  of each distribution: paths in all, in progress and at its highest, and every batch
//	GET /faults         the faults that have not ended; PUT replaces them, DELETE ends them
//	GET /quotas         MediaConvert's quotas; PUT changes those that it names, 0 being none at all
//	GET /clock          the cloud's time and its rate
//	/aws, /aws/…        any AWS service that the cloud does not have: 501 by its name
func Handler(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, []string{"/healthz", "/calls", "/violations", "/jobs", "/queues", "/invalidations", "/faults", "/quotas", "/clock"})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		switch err := c.Calls.Err(); {
		case !c.Ready():
			write(w, http.StatusServiceUnavailable, map[string]string{"status": "starting"})
		case err != nil:
			write(w, http.StatusServiceUnavailable, map[string]string{"status": "the record is incomplete", "error": err.Error()})
		default:
			write(w, http.StatusOK, map[string]string{"status": "ok"})
		}
	})
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Calls.Counts()) })
	mux.HandleFunc("DELETE /calls", c.reset)
	mux.HandleFunc("PUT /calls", c.reset)
	mux.HandleFunc("GET /violations", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, append([]calls.Violation{}, c.Calls.Violations()...))
	})
	mux.HandleFunc("GET /jobs", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Jobs()) })
	mux.HandleFunc("GET /queues", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Queues()) })
	mux.HandleFunc("GET /invalidations", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Invalidations()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Calls.Faults()) })
	mux.HandleFunc("PUT /faults", c.setFaults)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		_ = c.Calls.SetFaults(nil) // no fault is never a wrong one
		write(w, http.StatusOK, c.Calls.Faults())
	})
	mux.HandleFunc("GET /quotas", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.Limits()) })
	mux.HandleFunc("PUT /quotas", c.setLimits)
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) {
		now := c.Clock.Now()
		write(w, http.StatusOK, map[string]any{"now": now, "rate": c.Clock.Rate(), "ahead_seconds": time.Until(now).Seconds()})
	})
	other := c.Calls.Wrap("other", service, func(w http.ResponseWriter, r *http.Request, _ bool, status int) {
		write(w, status, map[string]string{"message": http.StatusText(status)})
	}, http.HandlerFunc(none))
	mux.Handle("/aws", other) // as botocore writes the root
	mux.Handle("/aws/", other)
	return mux
}

func (c Config) reset(w http.ResponseWriter, _ *http.Request) {
	if err := c.Calls.Reset(); err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	write(w, http.StatusOK, c.Calls.Counts())
}

// setFaults takes a list of faults. A wrong one changes nothing.
func (c Config) setFaults(w http.ResponseWriter, r *http.Request) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	var faults []calls.Fault
	if err := d.Decode(&faults); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("faults: want a list of {api, kind, rate, latency_ms, code, codes, seed, times}: %w", err))
		return
	}
	if err := c.Calls.SetFaults(faults); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	write(w, http.StatusOK, c.Calls.Faults())
}

// setLimits takes new quotas. Wrong ones change nothing.
func (c Config) setLimits(w http.ResponseWriter, r *http.Request) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	var l mediaconvert.Limits
	if err := d.Decode(&l); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("quotas: want {rate, burst, concurrentJobs}: %w", err))
		return
	}
	if err := c.SetLimits(l); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("quotas: %w", err))
		return
	}
	write(w, http.StatusOK, c.Limits())
}

// service names the service that a request is signed for, from its credential
// scope: KEY/DATE/REGION/SERVICE/aws4_request.
func service(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	if parts := strings.Split(scope, "/"); len(parts) == 5 && len(parts[3]) <= 64 {
		return parts[3]
	}
	return "unsigned"
}

// none answers for a service that the cloud does not have, in a form that the
// JSON, the XML and the query protocols' clients make an error of.
func none(w http.ResponseWriter, r *http.Request) {
	name := service(r)
	w.Header().Set("X-Amzn-Errortype", "NotImplemented")
	message := "The local cloud has no service " + name + "."
	if t := r.Header.Get("Content-Type"); strings.Contains(t, "json") {
		write(w, http.StatusNotImplemented, map[string]string{"__type": "NotImplemented", "message": message})
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusNotImplemented)
	fmt.Fprintf(w, "<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>%s</Message></Error></ErrorResponse>", xmlText.Replace(message))
}

var xmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func fail(w http.ResponseWriter, status int, err error) {
	write(w, status, map[string]string{"error": err.Error()})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client may be gone
}
