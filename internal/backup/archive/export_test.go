package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// TableSum is the digest of a table as the snapshot gives it.
func (s *Stored) TableSum(ctx context.Context, table string) (string, error) {
	r, err := s.rows(ctx, table)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, r)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, r.Close())
}

// ReadProofs reads the proofs of a table and writes them again.
func ReadProofs(b []byte) (written []byte, n int) {
	l := &proofs{rest: b}
	for p := l.next(); p != nil; p = l.next() {
		written = p.appendTo(written)
		n++
	}
	return written, n
}

// Fingerprint is that of rows.
func Fingerprint(rows ...[]any) [32]byte {
	p := newPrinter()
	for _, r := range rows {
		p.row(r)
	}
	return p.take()
}

// OnStep calls fn between the steps of restores, until the returned function is called.
func OnStep(fn func(name string)) (reset func()) {
	step = fn
	return func() { step = func(string) {} }
}

// CombineCRC is what exports use.
var CombineCRC = combineCRC

// Shallow is what reading documents uses.
var Shallow = shallow

// LimitRows makes rows longer than n bytes too long, until the returned function is called.
func LimitRows(n int) (reset func()) {
	was := maxRow
	maxRow = n
	return func() { maxRow = was }
}

// Limits are those of archives.
var Limits = limits

// TableNames names the tables of an archive.
func TableNames() []string {
	var out []string
	for _, t := range tables {
		out = append(out, t.Name)
	}
	return out
}
