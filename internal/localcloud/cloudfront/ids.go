package cloudfront

import (
	"crypto/rand"
	"math/big"
)

// newID returns prefix and random upper-case letters and digits, n characters
// in all, as the service names distributions, invalidations and versions.
func newID(prefix string, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	size := big.NewInt(int64(len(alphabet)))
	b := []byte(prefix)
	for len(b) < n {
		i, _ := rand.Int(rand.Reader, size) // never fails: rand.Reader does not
		b = append(b, alphabet[i.Int64()])
	}
	return string(b)
}

func newETag() string { return newID("E", 14) }
