// Package behind lets long work run behind everything else: on threads to which the
// kernel gives a core when nobody else wants it.
//
// Goroutines have no priorities, and each may keep a processor of the Go scheduler for
// 10 ms, which is longer than most requests take. So the goroutines of a backup move to
// threads of low priority (Thread), and the scheduler gets more processors (Room):
// requests then find one free, and the kernel takes the core away from the others at
// once. On Linux; elsewhere Thread does nothing.
package behind

import (
	"runtime"
	"sync"
)

var room struct {
	sync.Mutex
	asked, before int
}

// Room doubles the number of the scheduler's processors, so that goroutines on threads
// of low priority take none from the others. It stays doubled until the last who asked
// calls end.
func Room() (end func()) {
	room.Lock()
	defer room.Unlock()
	if room.asked++; room.asked == 1 {
		room.before = runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(2 * room.before)
	}
	return sync.OnceFunc(func() {
		room.Lock()
		defer room.Unlock()
		if room.asked--; room.asked == 0 {
			runtime.GOMAXPROCS(room.before)
		}
	})
}
