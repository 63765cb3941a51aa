package composetest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

const top = "../.."

// load reads docker-compose.yml as Compose does, with every profile, and fails
// on anything that Compose would warn of.
func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	said := logtest.NewGlobal()
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) })
	options, err := cli.NewProjectOptions([]string{filepath.Join(top, "docker-compose.yml")},
		cli.WithName("vodfleet"), cli.WithEnv(env), cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	for _, e := range said.AllEntries() {
		if e.Level <= logrus.WarnLevel {
			t.Errorf("Compose warns: %s", e.Message)
		}
	}
	return project
}

func TestServices(t *testing.T) {
	p := load(t)
	if got, want := p.ServiceNames(), []string{"dashboard", "enqueuer", "localcloud", "redis", "worker"}; !slices.Equal(got, want) {
		t.Fatalf("services = %q, want %q", got, want)
	}
	for name, s := range p.Services {
		if uid, _, _ := strings.Cut(s.User, ":"); uid == "" || uid == "0" || !regexp.MustCompile(`^\d+$`).MatchString(uid) {
			t.Errorf("%s runs as %q, want a user by number that is not root", name, s.User)
		}
		if !s.ReadOnly || s.Privileged || len(s.CapAdd) > 0 || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s is not contained: read_only %v, privileged %v, caps +%v -%v, security %v", name, s.ReadOnly, s.Privileged, s.CapAdd, s.CapDrop, s.SecurityOpt)
		}
		if h := s.HealthCheck; h == nil || len(h.Test) < 2 || h.Test[0] != "CMD" {
			t.Errorf("%s has no health check that runs without a shell", name)
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("%s restarts %q", name, s.Restart)
		}
		if s.StopGracePeriod == nil {
			t.Errorf("%s has no grace to stop in", name)
		}
		if s.ContainerName != "" || s.NetworkMode != "" {
			t.Errorf("%s cannot be scaled: container %q, network %q", name, s.ContainerName, s.NetworkMode)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q, want on loopback only", name, port.Published, port.HostIP)
			}
		}
		if name != "redis" && name != "localcloud" && s.DependsOn["redis"].Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not wait for a healthy redis", name)
		}
	}
	if ports := slices.Concat(p.Services["worker"].Ports, p.Services["redis"].Ports); len(ports) > 0 {
		t.Errorf("worker and redis publish %v", ports)
	}
	if got := p.Services["localcloud"].Profiles; !slices.Equal(got, []string{"local"}) {
		t.Errorf("localcloud is in the profiles %q", got)
	}
	worker := p.Services["worker"]
	drain, err := time.ParseDuration(*worker.Environment["VODFLEET_DRAIN_TIMEOUT"])
	if err != nil || time.Duration(*worker.StopGracePeriod) < drain+10*time.Second {
		t.Errorf("a worker drains for %v (%v) and is killed after %v", drain, err, worker.StopGracePeriod)
	}
	redis := strings.Join(p.Services["redis"].Command, " ")
	if !strings.Contains(redis, "--appendonly yes") || !strings.Contains(redis, "--maxmemory-policy noeviction") {
		t.Errorf("redis runs %q", redis)
	}
	if v := p.Services["redis"].Volumes; len(v) != 1 || v[0].Source != "redis" || v[0].Target != "/data" {
		t.Errorf("redis has the volumes %v", v)
	}
}

// TestEnvironment: what is set comes in, what is not stays unset.
func TestEnvironment(t *testing.T) {
	for name, s := range load(t).Services {
		for v, value := range s.Environment {
			if value != nil && !slices.Contains([]string{"VODFLEET_REDIS_URL", "VODFLEET_ADMIN_ADDR", "VODFLEET_DRAIN_TIMEOUT", "VODFLEET_WATCH_ADMIN_ADDR", "VODFLEET_DASHBOARD_ADDR"}, v) {
				t.Errorf("%s: %s is %q where nobody has set it", name, v, *value)
			}
		}
	}
	p := load(t, "AWS_REGION=eu-west-1", "VODFLEET_LEDGER=s3://l/x", "VODFLEET_REDIS_URL=rediss://u:p@r/1", "VODFLEET_DASHBOARD_PASSWORD=secret")
	for _, want := range []struct{ service, name, value string }{
		{"worker", "AWS_REGION", "eu-west-1"},
		{"enqueuer", "AWS_REGION", "eu-west-1"},
		{"worker", "VODFLEET_LEDGER", "s3://l/x"},
		{"dashboard", "VODFLEET_REDIS_URL", "rediss://u:p@r/1"},
		{"dashboard", "VODFLEET_DASHBOARD_PASSWORD", "secret"},
	} {
		if got := p.Services[want.service].Environment[want.name]; got == nil || *got != want.value {
			t.Errorf("%s: %s = %v, want %q", want.service, want.name, got, want.value)
		}
	}
	for v := range p.Services["dashboard"].Environment {
		if strings.HasPrefix(v, "AWS_") {
			t.Errorf("the dashboard, which needs nothing of AWS, gets %s", v)
		}
	}
}

// TestSettingsPass: every variable that the programs read is passed to one of
// them, and no other.
func TestSettingsPass(t *testing.T) {
	read := map[string]bool{}
	variable := regexp.MustCompile(`\benv:"(VODFLEET_[A-Z_]+)"`)
	for _, dir := range []string{"worker", "enqueuer", "internal/config"} {
		files, err := filepath.Glob(filepath.Join(top, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", dir, files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
				read[m[1]] = true
			}
		}
	}
	p, passed := load(t), map[string]bool{}
	for name, s := range p.Services {
		for v := range s.Environment {
			passed[v] = true
			if strings.HasPrefix(v, "VODFLEET_") && !read[v] {
				t.Errorf("%s gets %s, which no program reads", name, v)
			}
		}
	}
	for v := range read {
		if !passed[v] {
			t.Errorf("no service gets %s", v)
		}
	}
}

// TestLocal: the file that puts the local cloud in AWS's place leaves no
// setting out that the programs ask for.
func TestLocal(t *testing.T) {
	file := filepath.Join(top, "deploy/compose/local.env")
	options, err := cli.NewProjectOptions([]string{filepath.Join(top, "docker-compose.yml"), filepath.Join(top, "deploy/compose/check.yml")},
		cli.WithName("vodfleet"), cli.WithEnvFiles(file), cli.WithDotEnv, cli.WithProfiles([]string{"local"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for service, names := range map[string][]string{
		"worker":    {"VODFLEET_SOURCES", "VODFLEET_OUTPUT", "VODFLEET_LEDGER", "VODFLEET_VIEWER_URL", "VODFLEET_MEDIACONVERT_ROLE", "VODFLEET_EVENTS_QUEUE_URL", "AWS_REGION", "AWS_ENDPOINT_URL_MEDIACONVERT", "AWS_ENDPOINT_URL_SQS"},
		"enqueuer":  {"VODFLEET_INVENTORY", "VODFLEET_UPLOADS_QUEUE_URL", "VODFLEET_LEDGER", "AWS_ENDPOINT_URL_S3"},
		"dashboard": {"VODFLEET_DASHBOARD_USER", "VODFLEET_DASHBOARD_PASSWORD"},
	} {
		for _, name := range names {
			if v := p.Services[service].Environment[name]; v == nil || *v == "" {
				t.Errorf("with local.env, %s has no %s", service, name)
			}
		}
	}
}
