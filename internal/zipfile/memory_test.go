package zipfile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// peak runs fn and returns by how much the heap grew at most, as sampled.
func peak(fn func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, most := m.HeapAlloc, atomic.Uint64{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > base && m.HeapAlloc-base > most.Load() {
				most.Store(m.HeapAlloc - base)
			}
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	fn()
	close(stop)
	<-done
	return most.Load()
}

// many writes an archive of n small files, as a backup does, and checks it.
func many(t testing.TB, n int) (writing, reading uint64, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "many.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	writing = peak(func() {
		w := NewWriter(f, WriterOptions{TempDir: t.TempDir()})
		defer w.Abort()
		for i := range n {
			name := fmt.Sprintf("blobs/%02x/%062x", i%256, i)
			if err := w.StoreFile(Header{Name: name, Modified: moment}, 0, 0, strings.NewReader("")); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		size = w.Offset()
	})
	reading = peak(func() {
		r, err := NewReader(f, size, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.Entries() {
			if err != nil || e.Size != 0 {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		if r.Len() != int64(n) {
			t.Errorf("%d entries, want %d", r.Len(), n)
		}
	})
	return writing, reading, size
}

// TestMemoryDoesNotGrowWithTheDirectory allows what a hundred thousand entries
// may cost: the buffers, eight bytes per entry and what waits for the collector.
func TestMemoryDoesNotGrowWithTheDirectory(t *testing.T) {
	writing, reading, _ := many(t, 100_000)
	if writing > 10<<20 || reading > 10<<20 {
		t.Errorf("writing took %d bytes, reading %d", writing, reading)
	}
}

func BenchmarkMillionEntries(b *testing.B) {
	for b.Loop() {
		writing, reading, size := many(b, 1_000_000)
		b.ReportMetric(float64(writing)/(1<<20), "MiB-write-peak")
		b.ReportMetric(float64(reading)/(1<<20), "MiB-read-peak")
		b.ReportMetric(float64(size)/(1<<20), "MiB-archive")
	}
}
