package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MaxRecord is the most bytes of a stored record. A usual one has 4 KiB; the
// bounds of what a record keeps stay below 200 KiB.
const MaxRecord = 1 << 20

// Encode returns the stored form of r, JSON, which is the same for the same
// record. It fails if that is larger than [MaxRecord].
func Encode(r *Record) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode record of asset %s: %w", r.Asset, err)
	}
	if b.Len() > MaxRecord {
		return nil, fmt.Errorf("encode record of asset %s: %d bytes, limit %d", r.Asset, b.Len(), MaxRecord)
	}
	return b.Bytes(), nil
}

// Decode reads a stored record. It fails with [ErrNewer] for a newer schema and
// with [ErrCorrupt] for anything else that is no record.
//
// Members that this package does not know are ignored, and are not kept when
// the record is written again: a member that must outlive a write by an older
// worker comes with a higher [Schema], which older workers leave alone.
// Whether the record keeps the ledger's rules is for [Record.Check].
func Decode(body []byte) (*Record, error) {
	if len(body) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrCorrupt, len(body), MaxRecord)
	}
	r := new(Record)
	if err := json.Unmarshal(body, r); err != nil {
		// A newer schema may have members of other types.
		var v struct {
			Schema int `json:"schema"`
		}
		if json.Unmarshal(body, &v) == nil && v.Schema > Schema {
			return nil, newer(v.Schema)
		}
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	switch {
	case r.Schema > Schema:
		return nil, newer(r.Schema)
	case r.Schema < 1:
		return nil, fmt.Errorf("%w: schema %d", ErrCorrupt, r.Schema)
	}
	return r, nil
}

func newer(schema int) error {
	return fmt.Errorf("%w: %d, this version knows %d", ErrNewer, schema, Schema)
}
