package storm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Keeper keeps processes running as a supervisor does: one that ends is
// started again. Should the test's own process die, so do they.
type Keeper struct {
	dir string // of logs

	mu       sync.Mutex
	watchdog io.WriteCloser
	wg       sync.WaitGroup
}

// watchdog is told of processes, "+ PID" and "- PID", and kills those that are
// left when its standard input ends.
const watchdog = `p=; while read -r op pid; do
case $op in
+) p="$p $pid" ;;
-) q=; for i in $p; do [ "$i" = "$pid" ] || q="$q $i"; done; p=$q ;;
esac; done; [ -z "$p" ] || kill -9 $p`

// NewKeeper returns a keeper whose processes write their logs into dir.
func NewKeeper(dir string) (*Keeper, error) {
	cmd := exec.Command("sh", "-c", watchdog)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what interrupts the test is not for it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	k := &Keeper{dir: dir, watchdog: in}
	k.wg.Go(func() { _ = cmd.Wait() })
	return k, nil
}

// Close ends the watchdog, after every process has been stopped.
func (k *Keeper) Close() {
	_ = k.watchdog.Close()
	k.wg.Wait()
}

func (k *Keeper) tell(op string, pid int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fmt.Fprintf(k.watchdog, "%s %d\n", op, pid) // a watchdog that is gone cannot be helped
}

// again is how long after its end a process is started again.
const again = 300 * time.Millisecond

// Process is one place where a program runs, however often it is started.
type Process struct {
	Name string

	keeper *Keeper
	args   []string // with the program
	env    []string
	ended  func(error) // told of every end that nobody here has caused

	mu      sync.Mutex
	cmd     *exec.Cmd     // nil while none runs
	gone    chan struct{} // closed once cmd has ended
	killed  bool          // cmd has been, by us
	stalled bool
	over    chan struct{} // closed: not started any more
	wg      sync.WaitGroup
}

// Run starts a program and keeps it running until Stop.
func (k *Keeper) Run(name string, env, args []string, ended func(error)) *Process {
	p := &Process{Name: name, keeper: k, args: args, env: env, ended: ended, over: make(chan struct{})}
	p.wg.Go(p.keep)
	return p
}

func (p *Process) keep() {
	for {
		if err := p.once(); err != nil {
			p.ended(err)
		}
		select {
		case <-p.over:
			return
		case <-time.After(again):
		}
	}
}

// once runs the program to its end, and returns an error for an end of its own.
func (p *Process) once() error {
	log, err := os.OpenFile(p.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	gone := make(chan struct{})
	defer close(gone)
	p.mu.Lock()
	select {
	case <-p.over:
		p.mu.Unlock()
		return nil
	default:
	}
	if err := cmd.Start(); err != nil {
		p.mu.Unlock()
		return err
	}
	p.keeper.tell("+", cmd.Process.Pid)
	p.cmd, p.gone, p.killed, p.stalled = cmd, gone, false, false
	p.mu.Unlock()
	err = cmd.Wait()
	p.keeper.tell("-", cmd.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = nil
	if p.killed {
		return nil
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended by itself: %w", p.Name, err)
}

// Log is the path of what the program says.
func (p *Process) Log() string { return filepath.Join(p.keeper.dir, p.Name+".log") }

// Kill ends the program as kill -9 does and returns once it is gone. It
// reports false, and does nothing, for one that does not run or is stalled.
func (p *Process) Kill() bool {
	p.mu.Lock()
	if p.cmd == nil || p.killed || p.stalled {
		p.mu.Unlock()
		return false
	}
	p.killed = true
	_ = p.cmd.Process.Kill() // it may have ended just now
	gone := p.gone
	p.mu.Unlock()
	<-gone
	return true
}

// Stall stops the program as SIGSTOP does until resume is called, which may be
// repeated. It reports false for a program that does not run or is stalled.
func (p *Process) Stall() (resume func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.killed || p.stalled || p.cmd.Process.Signal(syscall.SIGSTOP) != nil {
		return nil, false
	}
	p.stalled = true
	cmd := p.cmd
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.cmd == cmd {
			_ = cmd.Process.Signal(syscall.SIGCONT)
			p.stalled = false
		}
	}, true
}

// Stop ends the program for good, by kill -9.
func (p *Process) Stop() {
	p.mu.Lock()
	select {
	case <-p.over:
	default:
		close(p.over)
	}
	if p.cmd != nil {
		p.killed = true
		_ = p.cmd.Process.Kill()
	}
	p.mu.Unlock()
	p.wg.Wait()
}
