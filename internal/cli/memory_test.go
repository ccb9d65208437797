package cli

import (
	"context"
	"runtime"
	"testing"
	"time"
)

var burst []byte

func released() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapIdle - m.HeapReleased
}

func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	burst = make([]byte, 96<<20)
	for i := range burst {
		burst[i] = 1
	}
	burst = nil
	runtime.GC()
	if n := released(); n < memorySpare {
		t.Skipf("the runtime has given it back itself, %d bytes are spare", n)
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	done := make(chan struct{})
	go func() { defer close(done); keepSmall(ctx, time.Millisecond) }()
	for released() >= memorySpare && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if n := released(); n >= memorySpare {
		t.Errorf("%d bytes are still held", n)
	}
	stop()
	<-done
}
