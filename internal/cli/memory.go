package cli

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"time"
)

// A process that idles gives back what a burst of work made it take: hashing
// a password takes 64 MiB for a moment, and Go would keep most of it for long.
const (
	memoryPeriod = 20 * time.Second
	memorySpare  = 12 << 20
)

// keepSmall returns unused memory to the system until ctx ends.
func keepSmall(ctx context.Context, period time.Duration) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			giveBack(memorySpare)
		}
	}
}

// giveBack returns unused memory if there is more than spare, and says whether it did.
func giveBack(spare uint64) bool {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapIdle-m.HeapReleased < spare {
		return false
	}
	debug.FreeOSMemory()
	return true
}

// A command that makes, checks or restores backups is to do with 64 MiB, also where
// a container allows no more. What is not Go's heap, SQLite's caches and the program
// itself, takes about ten of them. The collector runs more often near the limit; it
// never refuses memory.
const commandMemory = 44 << 20

// bound sets the limit, unless GOMEMLIMIT has set another, and returns what lifts it.
func bound() (lift func()) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return func() {}
	}
	debug.SetMemoryLimit(commandMemory)
	return func() { debug.SetMemoryLimit(math.MaxInt64) }
}
