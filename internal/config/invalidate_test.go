package config

import "testing"

func TestInvalidate(t *testing.T) {
	for budget, ok := range map[int]bool{-1: false, 0: true, 1: true, 1_000_000_000: true} {
		if err := (Invalidate{budget}).Check(); (err == nil) != ok {
			t.Errorf("Check of %d = %v, want ok %v", budget, err, ok)
		}
	}
}
