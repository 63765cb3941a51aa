package lcproc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Job is a MediaConvert job as GET /jobs shows it.
type Job struct {
	ID           string            `json:"id"`
	Status       string            `json:"status"` // SUBMITTED, PROGRESSING, COMPLETE, CANCELED, ERROR
	Phase        string            `json:"phase"`
	Percent      int               `json:"percent"`
	Queue        string            `json:"queue"` // ARN
	Token        string            `json:"token"` // ClientRequestToken
	UserMetadata map[string]string `json:"userMetadata"`
	Input        string            `json:"input"`
	Destinations []string          `json:"destinations"`
	Submitted    time.Time         `json:"submitted"`
	Started      *time.Time        `json:"started"`
	Finished     *time.Time        `json:"finished"`
	ErrorCode    int               `json:"errorCode"`
	ErrorMessage string            `json:"errorMessage"`
	Runs         int               `json:"runs"` // how often its work was begun
}

// Fault is a fault as PUT /faults takes it.
type Fault struct {
	API       string  `json:"api,omitempty"` // "service.Operation", "service" or "*"
	Kind      string  `json:"kind"`          // throttle, error, latency, lost-response, fail-job, odd-status
	Rate      float64 `json:"rate"`          // above 0 and up to 1
	LatencyMS int     `json:"latency_ms,omitempty"`
	Code      int     `json:"code,omitempty"`  // HTTP status of an error, or a job's error code
	Codes     []int   `json:"codes,omitempty"` // of failing jobs, each of which gets one, in place of Code
	Seed      uint64  `json:"seed,omitempty"`  // not 0: it and a job's input decide whether it fails and with which code
	Times     int     `json:"times,omitempty"` // after so many hits it ends; 0: never
}

// Limits are MediaConvert's quotas. Nil members stay as they are, zero means
// none at all.
type Limits struct {
	Rate           *float64 `json:"rate,omitempty"`           // calls a second of each API
	Burst          *int     `json:"burst,omitempty"`          // calls at once of each API
	ConcurrentJobs *int     `json:"concurrentJobs,omitempty"` // of one queue
}

// Violation is one way in which requests or answers broke a published model.
type Violation struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	What      string `json:"what"`
	Count     int    `json:"count"`
}

// Counts are the numbers of calls by "service.Operation" and HTTP status.
type Counts map[string]map[string]int

// Of returns how often an operation was called, whatever the answer.
func (c Counts) Of(operation string) int {
	n := 0
	for _, calls := range c[operation] {
		n += calls
	}
	return n
}

// Service returns how often any operation of a service was called.
func (c Counts) Service(name string) int {
	n := 0
	for operation := range c {
		if strings.HasPrefix(operation, name+".") {
			n += c.Of(operation)
		}
	}
	return n
}

// Calls returns the calls counted since the cloud's folder was made, or since
// ResetCalls.
func (p *Process) Calls() Counts { return get[Counts](p, "/calls") }

// ResetCalls forgets calls and violations.
func (p *Process) ResetCalls() {
	p.t.Helper()
	p.ask(http.MethodDelete, "/calls", nil, nil)
}

// Jobs returns every MediaConvert job by time of submission.
func (p *Process) Jobs() []Job { return get[[]Job](p, "/jobs") }

// Queue is a queue of SQS as GET /queues shows it.
type Queue struct {
	Name     string `json:"name"`
	Visible  int    `json:"visible"`
	InFlight int    `json:"inFlight"`
	Delayed  int    `json:"delayed"`
	Sent     int    `json:"sent"`    // since the start
	Deleted  int    `json:"deleted"` // since the start
	Lost     int    `json:"lost"`    // since the start, for want of room
}

// Queues returns every queue by name.
func (p *Process) Queues() []Queue { return get[[]Queue](p, "/queues") }

// Load is a number of invalidations and of the paths in them.
type Load struct {
	Batches   int `json:"batches"`
	Paths     int `json:"paths"` // single ones
	Wildcards int `json:"wildcards"`
}

// Account is what a distribution has had invalidated, as GET /invalidations
// shows it.
type Account struct {
	Distribution string  `json:"distribution"`
	Total        Load    `json:"total"`
	InProgress   Load    `json:"inProgress"`
	Highest      Load    `json:"highest"` // in progress at once
	Refused      int     `json:"refused"` // for want of room
	Batches      []Batch `json:"batches"` // oldest first
}

// Batch is one invalidation.
type Batch struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"` // InProgress, Completed
	Created   time.Time `json:"created"`
	Completed time.Time `json:"completed"` // or when it will be
	Paths     []string  `json:"paths"`
}

// Invalidations returns the account of the cloud's first distribution.
func (p *Process) Invalidations() Account {
	p.t.Helper()
	for _, a := range get[[]Account](p, "/invalidations") {
		if a.Distribution == p.Distribution {
			return a
		}
	}
	p.t.Fatalf("localcloud has no distribution %s", p.Distribution)
	return Account{}
}

// Violations returns what broke the published models.
func (p *Process) Violations() []Violation { return get[[]Violation](p, "/violations") }

// Faults returns the faults that have not ended.
func (p *Process) Faults() []Fault { return get[[]Fault](p, "/faults") }

// SetFaults replaces all faults; none ends them.
func (p *Process) SetFaults(faults ...Fault) {
	p.t.Helper()
	p.ask(http.MethodPut, "/faults", append([]Fault{}, faults...), nil)
}

// SetLimits changes MediaConvert's quotas.
func (p *Process) SetLimits(l Limits) {
	p.t.Helper()
	p.ask(http.MethodPut, "/quotas", l, nil)
}

// Now returns the cloud's time.
func (p *Process) Now() time.Time {
	return get[struct {
		Now time.Time `json:"now"`
	}](p, "/clock").Now
}

func get[T any](p *Process, path string) T {
	p.t.Helper()
	var v T
	p.ask(http.MethodGet, path, nil, &v)
	return v
}

func (p *Process) ask(method, path string, in, out any) {
	p.t.Helper()
	if err := p.try(method, path, in, out); err != nil {
		p.t.Fatalf("%s %s of localcloud: %v", method, path, err)
	}
}

func (p *Process) try(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.Admin+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", resp.Status, b)
	case out == nil:
		return nil
	}
	return json.Unmarshal(b, out)
}

// Env returns the environment of the cloud's clients as `localcloud env
// --vodfleet` gives it: "NAME=value" each.
func (p *Process) Env() []string {
	p.t.Helper()
	var env []string
	for line := range strings.Lines(p.Run("env", "--vodfleet")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			env = append(env, unquote(v))
		}
	}
	return env
}

// unquote undoes the quoting of a value that a shell would undo.
func unquote(v string) string {
	name, value, _ := strings.Cut(v, "=")
	if strings.HasPrefix(value, "'") && strings.HasSuffix(value, "'") && len(value) > 1 {
		value = strings.ReplaceAll(value[1:len(value)-1], `'\''`, "'")
	}
	return name + "=" + value
}

// Setenv points AWS SDKs in the test's own process at the cloud.
func (p *Process) Setenv(t *testing.T) {
	t.Helper()
	for _, v := range p.Env() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// Run runs another command of the binary over the cloud's folder, such as
// "inventory", and returns what it prints. It fails the test if that fails.
func (p *Process) Run(command string, args ...string) string {
	p.t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.Command(p.Binary, append([]string{command, "--dir", p.Dir}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("localcloud %s %s: %v\n%s", command, strings.Join(args, " "), err, &complaints)
	}
	return out.String()
}
