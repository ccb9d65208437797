package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// findings holds one line per rule, marked with what must be found there, and lines that must pass.
const findings = `package thing

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

type kind int

const (
	one kind = iota
	two
)

func f(r io.Reader, db *sql.DB, k kind) (time.Time, error) {
	os.Remove("x") // want errcheck
	fmt.Println("x") // want forbidigo
	_, err := r.Read(nil)
	if err == sql.ErrNoRows { // want errorlint
		return time.Time{}, err
	}
	fmt.Fprintln(os.Stderr, "harmless")
	file, err := os.Open("x")
	if err != nil {
		return time.Time{}, errors.Join(err)
	}
	defer file.Close()
	resp, err := http.Get("x") // want bodyclose
	if err != nil || resp.StatusCode > 0 {
		return time.Time{}, err
	}
	rows, err := db.Query("SELECT 1") // want rowserrcheck sqlclosecheck
	if err != nil {
		return time.Time{}, err
	}
	for rows.Next() {
		fmt.Fprintln(os.Stderr, "row")
	}
	switch k { // want exhaustive
	case one:
	}
	os.Remove("y") //nolint:errcheck // shows that a reason silences
	os.Remove("z") //nolint:errcheck // want errcheck nolint
	os.Remove("z") //nolint:nothing // want errcheck nolint
	return time.Now(), nil // want forbidigo
}
`

func TestFindings(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "lint")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// The directive without a reason has none here; the marks are for this test only.
	source := strings.Replace(findings, "//nolint:errcheck // want errcheck nolint", "//nolint:errcheck", 1)
	write(t, filepath.Join(dir, "go.mod"), "module github.com/holdfast/holdfast\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "internal/thing/thing.go"), source)
	cmd := exec.Command("go", "vet", "-vettool="+tool, "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("nothing was found")
	}
	found := map[string]map[string]bool{}
	for text := range strings.Lines(string(out)) {
		if part := strings.SplitN(text, ":", 5); len(part) == 5 {
			if found[part[1]] == nil {
				found[part[1]] = map[string]bool{}
			}
			found[part[1]][strings.TrimSpace(part[3])] = true
		}
	}
	compare(t, found)
}

func compare(t *testing.T, found map[string]map[string]bool) {
	t.Helper()
	for i, text := range strings.Split(findings, "\n") {
		number := strconv.Itoa(i + 1)
		_, marks, _ := strings.Cut(text, "// want ")
		for _, name := range strings.Fields(marks) {
			if !found[number][name] {
				t.Errorf("line %s, %q: %s found nothing", number, strings.TrimSpace(text), name)
			}
			delete(found[number], name)
		}
		for name := range found[number] {
			t.Errorf("line %s, %q: %s found something", number, strings.TrimSpace(text), name)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
