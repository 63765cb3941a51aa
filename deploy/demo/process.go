package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// processes are what the demo has started, in that order.
type processes struct {
	root, logs string
	all        []*process
	died       chan *process // the first that ended by itself
	once       sync.Once
	stopping   bool // guarded by mu
	mu         sync.Mutex
}

type process struct {
	name string
	log  string // path
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of its end, after done
}

func newProcesses(root, logs string) *processes {
	return &processes{root: root, logs: logs, died: make(chan *process, 1)}
}

// start runs a command of the Procfile by the shell, with only these variables
// besides the demo's own. It must be called on the main thread.
func (p *processes) start(name, command string, vars []string) error {
	file, err := os.Create(filepath.Join(p.logs, name+".log"))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer file.Close()
	one := &process{name: name, log: file.Name(), done: make(chan struct{})}
	one.cmd = exec.Command("/bin/sh", "-c", command)
	one.cmd.Dir, one.cmd.Env = p.root, append(os.Environ(), vars...)
	one.cmd.Stdout, one.cmd.Stderr = file, file
	one.cmd.SysProcAttr = ownGroup()
	if err := one.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p.all = append(p.all, one)
	go func() {
		one.err = one.cmd.Wait()
		close(one.done)
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.stopping {
			p.once.Do(func() { p.died <- one })
		}
	}()
	return nil
}

// stopTime is how long a process may take to stop when it is asked to.
const stopTime = 15 * time.Second

// stop stops all, from the last started to the first, each when those that
// need it are gone, and leaves nothing of their groups. A repeat is safe.
func (p *processes) stop() error {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	var errs []error
	for i := len(p.all) - 1; i >= 0; i-- {
		one := p.all[i]
		_ = one.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-one.done:
		case <-time.After(stopTime):
			errs = append(errs, fmt.Errorf("stop %s: it goes on after %v and is killed", one.name, stopTime))
		}
		_ = syscall.Kill(-one.cmd.Process.Pid, syscall.SIGKILL) // what is left of its group, mostly nothing
		<-one.done
	}
	p.all = nil
	return errors.Join(errs...)
}

// ended says how a process came to its end, with what it said last.
func (one *process) ended() error {
	how := "without an error"
	if one.err != nil {
		how = one.err.Error()
	}
	return fmt.Errorf("%s has ended: %s; it said last (%s):\n%s", one.name, how, one.log, lastLines(one.log, 12))
}

// lastLines returns the end of a file.
func lastLines(file string, n int) string {
	const most = 8 << 10 // bytes
	f, err := os.Open(file)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, 2) // a log that cannot be sought is shown from its start
	}
	text := make([]byte, most)
	read, _ := f.Read(text) // nothing read is nothing to show
	lines := strings.Split(strings.TrimSpace(string(text[:read])), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}
