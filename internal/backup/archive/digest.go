package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/holdfast/holdfast/internal/db"
)

// Digests returns row count and digest of every table of the database: two
// databases with equal digests hold the same rows, on whichever engine.
func Digests(ctx context.Context, d *db.DB) ([]TableSum, error) {
	var sums []TableSum
	err := db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) (err error) {
		more, end, err := db.Beside(ctx, tx, 1) // which copies nothing
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
		tables, err := present(ctx, tx)
		if err == nil {
			sums, err = digests(ctx, more[0], tables, func(int64) {})
		}
		return err
	})
	return sums, err
}

func digests(ctx context.Context, tx *db.Tx, tables []Table, progress func(int64)) ([]TableSum, error) {
	sums := make([]TableSum, 0, len(tables))
	for _, t := range tables {
		sum, err := digest(ctx, tx, t, progress)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// digest reads a table, brings its rows into their canonical form, and hashes what was
// there before meanwhile.
func digest(ctx context.Context, tx *db.Tx, t Table, progress func(int64)) (TableSum, error) {
	h := newHasher()
	buf, n := h.room(), int64(0)
	err := tx.Raw(ctx, query(t, db.Frag{}), func(vals []any) (err error) {
		if buf, err = appendRow(buf, t.Columns, vals); err != nil {
			return fmt.Errorf("row %v: %w", keyOf(t, vals), err)
		}
		if len(buf) >= flushSize {
			h.write(buf)
			buf = h.room()
		}
		if n++; n%reportRows == 0 {
			progress(reportRows)
		}
		return nil
	})
	h.write(buf)
	sum := h.end()
	if err != nil {
		return TableSum{}, err
	}
	progress(n % reportRows)
	return TableSum{t.Name, n, sum}, nil
}

// hasher takes a SHA-256 beside the one who makes what is hashed.
type hasher struct {
	full, free chan []byte
	sum        chan string
}

func newHasher() *hasher {
	h := &hasher{full: make(chan []byte), free: make(chan []byte, 3), sum: make(chan string, 1)}
	for range cap(h.free) {
		h.free <- nil
	}
	go func() {
		sum := sha256.New()
		for b := range h.full {
			sum.Write(b)
			h.free <- b[:0]
		}
		h.sum <- hex.EncodeToString(sum.Sum(nil))
	}()
	return h
}

// room returns an empty buffer, which write takes back.
func (h *hasher) room() []byte { return <-h.free }

func (h *hasher) write(b []byte) { h.full <- b }

// end returns the digest of all that was written.
func (h *hasher) end() string {
	close(h.full)
	return <-h.sum
}
