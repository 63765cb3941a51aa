package config

import (
	"crypto/sha256"
	"encoding/hex"
)

// Fleet names the fleet in the jobs that it submits: programs that share a
// ledger are one fleet.
func (l Ledger) Fleet() string {
	sum := sha256.Sum256([]byte(l.Ledger.String()))
	return hex.EncodeToString(sum[:8])
}
