package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/holdfast/holdfast/internal/fault"
)

// Lock is a hold on a data directory. The kernel releases it when the process
// ends, however it ends.
type Lock struct{ f *os.File }

// Names of lock files. Everyone who opens an instance shares useLock; a restore
// takes it alone. One server at a time has serveLock.
const (
	useLock   = ".in-use.lock"
	serveLock = ".serve.lock"
)

// restoring is the hint for those who meet a restore.
const restoring = "a restore is under way; wait until it has ended"

// lockIfThere is the shared lock for those who make nothing: where there is no
// lock file, nobody has the instance open.
func lockIfThere(dir string) (*Lock, error) {
	f, err := os.Open(filepath.Join(dir, useLock))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // no lock is needed, and a nil Lock closes
	}
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return hold(f, dir, syscall.LOCK_SH, restoring)
}

// lockDir takes a lock, shared or alone, and refuses at once when it cannot.
func lockDir(dir, name string, how int, hint string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return hold(f, dir, how, hint)
}

func hold(f *os.File, dir string, how int, hint string) (*Lock, error) {
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.WithHint(fault.Conflict("the instance in "+dir+" is in use"), hint)
		}
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return &Lock{f}, nil
}

// LockForServing refuses a second server on the same data directory.
func LockForServing(dir string) (*Lock, error) {
	return lockDir(dir, serveLock, syscall.LOCK_EX, "another holdfast serve runs on this data directory")
}

// LockAlone refuses while anything else has the instance open.
func LockAlone(dir string) (*Lock, error) {
	return lockDir(dir, useLock, syscall.LOCK_EX, "stop holdfast serve and other commands on this data directory first")
}

// Close releases the lock.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
