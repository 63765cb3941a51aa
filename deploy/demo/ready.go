package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// startTime is how long Redis or the cloud may take to answer.
const startTime = time.Minute

// await asks until what is ready, for a while.
func await(ctx context.Context, name string, ready func() bool) error {
	deadline := time.Now().Add(startTime)
	for !ready() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer after %v; see its log", name, startTime)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// pings reports whether a Redis answers and has loaded what it kept.
func pings(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 5)
	n, _ := conn.Read(answer) // nothing read is no answer
	return string(answer[:n]) == "+PONG"
}

func healthy(admin string) bool {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get(admin + "/healthz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// ownLibrary returns the folder of a library of the user's and the one for what
// is kept of it, each library its own.
func ownLibrary(base, library string) (dir, folder string, err error) {
	folder, err = filepath.Abs(library)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	var info os.FileInfo
	if err == nil {
		info, err = os.Stat(folder)
	}
	if err != nil {
		return "", "", fmt.Errorf("library: %w", err)
	}
	if !info.IsDir() {
		return "", "", fmt.Errorf("library %s: not a folder", folder)
	}
	sum := sha256.Sum256([]byte(folder))
	return filepath.Join(base, "of-"+hex.EncodeToString(sum[:4])), folder, nil
}

// setenv sets variables of the demo's own process.
func setenv(vars []string) {
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		os.Setenv(name, value)
	}
}
