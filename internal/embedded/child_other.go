//go:build !linux

package embedded

import "syscall"

// ChildAttr puts the child into a process group of its own; the pipe on its stdin tells it when
// the parent is gone.
func ChildAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
