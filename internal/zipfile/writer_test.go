package zipfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is what the round trips write: all ways to write an entry.
var sample = map[string]string{
	"MANIFEST.json":         `{"format": 1}`,
	"data/users.jsonl":      strings.Repeat(`{"id": 1, "name": "Ada"}`+"\n", 20_000),
	"data/empty.jsonl":      "",
	"blobs/ab/stored":       strings.Repeat("stored ", 3000),
	"blobs/ab/empty":        "",
	"blobs/ab/seeker":       "read twice",
	"index/Übersicht 日.csv": "id;name\n",
	"copied":                strings.Repeat("copied deflate ", 1000),
}

var order = []string{
	"MANIFEST.json", "data/users.jsonl", "data/empty.jsonl", "blobs/ab/stored",
	"blobs/ab/empty", "blobs/ab/seeker", "index/Übersicht 日.csv", "copied",
}

// writeSample writes the sample, feeding the compressor chunks of the given size.
func writeSample(t testing.TB, out io.Writer, chunk int, o WriterOptions) {
	t.Helper()
	w := NewWriter(out, o)
	defer w.Abort()
	for _, name := range order {
		h, content := Header{Name: name, Modified: moment}, sample[name]
		var err error
		switch name {
		case "blobs/ab/stored", "blobs/ab/empty":
			err = w.StoreFile(h, int64(len(content)), crc32.ChecksumIEEE([]byte(content)), strings.NewReader(content))
		case "blobs/ab/seeker":
			err = w.StoreSeeker(h, strings.NewReader(content))
		case "copied":
			packed := deflate(t, []byte(content))
			err = w.CopyDeflated(h, int64(len(content)), int64(len(packed)), crc32.ChecksumIEEE([]byte(content)), bytes.NewReader(packed))
		default:
			err = stream(w, h, content, chunk)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if n := w.Len(); n != int64(len(order)) {
		t.Errorf("Len is %d", n)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func stream(w *Writer, h Header, content string, chunk int) error {
	e, err := w.Create(h)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		n := min(chunk, len(content))
		if _, err := io.WriteString(e, content[:n]); err != nil {
			return err
		}
		content = content[n:]
	}
	return e.Close()
}

func sampleArchive(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	writeSample(t, &b, 1000, WriterOptions{TempDir: t.TempDir()})
	return b.Bytes()
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	b := sampleArchive(t)
	if diff := cmp.Diff(sample, contents(t, b)); diff != "" {
		t.Error(diff)
	}
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	total := int64(0)
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
		total += e.Size
		if !e.Modified.Equal(moment) || e.IsDir() {
			t.Errorf("%s: modified %v, directory %v", e.Name, e.Modified, e.IsDir())
		}
	}
	if diff := cmp.Diff(order, names); diff != "" {
		t.Error(diff)
	}
	if r.TotalSize() != total || r.Len() != int64(len(order)) {
		t.Errorf("TotalSize %d, Len %d", r.TotalSize(), r.Len())
	}
	if _, err := r.Find("absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find of a name that is not there: %v", err)
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	want := sampleArchive(t)
	for _, chunk := range []int{1, 17, 65536, 1 << 20} {
		var b bytes.Buffer
		writeSample(t, &b, chunk, WriterOptions{TempDir: t.TempDir(), Memory: chunk})
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("chunks of %d bytes give another archive", chunk)
		}
	}
}

func TestStandardLibraryReadsWhatIsWritten(t *testing.T) {
	b := sampleArchive(t)
	if diff := cmp.Diff(sample, readStandard(t, b)); diff != "" {
		t.Error(diff)
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if !f.Modified.Equal(moment) || f.Mode() != 0o644 || f.NonUTF8 {
			t.Errorf("%s: modified %v, mode %v", f.Name, f.Modified, f.Mode())
		}
	}
}

func readStandard(t testing.TB, b []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		_ = in.Close()
		all[f.Name] = string(content)
	}
	return all
}

func TestWhatTheStandardLibraryWritesIsRead(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range order {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: moment})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, sample[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, contents(t, b.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func TestOtherProgramsReadWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "sample.zip")
	if err := os.WriteFile(name, sampleArchive(t), 0o600); err != nil {
		t.Fatal(err)
	}
	const python = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(sum(len(z.read(n)) for n in z.namelist()), len(z.namelist()))`
	for _, args := range [][]string{{"unzip", "-tqq", name}, {"python3", "-c", python, name}} {
		t.Run(args[0], func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skip(err)
			}
			out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %v\n%s", args[0], err, out)
			}
			total := 0
			for _, c := range sample {
				total += len(c)
			}
			if want := fmt.Sprintf("%d %d\n", total, len(sample)); args[0] == "python3" && string(out) != want {
				t.Errorf("python3 read %q, want %q", out, want)
			}
		})
	}
}

func TestWhatOtherProgramsWriteIsRead(t *testing.T) {
	src := t.TempDir()
	for name, content := range sample {
		p := filepath.Join(src, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const python = `import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for d, _, names in os.walk("."):
        for n in names:
            z.write(os.path.join(d, n))`
	for _, args := range [][]string{{"zip", "-qr", "OUT", "."}, {"zip", "-q0r", "OUT", "."}, {"python3", "-c", python, "OUT"}} {
		t.Run(strings.Join(args[:2], ""), func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skip(err)
			}
			out := filepath.Join(t.TempDir(), "out.zip")
			args[len(args)-1] = strings.Replace(args[len(args)-1], "OUT", out, 1)
			args[2] = strings.Replace(args[2], "OUT", out, 1)
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = src
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			got := contentsOf(t, b, Options{Foreign: true})
			if diff := cmp.Diff(sample, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSizerForetellsTheLength(t *testing.T) {
	content := "some content"
	packed := deflate(t, []byte(content))
	for n := range 4 {
		var b bytes.Buffer
		var s Sizer
		w := NewWriter(&b, WriterOptions{})
		for i := range n * 25_000 { // from nothing to more than 65535
			h := Header{Name: fmt.Sprintf("e/%d", i), Modified: moment}
			if s.Offset() != w.Offset() {
				t.Fatalf("entry %d begins at %d, foretold %d", i, w.Offset(), s.Offset())
			}
			var err error
			if i%2 == 0 {
				s.StoreFile(h, int64(len(content)))
				err = w.StoreFile(h, int64(len(content)), crc32.ChecksumIEEE([]byte(content)), strings.NewReader(content))
			} else {
				s.CopyDeflated(h, int64(len(content)), int64(len(packed)))
				err = w.CopyDeflated(h, int64(len(content)), int64(len(packed)), crc32.ChecksumIEEE([]byte(content)), bytes.NewReader(packed))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if s.Len() != int64(b.Len()) || w.Offset() != int64(b.Len()) {
			t.Errorf("%d entries: foretold %d, written %d, counted %d", w.Len(), s.Len(), b.Len(), w.Offset())
		}
		if err := check(b.Bytes(), Options{}); err != nil {
			t.Error(err)
		}
		if n == 3 && len(readStandard(t, b.Bytes())) != 75_000 {
			t.Error("the standard library sees another number of entries")
		}
	}
}

func TestWriterRefusesWhatReadersWould(t *testing.T) {
	for _, name := range []string{"", "../a", "/a", "a/", `a\b`, "a\xff", "C:x", strings.Repeat("n", 65536)} {
		w := NewWriter(io.Discard, WriterOptions{})
		if _, err := w.Create(Header{Name: name}); err == nil {
			t.Errorf("%.20q was written", name)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%.20q: the archive was closed as if complete", name)
		}
	}
}

func TestContentThatIsNotAsAnnouncedLosesTheArchive(t *testing.T) {
	h := Header{Name: "a"}
	crc := crc32.ChecksumIEEE([]byte("content"))
	broken := errors.New("broken source")
	for name, write := range map[string]func(*Writer) error{
		"shorter":       func(w *Writer) error { return w.StoreFile(h, 8, crc, strings.NewReader("content")) },
		"longer":        func(w *Writer) error { return w.StoreFile(h, 6, crc, strings.NewReader("content")) },
		"other":         func(w *Writer) error { return w.StoreFile(h, 7, crc+1, strings.NewReader("content")) },
		"negative":      func(w *Writer) error { return w.StoreFile(h, -1, crc, strings.NewReader("")) },
		"packed longer": func(w *Writer) error { return w.CopyDeflated(h, 9, 6, crc, strings.NewReader("content")) },
		"source fails":  func(w *Writer) error { return w.StoreFile(h, 7, crc, iotest.ErrReader(broken)) },
		"end fails":     func(w *Writer) error { return w.StoreFile(h, 0, 0, iotest.ErrReader(broken)) },
		"entry left open": func(w *Writer) error {
			_, err := w.Create(h)
			return errors.Join(err, w.StoreFile(h, 0, 0, strings.NewReader("")))
		},
		"closed when open": func(w *Writer) error { _, err := w.Create(h); return errors.Join(err, w.Close()) },
	} {
		w := NewWriter(io.Discard, WriterOptions{})
		first := write(w)
		if first == nil {
			t.Errorf("%s: no error", name)
		}
		if err := w.StoreFile(h, 0, 0, strings.NewReader("")); err == nil {
			t.Errorf("%s: the writer went on", name)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%s: the archive was closed as if complete", name)
		}
	}
}

func TestStoreSeekerReportsWhatCannotBeReadAndGoesOn(t *testing.T) {
	w := NewWriter(io.Discard, WriterOptions{})
	if err := w.StoreSeeker(Header{Name: "a"}, unseekable{}); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	if err := w.StoreSeeker(Header{Name: "a"}, strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Create(Header{Name: "b"}); err == nil {
		t.Error("an entry was begun after Close")
	}
}

type unseekable struct{ io.Reader }

func (unseekable) Seek(int64, int) (int64, error) { return 0, errDisk }

// fullDisk takes n bytes.
type fullDisk struct{ n int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.n {
		return d.n, errDisk
	}
	d.n -= len(p)
	return len(p), nil
}

func TestAFullDiskFailsWheneverItFills(t *testing.T) {
	whole := len(sampleArchive(t))
	for n := 0; n < whole; n += 500 {
		w := NewWriter(&fullDisk{n}, WriterOptions{})
		r := rand.NewChaCha8([32]byte{})
		var err error
		for i := 0; err == nil && i < 20; i++ {
			err = w.StoreFile(Header{Name: fmt.Sprint(i)}, 0, 0, strings.NewReader(""))
			if err == nil {
				var e io.WriteCloser
				if e, err = w.Create(Header{Name: fmt.Sprint("c", i)}); err == nil {
					_, werr := io.CopyN(e, r, 40_000)
					err = errors.Join(werr, e.Close(), e.Close())
				}
			}
		}
		if cerr := w.Close(); !errors.Is(cerr, errDisk) || (err != nil && !errors.Is(err, errDisk)) {
			t.Fatalf("%d bytes of room: got %v, then %v", n, err, cerr)
		}
	}
}

func TestTheTemporaryFileIsRemoved(t *testing.T) {
	for name, finish := range map[string]func(*Writer){
		"close": func(w *Writer) {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		},
		"abort": func(w *Writer) { w.Abort(); w.Abort() },
	} {
		dir := t.TempDir()
		w := NewWriter(io.Discard, WriterOptions{TempDir: dir, Memory: 100})
		for i := range 10 {
			if err := w.StoreSeeker(Header{Name: fmt.Sprint(i)}, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := os.ReadDir(dir); len(got) != 1 {
			t.Fatalf("%s: %d temporary files while writing, want one", name, len(got))
		}
		finish(w)
		if got, _ := os.ReadDir(dir); len(got) != 0 {
			t.Errorf("%s: %v stayed behind", name, got)
		}
	}
	w := NewWriter(io.Discard, WriterOptions{TempDir: filepath.Join(t.TempDir(), "absent"), Memory: 1})
	if err := w.StoreSeeker(Header{Name: "a"}, strings.NewReader("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory for it: %v", err)
	}
}

func TestTimesOutsideTheFormatAreClamped(t *testing.T) {
	for in, want := range map[time.Time]time.Time{
		{}: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC):                                time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC),
		time.Date(2060, 5, 6, 7, 8, 9, 0, time.UTC):                                time.Date(2060, 5, 6, 7, 8, 8, 0, time.UTC),
		time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC):                                time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC),
		time.Date(2026, 7, 1, 12, 0, 1, 999, time.FixedZone("somewhere", 2*60*60)): time.Date(2026, 7, 1, 10, 0, 1, 0, time.UTC),
	} {
		var b bytes.Buffer
		w := NewWriter(&b, WriterOptions{})
		if err := w.StoreSeeker(Header{Name: "a", Modified: in}, strings.NewReader("")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()), Options{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.Find("a")
		if err != nil || !e.Modified.Equal(want) {
			t.Errorf("%v was read as %v (%v), want %v", in, e.Modified, err, want)
		}
	}
}
