package behind

import (
	"runtime"
	"syscall"
)

// behindBy is by how much a thread is nicer than the process: where both want a core,
// it gets a tenth of it. It is not less, because the garbage collector waits for all
// threads, and another program on the machine must not keep these from answering it.
const behindBy = 10

// Thread moves the calling goroutine to a thread of its own that is behind the others,
// where there is Room: without, it would keep a processor that it hardly uses.
// The goroutine must not unlock it: it ends with the goroutine, since a priority cannot
// be raised again. That the system refuses costs no more than the priority.
func Thread() {
	if !roomy() {
		return
	}
	runtime.LockOSThread()
	// Linux goes beyond POSIX here: what is asked and set for process 0 is the thread's.
	if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 20-raw+behindBy) // the raw call answers 20 less the value
	}
}

func roomy() bool {
	room.Lock()
	defer room.Unlock()
	return room.asked > 0
}
