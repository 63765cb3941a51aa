package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestComposeFile: Debian's docker-compose, of version 1, takes the file
// without a word, whether or not anything is set. What the current Compose
// specification says of it, and what it promises, is tested in
// deploy/composetest; deploy/compose/check.sh runs it.
func TestComposeFile(t *testing.T) {
	path, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Fatal("docker-compose is missing: apt-get install --no-install-recommends docker-compose")
	}
	for name, args := range map[string][]string{
		"as it is":         {},
		"with local cloud": {"--env-file", "deploy/compose/local.env", "--profile", "local"},
		"as checked":       {"--env-file", "deploy/compose/local.env", "--profile", "local", "-f", "docker-compose.yml", "-f", "deploy/compose/check.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), path, append(args, "config")...)
			cmd.Dir = "../.."
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil || said.Len() > 0 {
				t.Fatalf("docker-compose config: %v: %s", err, said.String())
			}
			for _, service := range []string{"redis", "worker", "enqueuer", "dashboard", "localcloud"} {
				if !strings.Contains(string(out), "\n  "+service+":\n") {
					t.Errorf("it shows no service %s:\n%s", service, out)
				}
			}
		})
	}
}
