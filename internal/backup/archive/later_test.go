package archive_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Rows and files are read once, by the restore. What is wrong with them is found by it,
// and nothing has changed then.
func TestWrongRowsAndFilesAreFoundWhenTheyAreRestored(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(5)
	content, err := os.ReadFile(source.backup())
	source.must(err)
	file := func(change func(b []byte) []byte) []byte {
		return edit(t, content, func(n string, b []byte) []byte {
			if strings.HasPrefix(n, "blobs/") && len(b) > 0 {
				return change(b)
			}
			return b
		})
	}
	row := func(table, old, by string) []byte {
		return edit(t, content, func(n string, b []byte) []byte {
			if n != "data/"+table+".jsonl" {
				return b
			}
			changed := strings.Replace(string(b), old, by, 1)
			if len(changed) != len(b) || changed == string(b) {
				t.Fatalf("%s is not changed as it should be: %s", n, b)
			}
			return []byte(changed)
		})
	}
	for name, tt := range map[string]struct {
		content []byte
		want    string
	}{
		"another row":        {row("users", "anna@", "ANNA@"), "the archive has"},
		"no row":             {row("users", "[", "{"), "data/users.jsonl, line 1"},
		"a file of the size": {file(func(b []byte) []byte { return bytes.ToUpper(b) }), "does not have the digest it should"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "backup.zip")
			source.must(os.WriteFile(path, tt.content, 0o600))
			if _, err := archive.Open(context.Background(), path, source.keys); !errors.Is(err, archive.ErrBroken) {
				t.Errorf("read as a whole: %v", err)
			}
			i := newInstance(t, db.SQLite) // without the files, which would not be read then
			i.exec(`INSERT INTO projects (identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES ('here', 'here', 'Here', 'here', 0, 0)`)
			before, names := i.digests(), i.names()
			_, err := i.restore(path, archive.RestoreOptions{Replace: true})
			if !errors.Is(err, archive.ErrBroken) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.HintOf(err), "fetch the file again") {
				t.Errorf("got %v, hint %q, want %q", err, fault.HintOf(err), tt.want)
			}
			if diff := cmp.Diff(before, i.digests()) + cmp.Diff(names, i.names()); diff != "" {
				t.Error("something changed: ", diff)
			}
		})
	}
}

// A bit that flips anywhere in an archive is found before the instance changes, or means
// nothing.
func TestARestoreFindsAFlippedBit(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(5)
	content, err := os.ReadFile(source.backup())
	source.must(err)
	i := newInstance(t, db.SQLite)
	empty, names, found := i.digests(), i.names(), 0
	for at := 0; at < len(content); at += len(content)/40 + 1 {
		bad := bytes.Clone(content)
		bad[at] ^= 1
		path := filepath.Join(t.TempDir(), "backup.zip")
		source.must(os.WriteFile(path, bad, 0o600))
		whole, wrong := archive.Open(context.Background(), path, i.keys)
		if wrong == nil {
			i.must(whole.Close())
			continue
		}
		a, err := archive.OpenToRestore(context.Background(), path, i.keys)
		if err == nil {
			found++
			_, err = archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{})
			i.must(a.Close())
		}
		if !errors.Is(err, archive.ErrBroken) {
			t.Fatalf("bit at %d of %d: %v, and read as a whole: %v", at, len(content), err, wrong)
		}
		if diff := cmp.Diff(empty, i.digests()) + cmp.Diff(names, i.names()); diff != "" {
			t.Fatalf("bit at %d of %d: something changed: %s", at, len(content), diff)
		}
	}
	if found < 5 {
		t.Errorf("%d flipped bits were left to the restore", found)
	}
}
