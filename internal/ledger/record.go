// Package ledger keeps what is known of each asset as one JSON record in object
// storage: the truth from which queues and entry documents can be made again.
//
// [Record] and its methods are pure: what may follow what, and nothing else.
// A transition either is refused with an error and leaves the record as it is,
// or is made. [Store] keeps records, changed only by compare-and-swap, the
// markers that make them listable, and profiles. When to make which transition
// is for the stages.
package ledger

import (
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Schema is the highest version of [Record] that this package knows. A record
// gets the lowest that says all that it holds, so that older workers go on with
// those that they can read: see [Record.schema].
const Schema = 2

// Record is all that is known of one asset: the truth from which queues,
// markers and entry documents can be made again.
type Record struct {
	Schema     int            `json:"schema"`
	Asset      string         `json:"asset"`
	Location   cloud.Location `json:"source"`
	Source     Source         `json:"source_facts"`
	Reference  string         `json:"reference,omitempty"` // the caller's
	Lane       string         `json:"lane,omitempty"`
	Wanted     Revision       `json:"wanted"`            // what viewers should get
	Failure    *Failure       `json:"failure,omitempty"` // of the wanted revision, where it failed before it had a build
	Builds     []Build        `json:"builds,omitempty"`  // ascending by number; old ones without files are dropped
	NextBuild  int            `json:"next_build"`        // number of the next build; numbers are never used again
	Current    int            `json:"current,omitempty"` // build that viewers get; 0 for none
	Previous   int            `json:"previous,omitempty"`
	Seq        int            `json:"seq"`                // switches so far
	Switched   time.Time      `json:"switched,omitzero"`  // when the last of them was made
	EntriesSeq int            `json:"entries_seq"`        // the switch that the entry documents show
	LiveSeq    int            `json:"live_seq"`           // the switch that invalidate-or-rename has finished
	Rejected   []string       `json:"rejected,omitempty"` // revision IDs that an operator rolled back from
	Removed    *Removal       `json:"removed,omitempty"`  // nobody gets the asset until it is restored; nil if it is not so
	Taken      int            `json:"taken,omitempty"`    // the switch of the last removal, after which there is no current build
	Redriven   int            `json:"redriven,omitempty"` // failures of builds below this number count no more: an operator ordered another try
	History    []Event        `json:"history,omitempty"`  // the latest, bounded
	Marks      Marks          `json:"marks,omitzero"`     // kept by [Store.Update]
	Updated    time.Time      `json:"updated"`            // by the cloud's clock
	Nonce      string         `json:"nonce"`              // of the write
	Nonces     []string       `json:"nonces,omitempty"`   // of the writes before, the latest first, bounded

	stored *stored // as this record was read or written; see [Store.UpdateFrom]
}

// Source are facts of the source as it was last looked at.
type Source struct {
	Version      string    `json:"version"` // tasks.SourceVersion of ETag and size
	ETag         string    `json:"etag"`
	Size         int64     `json:"size"` // bytes
	VersionID    string    `json:"version_id,omitempty"`
	LastModified time.Time `json:"last_modified"`
}

// Revision is content that viewers should get: a source version under a profile.
type Revision struct {
	ID      string `json:"id"` // hash of the other two
	Source  string `json:"source"`
	Profile string `json:"profile"` // digest
}

// State is where a build is on its way.
type State string

const (
	Planned     State = "planned"     // to be submitted
	Submitting  State = "submitting"  // an intent is written; a job may exist
	Transcoding State = "transcoding" // its job is known
	Transcoded  State = "transcoded"  // its job is complete
	Published   State = "published"   // verified, and has been shown to viewers
	Failed      State = "failed"
	Superseded  State = "superseded" // another revision is wanted; never shown
	Retiring    State = "retiring"   // its files are being deleted
	Retired     State = "retired"    // its files are gone
)

// Build is one attempt to make a revision. It has at most one job, and one
// output prefix that no other build ever uses.
type Build struct {
	Number   int            `json:"number"`
	Revision Revision       `json:"revision"`
	State    State          `json:"state"`
	Created  time.Time      `json:"created"`
	Spec     *cloud.JobSpec `json:"spec,omitempty"` // what its job shall make; dropped when retired
	Intent   *Intent        `json:"intent,omitempty"`
	Job      string         `json:"job,omitempty"`
	JobDone  time.Time      `json:"job_done,omitzero"` // when its job ended
	Outputs  *Outputs       `json:"outputs,omitempty"` // verified
	Failure  *Failure       `json:"failure,omitempty"`
	Resumed  bool           `json:"resumed,omitempty"`  // it had failed with its job complete, and was taken up again
	Warnings []string       `json:"warnings,omitempty"` // such as tracks that the profile drops
	Replaced time.Time      `json:"replaced,omitzero"`  // when it was superseded, or when another build was live in its place; zero if it failed
}

// Intent is the promise to create one job, written before it is asked for. The
// request is signed as of At, and only the run that wrote the intent sends it.
type Intent struct {
	Token    string    `json:"token"`
	At       time.Time `json:"at"`
	Looked   time.Time `json:"looked,omitzero"`    // when the first look-up began that could not have missed its job, and found none
	Refused  bool      `json:"refused,omitempty"`  // the service refused the request: there is no job of it
	Renewals int       `json:"renewals,omitempty"` // intents of the build before this one

	// Unanswered counts the intents just before this one that came to nothing
	// without a word from the service.
	Unanswered int `json:"unanswered,omitempty"`
}

// Failure is why something ended without streams.
type Failure struct {
	Class    Class     `json:"class"`
	Code     int       `json:"code,omitempty"` // the transcoder's
	Message  string    `json:"message"`        // for a person
	Stage    string    `json:"stage"`
	Attempts int       `json:"attempts,omitempty"`
	At       time.Time `json:"at"`

	// Quarantine says that the file itself is to blame: no profile tries the
	// source version again.
	Quarantine bool `json:"quarantine,omitempty"`
}

// Class groups failures by what can be done about them.
type Class string

const (
	BadSource  Class = "bad-source"  // the file itself; a new upload mends it
	SourceGone Class = "source-gone" // deleted before it was transcoded
	Archived   Class = "archived"    // must be restored first
	Settings   Class = "settings"    // the profile or template
	Access     Class = "access"      // roles, policies, buckets
	Capacity   Class = "capacity"    // too much for one job
	Transient  Class = "transient"   // passing, but too often
	Incomplete Class = "incomplete"  // the job is complete and its files are not
	Canceled   Class = "canceled"    // by somebody else

	// Distribution: the build is whole, and viewers could not play what it has
	// through the distribution. Its files are kept while its revision is wanted.
	Distribution Class = "distribution"
)

// Classes lists the classes.
var Classes = []Class{BadSource, SourceGone, Archived, Settings, Access, Capacity, Transient, Incomplete, Canceled, Distribution}

// Outputs are the verified files of a build. Paths are relative to the
// build's prefix.
type Outputs struct {
	Packages   []Package     `json:"packages"`
	Poster     string        `json:"poster,omitempty"`     // JPEG
	Thumbnails string        `json:"thumbnails,omitempty"` // WebVTT over the sprites
	Duration   time.Duration `json:"duration"`
	Files      int           `json:"files"`
	Bytes      int64         `json:"bytes"`
}

// Package is one verified package.
type Package struct {
	Name       string      `json:"name"` // "cmaf", "hls", …
	HLS        string      `json:"hls,omitempty"`
	DASH       string      `json:"dash,omitempty"`
	Smooth     string      `json:"smooth,omitempty"`
	Files      []string    `json:"files,omitempty"` // of mp4
	Renditions []Rendition `json:"renditions,omitempty"`
}

// Rendition is one quality of a package as its manifest declares it.
type Rendition struct {
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	Bandwidth int     `json:"bandwidth"` // bits a second, peak
	Codecs    string  `json:"codecs,omitempty"`
	FrameRate float64 `json:"frame_rate,omitempty"`
}

// Event is one line of an asset's history.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}
