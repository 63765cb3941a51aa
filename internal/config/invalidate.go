package config

import "fmt"

// Invalidate says what dropping replaced entries from caches may cost. All
// workers of a fleet should be told the same.
type Invalidate struct {
	InvalidationBudget int `name:"invalidation-budget" env:"VODFLEET_INVALIDATION_BUDGET" default:"10000" help:"Most paths to invalidate in one month of UTC, two for most replaced videos; 0 for any number. CloudFront bills those beyond the account's first 1,000." placeholder:"N"`
}

// Check says what is wrong with the settings.
func (i Invalidate) Check() error {
	if i.InvalidationBudget < 0 {
		return fmt.Errorf("invalidation-budget %d: want 0 or more paths a month", i.InvalidationBudget)
	}
	return nil
}
