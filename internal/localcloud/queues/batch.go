package queues

import (
	"regexp"
)

// maxBatch is how many entries a batch may have.
const maxBatch = 10

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// failure is the answer about an entry that failed.
type failure struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

type batchAnswer struct {
	Successful []any
	Failed     []failure
}

type batchRequest[T any] struct {
	queueRequest
	Entries []T
}

// batch carries out an operation on each entry of a request: some may succeed
// where others fail.
func batch[T any](s *Service, c *call, id func(*T) string, do func(*queue, *T) (any, error)) (any, error) {
	return about(s, c, func(q *queue, r *batchRequest[T]) (any, error) {
		if err := checkBatch(c, r.Entries, id); err != nil {
			return nil, err
		}
		answer := batchAnswer{Successful: []any{}, Failed: []failure{}}
		for i := range r.Entries {
			v, err := do(q, &r.Entries[i])
			if err != nil {
				e := apiErrorOf(err)
				answer.Failed = append(answer.Failed, failure{id(&r.Entries[i]), e.status < 500, e.code, e.text})
				continue
			}
			answer.Successful = append(answer.Successful, v)
		}
		return answer, nil
	})
}

// checkBatch refuses a batch as a whole.
func checkBatch[T any](c *call, entries []T, id func(*T) string) error {
	switch {
	case len(entries) == 0:
		return refuse("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > maxBatch:
		return refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(entries))
	case len(c.body) > 2*maxSize:
		return refuse("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes.", maxSize)
	}
	seen := make(map[string]bool)
	for i := range entries {
		each := id(&entries[i])
		if !entryID.MatchString(each) {
			return refuse("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[each] {
			return refuse("BatchEntryIdsNotDistinct", "Id %s repeated.", each)
		}
		seen[each] = true
	}
	return nil
}
