package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// sample is the bytes of an archive, its summary and the keys it was signed with.
func sample(t testing.TB) ([]byte, *archive.Stored, *secret.Keyring) {
	t.Helper()
	d, store, keys := dbtest.OpenSQLite(t, nil), newStore(t), secret.NewKeyring()
	fill(t, d, store, 10)
	content, sum := create(t, archive.Source{DB: d, Blobs: store, Keys: keys}, archive.Options{})
	return content, sum, keys
}

func open(t testing.TB, content []byte, keys *secret.Keyring) (*archive.Archive, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.zip")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(context.Background(), path, keys)
	if a != nil {
		t.Cleanup(func() { _ = a.Close() })
	}
	return a, err
}

func TestOpenFindsASoundArchiveAndItsOrigin(t *testing.T) {
	content, sum, keys := sample(t)
	a, err := open(t, content, keys)
	if err != nil {
		t.Fatal(err)
	}
	if a.Origin != archive.Own || a.Manifest.Rows != sum.Manifest.Rows {
		t.Errorf("origin %s, manifest %+v", a.Origin, a.Manifest)
	}
	if diff := cmp.Diff(sum.Sums(), a.Sums()); diff != "" {
		t.Error(diff)
	}
	a, err = open(t, content, secret.NewKeyring())
	if err != nil || a.Origin != archive.Foreign {
		t.Errorf("with other keys: %v", err)
	}
}

func TestATruncatedArchiveIsRefused(t *testing.T) {
	content, _, keys := sample(t)
	for i := range 50 {
		if _, err := open(t, content[:len(content)*i/50], keys); !errors.Is(err, archive.ErrBroken) {
			t.Errorf("cut off after %d %%: %v", 2*i, err)
		}
	}
	if _, err := open(t, content[:len(content)-1], keys); !errors.Is(err, archive.ErrBroken) {
		t.Errorf("cut off by one byte: %v", err)
	}
}

// edit rewrites entries of an archive; change returns nil to drop an entry.
func edit(t *testing.T, content []byte, change func(name string, text []byte) []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		text := change(f.Name, []byte(entry(t, z, f.Name)))
		if text == nil {
			continue
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate})
		if err == nil {
			_, err = e.Write(text)
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

// editSealed changes one entry and mends the digests in the seal, as one would who can write but not sign.
func editSealed(t *testing.T, content []byte, name string, change func(text string) string, seal func(*archive.Seal)) []byte {
	t.Helper()
	var size int64
	var digest string
	return edit(t, content, func(n string, text []byte) []byte {
		switch n {
		case name:
			text = []byte(change(string(text)))
			sum := sha256.Sum256(text)
			size, digest = int64(len(text)), hex.EncodeToString(sum[:])
		case "SEAL.json":
			var s archive.Seal
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			for i := range s.Entries {
				if s.Entries[i].Name == name {
					s.Entries[i].Size, s.Entries[i].SHA256 = size, digest
				}
			}
			if seal != nil {
				seal(&s)
			}
			text, _ = json.Marshal(s)
		}
		return text
	})
}

func replace(old, by string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, by, 1) }
}

func TestAnEditedArchiveIsRefused(t *testing.T) {
	content, _, keys := sample(t)
	admin := replace(`"ben@example.org","ben@example.org",true`, `"ben@example.org","ben@example.org",false`)
	tests := []struct {
		name, want string
		content    []byte
	}{
		{"a row, digests not mended", "does not have the digest", edit(t, content, func(n string, b []byte) []byte {
			if n == "data/users.jsonl" {
				return []byte(strings.Replace(string(b), "anna@", "ANNA@", 1))
			}
			return b
		})},
		{"a row, digests mended", "signature is wrong", editSealed(t, content, "data/users.jsonl", admin, nil)},
		{"a missing entry", "stands where", edit(t, content, func(n string, b []byte) []byte {
			if n == "data/roles.jsonl" {
				return nil
			}
			return b
		})},
		{"no seal", "SEAL.json is missing", edit(t, content, func(n string, b []byte) []byte {
			if n == "SEAL.json" {
				return nil
			}
			return b
		})},
		{"a table nobody knows", "where the schema has", editSealed(t, content, "schema/schema.json", replace(`"name": "roles"`, `"name": "rolls"`), nil)},
		{"an SQL name", "named wrongly", editSealed(t, content, "schema/schema.json", replace(`"name": "hash"`, `"name": "hash; --"`), nil)},
		{"a filter", "another key or filter", editSealed(t, content, "schema/schema.json", replace(`kind = 'api'`, `1=1`), nil)},
		{"another type", "has another type", editSealed(t, content, "schema/schema.json", replace(`"type": "text"`, `"type": "int"`), nil)},
		{"a newer format", "format version 2", editSealed(t, content, "MANIFEST.json", replace(`"format_version": 1`, `"format_version": 2`), nil)},
		{"unknown members", "unknown field", editSealed(t, content, "MANIFEST.json", replace(`{`, `{"more": 1,`), nil)},
		{"deep JSON", "nested", editSealed(t, content, "MANIFEST.json", func(string) string { return strings.Repeat("[", 100_000) }, nil)},
		{"a missing file", "the seal covers 3 files", edit(t, content, func(n string, b []byte) []byte {
			if strings.HasPrefix(n, "blobs/") && len(b) == 0 {
				return nil
			}
			return b
		})},
	}
	for _, tt := range tests {
		_, err := open(t, tt.content, keys)
		if err == nil || !strings.Contains(err.Error(), tt.want) && !strings.Contains(err.Error(), "name different") {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestAFlippedBitIsFound(t *testing.T) {
	content, _, keys := sample(t)
	for i := 0; i < len(content); i += len(content)/120 + 1 {
		bad := bytes.Clone(content)
		bad[i] ^= 1
		a, err := open(t, bad, keys)
		if err == nil && differs(t, a, content) {
			t.Errorf("bit at %d of %d: accepted", i, len(content))
		}
	}
}

// differs says whether an accepted archive has other content than the original: bits of time stamps mean nothing.
func differs(t *testing.T, a *archive.Archive, original []byte) bool {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(original), int64(len(original)))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range a.Seal.Entries {
		f, err := z.Open(e.Name)
		if err != nil {
			return true
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil || hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
			return true
		}
	}
	return false
}

func TestOnlyNestingCountsAsDepth(t *testing.T) {
	deep := strings.Repeat("[", 201)
	for text, ok := range map[string]bool{
		deep + strings.Repeat("]", 201):                     false,
		`{"a":` + deep:                                      false,
		`["` + deep + `"]`:                                  true,
		`["\"` + deep + `", "\\"]`:                          true,
		`["\\", ` + deep:                                    false,
		strings.Repeat(`{"name":"[draft"},`, 500):           true,
		strings.Repeat("[", 200) + strings.Repeat("]", 200): true,
	} {
		if err := archive.Shallow([]byte(text)); (err == nil) != ok {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// A line that no restore would read is found when an archive is looked at, and
// before its end is.
func TestARowLongerThanTheLimitIsRefused(t *testing.T) {
	content, _, keys := sample(t)
	row := "[" + strings.Repeat(" ", 1<<20) + "]\n"
	long := editSealed(t, content, "data/settings.jsonl", func(text string) string { return text + row }, nil)
	other := secret.NewKeyring() // the archive of another instance: it has no signature that would tell
	defer archive.LimitRows(len(row))()
	if _, err := open(t, long, other); err != nil {
		t.Fatalf("a row as long as the limit: %v", err)
	}
	archive.LimitRows(len(row) - 1)
	lines := strings.Count(entryOf(t, content, "data/settings.jsonl"), "\n")
	if _, err := open(t, long, other); !errors.Is(err, archive.ErrBroken) || !strings.Contains(err.Error(), fmt.Sprintf("settings.jsonl: line %d is longer than", lines+1)) {
		t.Errorf("a row longer than the limit: %v", err)
	}
	if _, err := open(t, content, keys); err != nil {
		t.Errorf("rows of usual length: %v", err)
	}
	endless := editSealed(t, content, "data/settings.jsonl", func(string) string { return strings.Repeat("[", 2<<20) }, nil)
	if _, err := open(t, endless, other); !errors.Is(err, archive.ErrBroken) || !strings.Contains(err.Error(), "line 1 is longer") {
		t.Errorf("a line without an end: %v", err)
	}
}

func entryOf(t *testing.T, content []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return entry(t, z, name)
}

// The page about the format says what the program refuses.
func TestTheManualNamesTheLimits(t *testing.T) {
	page, err := os.ReadFile("../../../docs/backup-format.md")
	if err != nil {
		t.Fatal(err)
	}
	l := archive.Limits
	for _, want := range []string{
		fmt.Sprintf("%d million entries", l.Entries/1_000_000), "names of 1,024 bytes",
		fmt.Sprintf("one entry %d TiB", l.EntrySize>>40), fmt.Sprintf("all together %d PiB", l.TotalSize>>50),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if l.NameLength != 1024 {
		t.Errorf("names of %d bytes", l.NameLength)
	}
}
