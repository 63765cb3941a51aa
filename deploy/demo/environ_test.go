package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestForeign(t *testing.T) {
	for v, want := range map[string]bool{
		"AWS_PROFILE=work": true, "AWS_ENDPOINT_URL_S3=x": true, "VODFLEET_LEDGER=s3://prod/x": true,
		"PATH=/bin": false, "LIBRARY=/x": false, "MY_AWS_THING=1": false,
	} {
		if got := foreign(v); got != want {
			t.Errorf("foreign(%s) = %v, want %v", v, got, want)
		}
	}
}

func TestWriteEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := writeEnv(file, []string{"B=two words $5", "A=plain/path:1"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "A=plain/path:1\nB=\"two words \\$5\"\n"; string(got) != want {
		t.Errorf("env = %q, want %q", got, want)
	}
}
