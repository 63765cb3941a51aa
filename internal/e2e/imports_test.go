package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vodfleet/vodfleet/"

// house is who may import whom, ours only. A package that is not listed fails
// the test: a new one has to be given its place.
var house = map[string]string{
	"tasks":                    "",
	"internal/cloud":           "",
	"internal/config":          "internal/cloud",
	"internal/run":             "",
	"internal/ledger":          "internal/cloud",
	"internal/media":           "internal/cloud",
	"internal/cloud/memcloud":  "internal/cloud",
	"internal/cloud/awscloud":  "internal/cloud",
	"internal/cloud/cloudtest": "internal/cloud",
	"internal/delivery":        "internal/cloud internal/media internal/ledger",
	"internal/distribution":    "internal/cloud",
	"internal/doctor":          "internal/cloud internal/delivery internal/distribution internal/queue",
	"internal/queue":           "tasks",
	"internal/queue/redistest": "",
	"internal/stage":           "tasks internal/cloud internal/media internal/ledger internal/delivery internal/distribution internal/queue",
	"internal/inventory":       "tasks internal/cloud",
	"internal/reconcile":       "tasks internal/cloud internal/ledger internal/queue internal/stage",
	"internal/governor":        "internal/cloud",
	"internal/invalidate":      "internal/cloud internal/governor",
	"internal/admin":           "tasks internal/queue",
	"internal/e2e":             "*",
	"internal/e2e/lcproc":      "",
	"internal/e2e/clips":       "",
	"internal/e2e/players":     "internal/e2e/clips",
	"internal/e2e/show":        "",
	"internal/e2e/bench":       "*",
	"internal/e2e/fleet":       "*",
	"internal/e2e/sim":         "*",
	"internal/e2e/storm":       "*",
	"worker":                   "*",
	"enqueuer":                 "*",
	"deploy/demo":              "*",
}

// doors are the outside libraries that only some packages may use.
var doors = map[string]string{
	"github.com/hibiken/asynq":      "tasks internal/queue internal/admin",
	"github.com/hibiken/asynqmon":   "internal/admin",
	"github.com/aws/":               "internal/cloud/awscloud",
	"github.com/redis/go-redis":     "internal/queue internal/queue/redistest internal/governor internal/admin internal/e2e/sim",
	"github.com/alecthomas/kong":    "worker enqueuer",
	"github.com/prometheus/":        "internal/admin internal/queue internal/governor internal/invalidate internal/reconcile worker enqueuer",
	"go.yaml.in/yaml":               "internal/media",
	"github.com/jedib0t/go-pretty":  "enqueuer",
	"github.com/klauspost/compress": "internal/inventory",
	"github.com/chromedp/":          "internal/e2e/players",
	"github.com/alicebob/miniredis": "internal/governor internal/e2e/sim",
}

func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(line)
		name := strings.TrimPrefix(imports[0], module)
		allowed, listed := house[name]
		if !listed {
			t.Errorf("%s has no place: list in house what it may import", name)
			continue
		}
		for _, imported := range imports[1:] {
			if err := check(name, imported, strings.Fields(allowed)); err != nil {
				t.Error(err)
			}
		}
	}
}

func check(name, imported string, allowed []string) error {
	if slices.Contains(allowed, "*") {
		return nil
	}
	if ours, ok := strings.CutPrefix(imported, module); ok {
		if !slices.Contains(allowed, ours) {
			return fmt.Errorf("%s imports %s: it may import %q", name, ours, allowed)
		}
		return nil
	}
	for library, users := range doors {
		if strings.HasPrefix(imported, library) && !slices.Contains(strings.Fields(users), name) {
			return fmt.Errorf("%s imports %s: the door to it is %s", name, imported, users)
		}
	}
	if first, _, _ := strings.Cut(imported, "/"); name == "tasks" && strings.Contains(first, ".") && !strings.HasPrefix(imported, "github.com/hibiken/asynq") {
		return fmt.Errorf("tasks imports %s: it imports asynq and the standard library only", imported)
	}
	return nil
}

// TestImportRules shows that the rules can fail.
func TestImportRules(t *testing.T) {
	for _, tt := range []struct {
		name, imported string
		ok             bool
	}{
		{"internal/stage", module + "internal/ledger", true},
		{"internal/stage", module + "internal/inventory", false},
		{"internal/stage", "github.com/hibiken/asynq", false},
		{"internal/queue", "github.com/hibiken/asynq", true},
		{"internal/ledger", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"tasks", "go.uber.org/zap", false},
		{"tasks", "encoding/json", true},
		{"worker", module + "internal/stage", true},
	} {
		if err := check(tt.name, tt.imported, strings.Fields(house[tt.name])); (err == nil) != tt.ok {
			t.Errorf("check(%s, %s) = %v, want ok %v", tt.name, tt.imported, err, tt.ok)
		}
	}
}
