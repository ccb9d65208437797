package behind_test

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/holdfast/holdfast/internal/behind"
)

// nice is the value of the calling thread.
func nice(t *testing.T) int {
	t.Helper()
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - raw
}

// lowered is the nice value of a goroutine that called Thread.
func lowered(t *testing.T) int {
	t.Helper()
	got := make(chan int)
	go func() {
		behind.Thread()
		got <- nice(t)
	}()
	return <-got
}

// A goroutine on a thread behind the others is nicer, where there is room for it, and
// leaves none of it to those that come after it.
func TestThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	usual := nice(t)
	if got := lowered(t); got != usual {
		t.Errorf("without room, a thread has the nice value %d, want %d", got, usual)
	}
	defer behind.Room()()
	if got, want := lowered(t), min(usual+10, 19); got != want {
		t.Errorf("a thread behind the others has the nice value %d, want %d", got, want)
	}
	for range 100 {
		later := make(chan int)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			later <- nice(t)
		}()
		if got := <-later; got != usual {
			t.Fatalf("a later goroutine runs with the nice value %d, want %d", got, usual)
		}
	}
}

// Room is there as long as somebody needs it, whoever ends first and how often.
func TestRoom(t *testing.T) {
	usual := runtime.GOMAXPROCS(0)
	first := behind.Room()
	second := behind.Room()
	first()
	first()
	if got := runtime.GOMAXPROCS(0); got != 2*usual {
		t.Errorf("%d processors while one of two works, want %d", got, 2*usual)
	}
	second()
	if got := runtime.GOMAXPROCS(0); got != usual {
		t.Errorf("%d processors after both, want %d", got, usual)
	}
}
