package stage

import (
	"errors"
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// maxDenied is how often the request for one build's job may be denied before
// that is a failure: somebody may be about to mend the role or the policy.
const maxDenied = 5

// deniedError is the error of a request for a job that was denied.
type deniedError struct{ error }

func (e deniedError) Unwrap() error { return e.error }

// denials tell whose fault it is that calls are denied: the account's, where
// several assets are denied and none is allowed in between; else the asset's.
// The zero value is ready, and safe for concurrent use.
type denials struct {
	mu      sync.Mutex
	asset   string // the last that was denied
	several bool
}

// account notes the error of an asset's call, and reports whether the account
// is to blame for it. Credentials that are no good are the host's own.
func (d *denials) account(asset string, err error) bool {
	if !errors.Is(err, cloud.ErrDenied) || cloud.BadCredentials(err) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.several = d.several || d.asset != "" && d.asset != asset
	d.asset = asset
	return d.several
}

// allowed notes that a call was allowed.
func (d *denials) allowed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asset, d.several = "", false
}
