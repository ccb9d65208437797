package archive

import (
	"archive/zip"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

var errZipSize = errors.New("the file changed while it was copied")

// zipWriter writes the entries of an archive one after the other.
type zipWriter struct{ z *zip.Writer }

func newZipWriter(w io.Writer, _ string) (*zipWriter, error) {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	return &zipWriter{z}, nil
}

// Deflate begins a compressed entry. Close of the writer ends it.
func (z *zipWriter) Deflate(name string) (io.WriteCloser, error) {
	w, err := z.z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	return nopCloser{w}, err
}

// Store begins an uncompressed entry of known size and checksum.
func (z *zipWriter) Store(name string, size int64, crc uint32) (io.WriteCloser, error) {
	h := &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc, UncompressedSize64: uint64(size), CompressedSize64: uint64(size)}
	w, err := z.z.CreateRaw(h)
	return &storedWriter{w: w, sum: crc32.NewIEEE(), size: size, crc: crc}, err
}

// Close writes the directory.
func (z *zipWriter) Close() error { return z.z.Close() }

// Discard releases what is held besides the output.
func (z *zipWriter) Discard() error { return nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// storedWriter holds the content to what its header promised.
type storedWriter struct {
	w    io.Writer
	sum  hash.Hash32
	n    int64
	size int64
	crc  uint32
}

func (s *storedWriter) Write(p []byte) (int, error) {
	if s.n += int64(len(p)); s.n > s.size {
		return 0, errZipSize
	}
	_, _ = s.sum.Write(p)
	return s.w.Write(p)
}

func (s *storedWriter) Close() error {
	if s.n != s.size || s.sum.Sum32() != s.crc {
		return errZipSize
	}
	return nil
}
