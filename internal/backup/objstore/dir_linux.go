package objstore

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// renameNew renames a file unless the new name is taken, on file systems that
// have no hard links.
func renameNew(root *os.Root, from, to string) error {
	a, err := root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer b.Close()
	err = unix.Renameat2(int(a.Fd()), path.Base(from), int(b.Fd()), path.Base(to), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errNoExclusive
	}
	return err
}

// touch sets the time of a directory to the present of the file system.
func touch(root *os.Root, dir string) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	return unix.UtimesNanoAt(int(f.Fd()), dir, []unix.Timespec{now, now}, unix.AT_SYMLINK_NOFOLLOW)
}

// slice is how much of a file is handed to the disk at once.
const slice = 256 << 10

// writeOut writes data and has the disk take it slice by slice. On file systems that
// order data before their journal (ext4 does), a commit of the database beside a
// backup waits for everything that is on its way to the disk, so it must never be much.
// It makes nothing durable; that is Sync's part.
func writeOut(f *os.File, data []byte) error {
	for at := 0; at < len(data); at += slice {
		part := data[at:min(at+slice, len(data))]
		if _, err := f.Write(part); err != nil {
			return err
		}
		if err := onDisk(f.Fd(), int64(at), int64(len(part))); err != nil {
			return &os.PathError{Op: "sync_file_range", Path: f.Name(), Err: err}
		}
	}
	return nil
}

// onDisk waits until the disk has taken a part of a file. A failed write is told once,
// to whoever asks first, so it must not get lost here; that there is no such call, or
// not for such a file, does not matter.
func onDisk(fd uintptr, from, n int64) error {
	const wait = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	err := unix.SyncFileRange(int(fd), from, n, wait)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESPIPE) {
		return nil
	}
	return err
}
