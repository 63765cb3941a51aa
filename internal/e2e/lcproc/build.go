package lcproc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// Build returns the path of the binary, bin/localcloud of this repository,
// brought up to date; or what the environment variable LOCALCLOUD_BIN names,
// as it is. Test processes that run at once build one after another.
func Build(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("LOCALCLOUD_BIN"); bin != "" {
		return bin
	}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

var built = sync.OnceValues(func() (string, error) {
	root := Root()
	bin := filepath.Join(root, "bin", "localcloud")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(bin+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = filepath.Join(root, "internal", "localcloud")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &buildError{out, err}
	}
	return bin, nil
})

type buildError struct {
	out []byte
	err error
}

func (e *buildError) Error() string {
	return "build localcloud: " + e.err.Error() + "\n" + string(e.out)
}

func (e *buildError) Unwrap() error { return e.err }

// Root is the folder of the repository that this package was compiled from.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// ownGroup starts cmd as the leader of a process group, so that killGroup ends
// the tools that it has started too.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended just now
}
