//go:build !linux

package main

import "syscall"

// ownGroup makes a process the leader of a group, so that a Ctrl-C reaches the
// demo alone, which then stops all in order, and so that what it has started
// itself can be ended with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
