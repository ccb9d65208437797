package zipfile

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

// FuzzReader shows that what is accepted as a whole means the same to the standard
// library, and that reading never gives more than the limits allow. The seeds
// are large for it: run it with -fuzzminimizetime 5x.
func FuzzReader(f *testing.F) {
	f.Add(sampleArchive(f), false)
	f.Add(named("a", "b/c", "ü").bytes(f), false)
	f.Add(forgery{}.bytes(f), false)
	f.Add(forgery{pieces: []piece{{name: "d/", central: attributes(0o040755 << 16)}, {name: "d/e", content: "x"}}}.bytes(f), true)
	f.Add(forgery{pieces: []piece{{name: "a", stream: true, content: "x", junk: []byte{1}}}}.bytes(f), false)
	f.Add(forgery{pieces: named("a").pieces, end: func(b []byte) []byte { return appendEnd(nil, max32, 0, 9) }}.bytes(f), false)
	f.Fuzz(func(t *testing.T, b []byte, foreign bool) {
		const most = 1 << 20
		o := Options{Foreign: foreign, Limits: Limits{EntrySize: most, TotalSize: most}}
		if check(b, o) != nil {
			return
		}
		got := contentsOf(t, b, o)
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("accepted, but not by the standard library: %v", err)
		}
		total := 0
		for _, file := range r.File {
			in, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(in)
			if err != nil {
				t.Fatalf("%q is accepted, but not by the standard library: %v", file.Name, err)
			}
			total += len(content)
			if want, ok := got[file.Name]; !file.FileInfo().IsDir() && (!ok || want != string(content)) {
				t.Fatalf("%q means %q here and %q to the standard library", file.Name, want, content)
			}
		}
		if total > most {
			t.Fatalf("it unpacks to %d bytes", total)
		}
	})
}
