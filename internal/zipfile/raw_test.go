package zipfile

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"testing"
)

// writeRaw writes an archive from its n-th byte on.
func writeRaw(t *testing.T, skip int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, WriterOptions{TempDir: t.TempDir(), Skip: skip})
	defer w.Abort()
	for i := range 6 {
		content := bytes.Repeat([]byte{byte('a' + i)}, 40_000*(i+1))
		h, size, crc := Header{Name: fmt.Sprint("entry", i)}, int64(len(content)), crc32.ChecksumIEEE(content)
		if w.Past(size) {
			if err := w.Pass(h, Stored, size, size, crc); err != nil {
				t.Fatal(err)
			}
			continue
		}
		e, err := w.Raw(h, Stored, size, size, crc)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][]byte{content[:100], content[100:]} {
			if _, err := e.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRawAndSkip(t *testing.T) {
	whole := writeRaw(t, 0)
	r, err := NewReader(bytes.NewReader(whole), int64(len(whole)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != 6 {
		t.Fatalf("%d entries", r.Len())
	}
	for _, skip := range []int64{1, 39_999, 40_050, 300_000, 600_000, 840_100, int64(len(whole)) - 1, int64(len(whole))} {
		if got := writeRaw(t, skip); !bytes.Equal(got, whole[skip:]) {
			t.Errorf("from byte %d on there are %d bytes, not the %d of the whole", skip, len(got), len(whole)-int(skip))
		}
	}
}

func TestRawOfTheWrongLength(t *testing.T) {
	for _, n := range []int{9, 11} {
		w := NewWriter(&bytes.Buffer{}, WriterOptions{TempDir: t.TempDir()})
		e, err := w.Raw(Header{Name: "x"}, Stored, 10, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, werr := e.Write(make([]byte, n))
		if err := e.Close(); err == nil || w.Close() == nil {
			t.Errorf("%d bytes for 10 pass: %v", n, werr)
		}
		w.Abort()
	}
}
