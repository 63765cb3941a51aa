package config

import "testing"

// The name is in the jobs of fleets that are at work: it must not change.
func TestFleet(t *testing.T) {
	var l Ledger
	if err := l.Ledger.UnmarshalText([]byte("s3://ledger/fleet")); err != nil {
		t.Fatal(err)
	}
	if got, want := l.Fleet(), "0c0749d1b87e68b3"; got != want {
		t.Errorf("fleet is %s, want %s", got, want)
	}
}
