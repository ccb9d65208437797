package testpeer

import (
	"os/exec"
	"syscall"
)

// endWithUs makes the kernel kill a process when this one ends, however it does.
func endWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
