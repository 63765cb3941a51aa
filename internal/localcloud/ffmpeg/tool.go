// Package ffmpeg runs ffmpeg and ffprobe: it probes a source, encodes it once
// into a mezzanine of single-track fragmented MP4 files with closed GOPs, and
// multiplexes tracks of the mezzanine into containers without encoding again.
// What to make, and how the files are named and listed, is left to packages
// transcode and pack.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// niceness keeps transcodes from starving the rest of the machine.
const niceness = 10

// maxStderr bounds how much of a process's complaints is kept.
const maxStderr = 8 << 10

// inputFormats are the demuxers that a source may need: containers of audio
// and video. Playlists, scripts, pictures and texts are not media to the
// service, and some of them would make ffmpeg read other files.
const inputFormats = "mov,matroska,webm,mxf,wav,w64,avi,mpegts,mpeg,mpegvideo,mp3,flv,asf,ogg,flac,aac,gxf,dv,ac3,eac3,aiff,amr"

// Tools runs the two programs. The zero value finds them by PATH.
type Tools struct {
	FFmpeg  string // path; empty: ffmpeg of PATH
	FFprobe string // path; empty: ffprobe of PATH
}

// Check fails if one of the programs is missing.
func (t Tools) Check() error {
	for _, p := range []string{t.ffmpeg(), t.ffprobe()} {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("find %s: %w", p, err)
		}
	}
	return nil
}

func (t Tools) ffmpeg() string {
	if t.FFmpeg != "" {
		return t.FFmpeg
	}
	return "ffmpeg"
}

func (t Tools) ffprobe() string {
	if t.FFprobe != "" {
		return t.FFprobe
	}
	return "ffprobe"
}

// run runs one program to its end and hands its standard output to read, if
// not nil. The process and its children are killed when ctx ends. An error
// carries the last of what the program complained about.
func run(ctx context.Context, read func(io.Reader) error, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	complaints := &tail{most: maxStderr}
	cmd.Stderr = complaints
	var out io.Reader
	if read != nil {
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			return fmt.Errorf("run %s: %w", program, err)
		}
		out = pipe
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	_ = syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, niceness) // without it the job is only less polite
	var readErr error
	if read != nil {
		readErr = read(out)
		_, _ = io.Copy(io.Discard, out)
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", program, context.Cause(ctx))
	}
	if err != nil {
		return &ExitError{Program: program, Complaint: complaints.String(), err: err}
	}
	return readErr
}

// ExitError is a program's failure.
type ExitError struct {
	Program   string
	Complaint string // the last of its standard error
	err       error
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Program, e.err, lastLine(e.Complaint))
}

func (e *ExitError) Unwrap() error { return e.err }

// Complaint returns what the program that failed with err said last, or "".
func Complaint(err error) string {
	if e, ok := errors.AsType[*ExitError](err); ok {
		return lastLine(e.Complaint)
	}
	return ""
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// tail keeps the last bytes written to it.
type tail struct {
	most int
	buf  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n > t.most {
		p = p[n-t.most:]
	}
	if over := t.buf.Len() + len(p) - t.most; over > 0 {
		t.buf.Next(over)
	}
	t.buf.Write(p)
	return n, nil
}

func (t *tail) String() string { return t.buf.String() }
