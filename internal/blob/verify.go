package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
)

// Verify reads r to its end and returns ErrCorrupt unless its bytes have the hash.
func Verify(r io.Reader, sha string) error {
	_, err := io.Copy(io.Discard, NewVerifyReader(r, sha))
	return err
}

// NewVerifyReader returns a reader of r that ends with ErrCorrupt in place of
// io.EOF when the bytes do not have the hash. Whoever uses the bytes must wait
// for the end before trusting them.
func NewVerifyReader(r io.Reader, sha string) io.Reader {
	return &verifyReader{r: r, want: strings.ToLower(sha), sum: sha256.New()}
}

// OpenVerified opens a blob for reading once, from the start, through NewVerifyReader.
func OpenVerified(ctx context.Context, s Store, sha string) (io.ReadCloser, int64, error) {
	r, size, err := s.Open(ctx, sha)
	if err != nil {
		return nil, 0, err
	}
	return verifyCloser{NewVerifyReader(r, sha), r}, size, nil
}

type verifyReader struct {
	r    io.Reader
	want string
	sum  hash.Hash
}

func (v *verifyReader) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.sum.Sum(nil)) != v.want {
		return n, ErrCorrupt
	}
	return n, err
}

type verifyCloser struct {
	io.Reader
	io.Closer
}
