package stage

import (
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// codes groups MediaConvert's error codes by what can be done about them; see
// "Job errors" in the MediaConvert user guide.
var codes = map[int]ledger.Class{
	1010: ledger.BadSource, 1020: ledger.BadSource, 1021: ledger.BadSource, 1030: ledger.BadSource,
	1075: ledger.BadSource, 1076: ledger.BadSource, 1092: ledger.BadSource, 3400: ledger.BadSource,
	1040: ledger.Settings, 1060: ledger.Settings, 1080: ledger.Settings,
	1041: ledger.Settings, 1042: ledger.Settings, 1550: ledger.Settings, // acceleration; see unaccelerated
	1401: ledger.Access, 1432: ledger.Access, 1433: ledger.Access, 1434: ledger.Access, 1515: ledger.Access,
	1091: ledger.Access, 3401: ledger.Access, 3403: ledger.Access, 3404: ledger.Access, 3457: ledger.Access,
	1404: ledger.SourceGone, 1056: ledger.SourceGone, // or not ours to read; a look at the source tells
	1050: ledger.Capacity, 1507: ledger.Capacity,
	codeBreakdown: ledger.Transient, 3408: ledger.Transient, 3450: ledger.Transient, 3451: ledger.Transient, 3999: ledger.Transient,
}

// codeBreakdown is the service's unexpected error. Time and again it is the
// file's doing.
const codeBreakdown = 1999

// unaccelerated are the codes of inputs and settings that do not go with
// accelerated transcoding.
var unaccelerated = map[int]bool{1041: true, 1042: true, 1550: true}

// remedy is what may follow a job that failed.
type remedy int

const (
	nothing remedy = iota
	another        // build, bounded: the reason may pass
	plain          // build without acceleration
)

// classify says why a job ended without streams, and what may end otherwise. An
// unknown code is taken for a passing one: it is bounded.
func classify(job cloud.Job, accelerated bool) (f ledger.Failure, follows remedy) {
	f = ledger.Failure{Code: job.ErrorCode, Stage: tasks.KindTranscodePoll, Message: job.Message}
	if job.State == cloud.JobCanceled {
		f.Class, f.Message = ledger.Canceled, "the job was canceled by somebody else; redrive the asset to transcode it"
		return f, nothing
	}
	if f.Message == "" {
		f.Message = "the service gave no reason"
	}
	if job.ErrorCode != 0 {
		f.Message = fmt.Sprintf("%s (MediaConvert error %d)", f.Message, job.ErrorCode)
	}
	class, known := codes[job.ErrorCode]
	if !known {
		class = ledger.Transient
	}
	f.Class, f.Quarantine = class, class == ledger.BadSource
	switch {
	case accelerated && unaccelerated[job.ErrorCode]:
		return f, plain
	case class == ledger.Transient:
		return f, another
	}
	return f, nothing
}
