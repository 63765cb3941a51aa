// Package redistest starts a real Redis for a test, where a likeness in memory
// would prove nothing: scripts, evictions, restarts, time.
package redistest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server on a free loopback port, with its own folder.
type Server struct {
	Addr string // HOST:PORT, the same over restarts

	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
	said bytes.Buffer
	hold io.Closer // while it is open, the server lives
}

// Start starts redis-server with further arguments, such as "--maxmemory",
// "10mb", and ends it with the test. Without any it keeps an append-only file,
// without waiting for the disk: what it had is there after a Restart. The test
// fails, and is never skipped, where redis-server is missing.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartIn(t, t.TempDir(), args...)
}

// StartIn is Start over a folder of the caller's, which may hold what an
// earlier server has kept there.
func StartIn(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing; install it: apt-get install -y redis-server (or: brew install redis)")
	}
	s := &Server{t: t, dir: dir, args: args}
	t.Cleanup(s.Kill)
	for range 5 { // a port that is free now may be taken the next moment
		if s.Addr, err = freeAddr(); err != nil {
			break
		}
		if err = s.start(); err == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("start redis-server: %v\n%s", err, s.said.Bytes())
	return nil
}

// StartReplica starts a replica of s, as [Start] does, and returns once it has
// all that s has.
func (s *Server) StartReplica(t testing.TB, args ...string) *Server {
	t.Helper()
	r := Start(t, append([]string{"--replicaof", "127.0.0.1 " + s.Port()}, args...)...)
	r.AwaitLink()
	return r
}

// AwaitLink returns once a replica is connected to its primary and has caught up.
func (s *Server) AwaitLink() {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer client.Close()
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		info, err := client.Info(s.t.Context(), "replication").Result()
		if err == nil && strings.Contains(info, "master_link_status:up") {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("replica %s is not connected: %v\n%s", s.Addr, err, info)
		}
	}
}

// URL is the server's URL, with database 0.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Port is the port of Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Kill ends the server as kill -9 does. It is safe to repeat.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.hold.Close()
	_ = s.cmd.Wait() // the shell's status tells nothing
	s.cmd = nil
}

// Restart starts the server again, on the same port and folder.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatalf("restart redis-server: %v", err)
	}
}

// watchdog runs a command and kills it when standard input ends, which it also
// does when the test's process dies without a clean-up.
const watchdog = `"$@" & pid=$!; read -r _; kill -9 $pid; wait $pid`

func (s *Server) start() error {
	args := []string{"-c", watchdog, "redistest", "redis-server", "--bind", "127.0.0.1", "--port", s.Port(),
		"--dir", s.dir, "--daemonize", "no", "--save", "",
		"--appendonly", "yes", "--appendfsync", "no", "--repl-diskless-sync-delay", "0"}
	var err error
	s.cmd = exec.Command("sh", append(args, s.args...)...)
	if s.hold, err = s.cmd.StdinPipe(); err != nil {
		s.cmd = nil
		return err
	}
	s.said.Reset()
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	return s.await(5 * time.Second)
}

// await waits until the server answers, and is the one that was started.
func (s *Server) await(limit time.Duration) error {
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", s.Addr, time.Second); err == nil {
			_ = conn.Close()
			if err = s.ours(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
				return err
			}
		}
	}
	return fmt.Errorf("no answer within %v: %w", limit, err)
}

func (s *Server) ours() error {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialTimeout: time.Second})
	defer client.Close()
	got, err := client.ConfigGet(s.t.Context(), "dir").Result()
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "NOAUTH"):
		return nil // it was given a password
	case err == nil && got["dir"] != s.dir:
		return fmt.Errorf("%s is another's Redis", s.Addr)
	}
	return err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
