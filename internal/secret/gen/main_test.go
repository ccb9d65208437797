package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"
)

func TestListIsUpToDate(t *testing.T) {
	f, err := os.Open("../common.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var fresh bytes.Buffer
	if err := write(&fresh); err != nil {
		t.Fatal(err)
	}
	if unpack(t, f) != unpack(t, &fresh) {
		t.Error("common.txt.gz is stale: run go generate ./internal/secret")
	}
}

// unpack lets a new Go release compress differently without failing the test.
func unpack(t *testing.T, r io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestListIsRichAndClean(t *testing.T) {
	all := list()
	if len(all) < 5000 {
		t.Errorf("only %d words", len(all))
	}
	for _, w := range all {
		if bytes.ContainsFunc([]byte(w), func(r rune) bool { return r < '0' || r > 'z' || r >= 'A' && r <= 'Z' }) {
			t.Errorf("%q is not folded", w)
		}
	}
}

func TestWriteFileRefusesADirectoryThatIsNotThere(t *testing.T) {
	if err := writeFile(t.TempDir() + "/missing/list.gz"); err == nil {
		t.Error("no error")
	}
}
