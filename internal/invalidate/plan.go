package invalidate

import (
	"time"

	"github.com/vodfleet/vodfleet/internal/governor"
)

// Times for which a batch collects. One asset alone goes on soon; of a crowd
// all that come within some minutes share an invalidation, since every one that
// is asked for early makes the others wait for room.
const (
	collect  = 20 * time.Second // whoever waits
	crowd    = 20               // assets that are no longer a few
	quiet    = 20 * time.Second // without a newcomer a crowd is complete
	patience = 3 * time.Minute  // of a crowd that does not end
)

// enough is the room for which a batch that would fill all of it is cut, rather
// than wait for the little that is in progress.
const enough = maxPaths * 2 / 3

// room says what a batch may hold.
type room struct {
	flying load // what is in progress
	budget int  // paths that may be paid for; below zero: any number
	most   int  // members; 0: any number
}

// form is a batch that could be made of those in line.
type form struct {
	members []member
	short   int // paths of the first who waits, if the budget does not allow them; else 0
}

// plan chooses whom the next batch holds, the oldest first; none: nothing is to
// be asked for yet. The line is without those that are in a batch already, and
// each of its members can be.
//
// Those with wildcards, of which few may be in progress, let others pass.
func plan(line governor.StaleLine, r room) form {
	var (
		f    form
		got  load
		full bool
		left = load{maxPaths - r.flying.paths, maxWildcards - r.flying.wildcards}
		most = maxPaths
		can  = line // those who need not wait for a wildcard
	)
	can.First = nil
	if left.paths >= enough {
		most = left.paths
	}
	for _, s := range line.First {
		with := got.plus(s.Paths)
		if with.wildcards > max(left.wildcards, 0) {
			can.Count--
			full = full || got.wildcards == maxWildcards
			continue
		}
		if with.paths > most || with.all() > maxPaths || r.most > 0 && len(f.members) == r.most {
			full = true
			break
		}
		if r.budget >= 0 && with.all() > r.budget {
			if len(f.members) == 0 {
				f.short = with.all()
			}
			full = true
			break
		}
		got = with
		can.First = append(can.First, s)
		f.members = append(f.members, member{s.Asset, s.Seq, s.Paths})
	}
	if got.paths > left.paths || !full && !complete(can) {
		f.members = nil
	}
	return f
}

// complete reports whether those in line need not wait for others.
func complete(line governor.StaleLine) bool {
	if len(line.First) == 0 {
		return false
	}
	waits := line.Now.Sub(line.First[0].Since)
	switch {
	case waits < collect:
		return false
	case line.Count < crowd, line.Now.Sub(line.Newest) >= quiet:
		return true
	}
	return waits >= patience
}
