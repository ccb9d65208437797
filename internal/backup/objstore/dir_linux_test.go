package objstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A file comes out as it was given, whatever its length is to the slices of it.
func TestWriteOut(t *testing.T) {
	for _, size := range []int{0, 1, slice - 1, slice, slice + 1, 3*slice + 77} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		name := filepath.Join(t.TempDir(), "out")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(writeOut(f, data), f.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came out as %d, %v", size, len(got), err)
		}
	}
}

// What the disk did not take is an error; that a pipe is no file on a disk is none.
func TestWriteOutTellsOfFailures(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if err := writeOut(full, []byte("x")); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("onto a full disk: %v", err)
	}
	if err := onDisk(1<<20, 0, 1); !errors.Is(err, unix.EBADF) {
		t.Errorf("of no file: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := onDisk(w.Fd(), 0, 1); err != nil {
		t.Errorf("of a pipe: %v", err)
	}
}
