// Package blob stores files by their content.
//
// A blob is named by the SHA-256 of its bytes, immutable, and written before
// any row names it, so a snapshot of the database only names bytes that exist.
// Storing the same bytes twice stores them once. A blob is removed only by the
// collector of package attachment, long after the last row that named it.
package blob

import (
	"context"
	"errors"
	"io"
)

// Errors a store returns; test with errors.Is.
var (
	// ErrNotFound: there is no blob of that name.
	ErrNotFound = errors.New("no such blob")
	// ErrTooLarge: the content exceeds the limit given to Put.
	ErrTooLarge = errors.New("the file is larger than allowed")
	// ErrCorrupt: the bytes do not have the hash they are named by.
	ErrCorrupt = errors.New("the stored file is damaged")
)

// Ref names stored content. Hashes are lower-case hex; MD5 is for API clients
// that ask for it and proves nothing.
type Ref struct {
	SHA256 string
	MD5    string
	Size   int64
}

// Store keeps blobs. Implementations pass the suite of package blobtest.
type Store interface {
	// Put stores what r gives and returns its name, after it is durable. More
	// than limit bytes are ErrTooLarge; 0 means no limit. After an error there
	// is no partial content and no temporary file.
	Put(ctx context.Context, r io.Reader, limit int64) (Ref, error)
	// Batch begins to store many files whose names are known. The caller closes it.
	Batch() Batch
	// Open returns the content and its size, or ErrNotFound.
	Open(ctx context.Context, sha256 string) (io.ReadSeekCloser, int64, error)
	// Stat returns the size, or ErrNotFound.
	Stat(ctx context.Context, sha256 string) (int64, error)
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, sha256 string) error
	// Walk calls fn for every blob in the order of names.
	Walk(ctx context.Context, fn func(sha256 string, size int64) error) error
}

// Has says whether the store holds a blob.
func Has(ctx context.Context, s Store, sha256 string) (bool, error) {
	_, err := s.Stat(ctx, sha256)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Valid says whether s can be the name of a blob.
func Valid(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
