package db

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3/vfs"
)

// loadFiles opens the files of a database that is loaded. Unlike those of one in use they
// are mostly read from the front to the end, to build indexes and to check, so reads go
// ahead. Temporary files lie beside the database, where there is room for it.
type loadFiles struct {
	name    string
	dir     string
	changes atomic.Int64 // of the content, of which readers that have read ahead must hear
}

func newLoadFiles(path string) *loadFiles {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	v := &loadFiles{name: "load-" + hex.EncodeToString(b[:]), dir: filepath.Dir(path)}
	vfs.Register(v.name, v)
	return v
}

func (v *loadFiles) close() { vfs.Unregister(v.name) }

func (v *loadFiles) system() vfs.VFSFilename { return vfs.Find("os").(vfs.VFSFilename) }

// Open implements vfs.VFS; the library calls OpenFilename instead.
func (v *loadFiles) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return v.system().Open(name, flags)
}

// Delete implements vfs.VFS.
func (v *loadFiles) Delete(name string, syncDir bool) error { return v.system().Delete(name, syncDir) }

// Access implements vfs.VFS.
func (v *loadFiles) Access(name string, flags vfs.AccessFlag) (bool, error) {
	return v.system().Access(name, flags)
}

// FullPathname implements vfs.VFS.
func (v *loadFiles) FullPathname(name string) (string, error) { return v.system().FullPathname(name) }

// OpenFilename implements vfs.VFSFilename.
func (v *loadFiles) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if name == nil {
		f, err := os.CreateTemp(v.dir, ".sorting-")
		if err != nil {
			return nil, flags, err
		}
		return &scratchFile{f}, flags, os.Remove(f.Name()) // it lives as long as it is open
	}
	f, flags, err := v.system().OpenFilename(name, flags)
	if err != nil || flags&vfs.OPEN_MAIN_DB == 0 {
		return f, flags, err
	}
	return &aheadFile{File: f, v: v}, flags, nil
}

// readAhead is how much is read where one page follows the other.
const readAhead = 64 << 10

// aheadFile is a database that is read ahead.
type aheadFile struct {
	vfs.File
	v     *loadFiles
	buf   []byte // what was read ahead
	at    int64  // where it stands in the file
	state int64  // the change before which that was
	next  int64  // where the last read ended
}

// ReadAt implements io.ReaderAt.
func (f *aheadFile) ReadAt(p []byte, off int64) (int, error) {
	changes := f.v.changes.Load()
	if f.state != changes {
		f.buf, f.state = f.buf[:0], changes
	}
	follows := off == f.next
	f.next = off + int64(len(p))
	if in := off - f.at; in >= 0 && in+int64(len(p)) <= int64(len(f.buf)) {
		return copy(p, f.buf[in:]), nil
	}
	if !follows || len(p) > readAhead/2 {
		return f.File.ReadAt(p, off)
	}
	if f.buf == nil {
		f.buf = make([]byte, readAhead)
	}
	n, err := f.File.ReadAt(f.buf[:readAhead], off)
	f.buf, f.at = f.buf[:n], off
	if n >= len(p) {
		return copy(p, f.buf), nil
	}
	return copy(p, f.buf), err
}

// WriteAt implements io.WriterAt.
func (f *aheadFile) WriteAt(p []byte, off int64) (int, error) {
	f.v.changes.Add(1)
	return f.File.WriteAt(p, off)
}

// Truncate implements vfs.File.
func (f *aheadFile) Truncate(size int64) error {
	f.v.changes.Add(1)
	return f.File.Truncate(size)
}

// SharedMemory implements vfs.FileSharedMemory: a new database has a write-ahead log until
// loading begins.
func (f *aheadFile) SharedMemory() vfs.SharedMemory {
	return f.File.(vfs.FileSharedMemory).SharedMemory()
}

// scratchFile is a temporary file, which nobody else has and which need not last.
type scratchFile struct{ *os.File }

// Sync implements vfs.File.
func (f *scratchFile) Sync(vfs.SyncFlag) error { return nil }

// Size implements vfs.File.
func (f *scratchFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Lock implements vfs.File.
func (f *scratchFile) Lock(vfs.LockLevel) error { return nil }

// Unlock implements vfs.File.
func (f *scratchFile) Unlock(vfs.LockLevel) error { return nil }

// CheckReservedLock implements vfs.File.
func (f *scratchFile) CheckReservedLock() (bool, error) { return false, nil }

// SectorSize implements vfs.File.
func (f *scratchFile) SectorSize() int { return 4096 }

// DeviceCharacteristics implements vfs.File.
func (f *scratchFile) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }
