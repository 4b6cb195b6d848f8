package embedded

import "syscall"

// ChildAttr puts the child into a process group of its own (Ctrl-C is for the parent, which then
// stops the child in order) and has the kernel kill it when the parent dies by any means.
func ChildAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
