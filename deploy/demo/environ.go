package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// foreign reports whether a variable of the caller's could lead the demo, or
// what it starts, to another cloud or fleet than its own.
func foreign(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "VODFLEET_")
}

// settle takes what is foreign out of the demo's own environment and points the
// AWS SDK at no file of the caller's.
func settle() {
	for _, v := range os.Environ() {
		if foreign(v) {
			name, _, _ := strings.Cut(v, "=")
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// The buckets of the Procfile's cloud.
const (
	libraryBucket = "vodfleet-library"
	outputBucket  = "vodfleet-output"
	ledgerBucket  = "vodfleet-ledger"
	ledgerPrefix  = "fleet"
	reports       = "s3://vodfleet-reports/inventory"
)

// base are the variables that the cloud itself needs.
func base(dir string, p ports) []string {
	vars := []string{
		"VODFLEET_RUN=" + dir,
		"VODFLEET_REDIS_URL=redis://" + p.addr("REDIS_PORT") + "/0",
		"VODFLEET_SOURCES=" + libraryBucket,
		"VODFLEET_LEDGER=s3://" + ledgerBucket + "/" + ledgerPrefix,
		"VODFLEET_INVENTORY=" + reports,
		"VODFLEET_WATCH_EVERY=1s",
		"VODFLEET_MAX_NEW=1000000", // nothing is paid for here
		"VODFLEET_GRACE=1m",
		"VODFLEET_DRAIN_TIMEOUT=5s",
		"VODFLEET_DASHBOARD_ADDR=" + p.addr("DASHBOARD_PORT"),
	}
	for _, u := range usual[:7] {
		vars = append(vars, fmt.Sprintf("%s=%d", u.name, p[u.name]))
	}
	return vars
}

// cloudEnv asks the running cloud for the variables that point at it.
func cloudEnv(root, dir string) ([]string, error) {
	cmd := exec.Command(filepath.Join(root, "bin", "localcloud"), "env", "--vodfleet", "--dir", filepath.Join(dir, "cloud"))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask the local cloud where it is: %w", err)
	}
	var vars []string
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			name, value, _ := strings.Cut(v, "=")
			if name == "VODFLEET_UPLOADS_QUEUE_URL" {
				continue // the demo shows the way from report to player
			}
			vars = append(vars, name+"="+unquoteShell(value))
		}
	}
	return vars, nil
}

// unquoteShell undoes the quoting of one word of a POSIX shell.
func unquoteShell(v string) string {
	if len(v) > 1 && strings.HasPrefix(v, "'") && strings.HasSuffix(v, "'") {
		return strings.ReplaceAll(v[1:len(v)-1], `'\''`, "'")
	}
	return v
}

// writeEnv writes variables as runners of Procfiles read them.
func writeEnv(file string, vars []string) error {
	var b strings.Builder
	for _, v := range slices.Sorted(slices.Values(vars)) {
		name, value, _ := strings.Cut(v, "=")
		if strings.ContainsAny(value, " '\"$\\#") {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`
		}
		fmt.Fprintf(&b, "%s=%s\n", name, value)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	return nil
}
