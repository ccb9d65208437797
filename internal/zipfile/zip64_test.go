package zipfile

import (
	"archive/zip"
	"hash/crc32"
	"io"
	"testing"
)

// sparse is a file that keeps only the blocks with something in them.
type sparse struct {
	blocks map[int64][]byte
	size   int64
}

const blockSize = 64 << 10

func (s *sparse) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		at := s.size % blockSize
		part := p[:min(int64(len(p)), blockSize-at)]
		if !allZero(part) {
			b := s.blocks[s.size/blockSize]
			if b == nil {
				b = make([]byte, blockSize)
				s.blocks[s.size/blockSize] = b
			}
			copy(b[at:], part)
		}
		s.size += int64(len(part))
		p = p[len(part):]
	}
	return n, nil
}

func allZero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}

func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at < s.size {
		part := p[n:min(int64(len(p)), int64(n)+blockSize-at%blockSize, int64(n)+s.size-at)]
		clear(part)
		if b := s.blocks[at/blockSize]; b != nil {
			copy(part, b[at%blockSize:])
		}
		n, at = n+len(part), at+int64(len(part))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestBeyondFourGibibytes writes a stored and a deflated entry of more than
// 4 GiB and small ones behind them, so that sizes and offsets need ZIP64.
func TestBeyondFourGibibytes(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("handles 9 GB of zeros")
	}
	const huge = 1<<32 + 12345
	sum := crc32.NewIEEE()
	if _, err := io.CopyN(sum, zeros{}, huge); err != nil {
		t.Fatal(err)
	}
	file := &sparse{blocks: map[int64][]byte{}}
	w := NewWriter(file, WriterOptions{TempDir: t.TempDir()})
	if err := w.StoreFile(Header{Name: "huge"}, huge, sum.Sum32(), io.LimitReader(zeros{}, huge)); err != nil {
		t.Fatal(err)
	}
	if err := stream(w, Header{Name: "small"}, "after four gibibytes", 100); err != nil {
		t.Fatal(err)
	}
	e, err := w.Create(Header{Name: "streamed"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(e, zeros{}, huge); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(file, file.size, Options{Limits: Limits{Ratio: NoLimit}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	standard, err := zip.NewReader(file, file.size)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint64{huge, 20, huge} {
		if got := standard.File[i].UncompressedSize64; got != want {
			t.Errorf("the standard library sees %d bytes in entry %d, want %d", got, i, want)
		}
	}
	in, err := standard.File[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(in); err != nil || string(got) != "after four gibibytes" {
		t.Errorf("the standard library reads %q, %v", got, err)
	}
}
