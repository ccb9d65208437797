package archive_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
)

// with returns the archive with one more entry before its seal.
func with(t *testing.T, content []byte, h zip.FileHeader, body []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range in.File {
		if f.Name == "SEAL.json" {
			e, err := w.CreateHeader(&h)
			if err == nil && len(body) > 0 {
				_, err = e.Write(body)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		raw, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		e, err := w.CreateRaw(&f.FileHeader)
		if err == nil {
			_, err = io.Copy(e, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAHostileArchiveWritesNothing: whatever somebody adds to an archive, it is
// refused as a whole before anything of it is used.
func TestAHostileArchiveWritesNothing(t *testing.T) {
	content, _, keys := sample(t)
	link := zip.FileHeader{Name: "blobs/link"}
	link.SetMode(fs.ModeSymlink | 0o777)
	device := zip.FileHeader{Name: "blobs/device"}
	device.SetMode(fs.ModeDevice | 0o666)
	bad := map[string][]byte{
		"a bomb": with(t, content, zip.FileHeader{Name: "blobs/00/" + strings.Repeat("0", 64), Method: zip.Deflate}, make([]byte, 64<<20)),
		"a link": with(t, content, link, []byte("/etc/passwd")), "a device": with(t, content, device, nil),
	}
	for _, name := range []string{
		"../evil", "/tmp/evil", `..\evil`, "C:/evil", "blobs/../../evil", "blobs/x\x00y", "blobs/" + strings.Repeat("x", 2000), "MANIFEST.json", "manifest.JSON",
		"data/users.jsonl", "data/sessions.jsonl", "blobs/", "nested.zip", "blobs/\xff\xfe",
	} {
		body := []byte("x")
		if strings.HasSuffix(name, "/") {
			body = nil
		}
		bad[name] = with(t, content, zip.FileHeader{Name: name, NonUTF8: strings.Contains(name, "\xff")}, body)
	}
	for n := 1; n < 1000; n += 37 {
		bad["cut at "+string(rune('0'+n%10))+strings.Repeat("I", n/37)] = content[:len(content)*n/1000]
	}
	i := newInstance(t, db.SQLite).filled(3)
	i.keys = keys
	want, before := i.digests(), i.names()
	for name, b := range bad {
		path := filepath.Join(t.TempDir(), "bad.zip")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := archive.Open(t.Context(), path, keys)
		if err == nil {
			_ = a.Close()
		}
		if !errors.Is(err, archive.ErrBroken) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if diff := cmp.Diff(want, i.digests()) + cmp.Diff(before, i.names()); diff != "" {
		t.Error(diff)
	}
}
