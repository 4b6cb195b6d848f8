package embedded

import "syscall"

// childAttr puts the child into a process group of its own (Ctrl-C is for the parent, which then
// stops the child in order) and has the kernel kill it when the parent dies by any means.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
