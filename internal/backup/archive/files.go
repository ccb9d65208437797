package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
)

// Pins are renewed well before they run out.
const (
	pinLease  = 15 * time.Minute
	pinPeriod = 5 * time.Minute
)

// fileList is a list of file names and sizes on disk, so that a million files
// cost no memory.
type fileList struct {
	f *os.File
	w *bufio.Writer
	n int64
}

const listRecord = sha256.Size + 8

func newFileList(dir string) (*fileList, error) {
	f, err := os.CreateTemp(dir, "holdfast-files-")
	if err != nil {
		return nil, fmt.Errorf("list of files: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		_ = f.Close()
		return nil, fmt.Errorf("list of files: %w", err)
	}
	return &fileList{f: f, w: bufio.NewWriter(f)}, nil
}

func (l *fileList) Close() error { return l.f.Close() }

func (l *fileList) Add(sha string, size int64) error {
	var rec [listRecord]byte
	if !blob.Valid(sha) {
		return fmt.Errorf("an attachment names the file %q, which cannot exist", sha)
	}
	_, _ = hex.Decode(rec[:], []byte(sha)) // Valid has seen 64 digits
	binary.BigEndian.PutUint64(rec[sha256.Size:], uint64(size))
	l.n++
	_, err := l.w.Write(rec[:])
	return err
}

// Each calls fn for every file in the order of adding.
func (l *fileList) Each(fn func(sha string, size int64) error) error {
	if err := l.w.Flush(); err != nil {
		return fmt.Errorf("list of files: %w", err)
	}
	r := bufio.NewReader(io.NewSectionReader(l.f, 0, l.n*listRecord))
	var rec [listRecord]byte
	for range l.n {
		if _, err := io.ReadFull(r, rec[:]); err != nil {
			return fmt.Errorf("list of files: %w", err)
		}
		if err := fn(hex.EncodeToString(rec[:sha256.Size]), int64(binary.BigEndian.Uint64(rec[sha256.Size:]))); err != nil {
			return err
		}
	}
	return nil
}

// pin keeps the collector from removing files until the returned function is
// called. The lease runs out by itself when the process dies.
func pin(ctx context.Context, d *db.DB) (func(), error) {
	n, err := db.Write(ctx, d, func(tx *db.Tx) (int64, error) {
		return db.Insert[int64](ctx, tx, db.SQL(`INSERT INTO blob_pins (holder, since, lease_until) VALUES (?, ?, ?) RETURNING id`,
			"archive", tx.Stamp(), db.At(tx.Now().Add(pinLease))))
	})
	if err != nil {
		return nil, fmt.Errorf("pin files: %w", err)
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		renew(context.WithoutCancel(ctx), d, n, done)
	}()
	return func() { close(done); <-over }, nil
}

// renew prolongs the pin until done, and then takes it away. An error leaves
// the lease as it is: it runs out later than the next attempt.
func renew(ctx context.Context, d *db.DB, n int64, done <-chan struct{}) {
	tick := time.NewTicker(pinPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = db.Do(ctx, d, func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, db.SQL(`UPDATE blob_pins SET lease_until = ? WHERE id = ?`, db.At(tx.Now().Add(pinLease)), n))
				return err
			})
		case <-done:
			_ = db.Do(ctx, d, func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM blob_pins WHERE id = ?`, n))
				return err
			})
			return
		}
	}
}

// unreadable is the reason for a file that is left out, without paths.
func unreadable(err error) string {
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return "the file is not there"
	case errors.Is(err, blob.ErrCorrupt):
		return "the file is damaged"
	}
	return "the file cannot be read"
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// copyContext is io.Copy that ends with the context.
func copyContext(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, contextReader{ctx, r}, make([]byte, 128<<10))
}
