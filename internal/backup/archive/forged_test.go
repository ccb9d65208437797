package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/secret"
)

// forgery is an archive that somebody made who knows the format and has no key:
// entries are changed, their digests mended, and it names another instance.
type forgery struct {
	change map[string]func(string) string
	seal   func(*archive.Seal)
	behind string // an entry behind the seal
	before string // an entry before it
}

func (f forgery) of(t *testing.T, content []byte) []byte {
	t.Helper()
	const other = "0000000000000000"
	sizes, sums := map[string]int64{}, map[string]string{}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	put := func(name string, text []byte) {
		t.Helper()
		e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = e.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, entryOf := range z.File {
		name := entryOf.Name
		text := entry(t, z, name)
		if name == "MANIFEST.json" {
			text = strings.Replace(text, string(fingerprintOf([]byte(text))), other, 1)
		}
		if change := f.change[name]; change != nil {
			text = change(text)
		}
		sum := sha256.Sum256([]byte(text))
		sizes[name], sums[name] = int64(len(text)), hex.EncodeToString(sum[:])
		if name != "SEAL.json" {
			put(name, []byte(text))
			continue
		}
		var s archive.Seal
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		s.Instance = other
		for i, e := range s.Entries {
			s.Entries[i].Size, s.Entries[i].SHA256 = sizes[e.Name], sums[e.Name]
		}
		if f.seal != nil {
			f.seal(&s)
		}
		if f.before != "" {
			put(f.before, []byte("x"))
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		put(name, b)
		if f.behind != "" {
			put(f.behind, []byte("x"))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func in(name string, change func(string) string) map[string]func(string) string {
	return map[string]func(string) string{name: change}
}

func pattern(old, by string) func(string) string {
	re := regexp.MustCompile(old)
	return func(s string) string {
		done := false
		return re.ReplaceAllStringFunc(s, func(m string) string {
			if done {
				return m
			}
			done = true
			return re.ReplaceAllString(m, by)
		})
	}
}

func both(name string, change func(string) string) map[string]func(string) string {
	return map[string]func(string) string{"MANIFEST.json": change, name: change}
}

func TestAForgedArchiveIsRefused(t *testing.T) {
	content, _, _ := sample(t)
	keys := secret.NewKeyring()
	if _, err := open(t, forgery{}.of(t, content), keys); err != nil {
		t.Fatalf("nothing was forged: %v", err)
	}
	const schema, manifest = "schema/schema.json", "MANIFEST.json"
	key := `"key": \[\s*"name"\s*\]`
	for name, c := range map[string]struct {
		want string
		forgery
	}{
		"another format":           {"names the format", forgery{change: in(manifest, replace("holdfast-backup", "tarball"))}},
		"two schema versions":      {"different versions", forgery{change: in(manifest, replace(`"schema_version": `, `"schema_version": 9`))}},
		"a second document":        {"goes on after its end", forgery{change: in(manifest, func(s string) string { return s + "{}" })}},
		"no document":              {"MANIFEST.json", forgery{change: in(manifest, func(string) string { return "{" + `"instance": "0000000000000000"` })}},
		"too large a document":     {"is larger than", forgery{change: in(manifest, func(s string) string { return s + strings.Repeat(" ", 16<<20) })}},
		"a count too few":          {"the manifest counts", forgery{change: in(manifest, pattern(`\{\s*"name": "roles",[^}]*\},`, ""))}},
		"a table without a key":    {"no columns or no key", forgery{change: in(schema, pattern(key, `"key": []`))}},
		"a key that is no column":  {"is not among its columns", forgery{change: in(schema, pattern(key, `"key": ["nme"]`))}},
		"a table that stays":       {"belongs in no archive", forgery{change: both(schema, replace(`"name": "roles"`, `"name": "sessions"`))}},
		"a table that is not":      {"is unknown", forgery{change: both(schema, replace(`"name": "roles"`, `"name": "rolls"`))}},
		"another instance":         {"name different instances", forgery{seal: func(s *archive.Seal) { s.Instance = "1111111111111111" }}},
		"fewer entries":            {"the seal covers", forgery{seal: func(s *archive.Seal) { s.Entries = s.Entries[1:] }}},
		"another size":             {"the seal says", forgery{seal: func(s *archive.Seal) { s.Entries[1].Size++ }}},
		"another name":             {"and the seal covers", forgery{seal: func(s *archive.Seal) { s.Entries[1].Name = "x" }}},
		"another format version":   {"different format versions", forgery{seal: func(s *archive.Seal) { s.FormatVersion = 7 }}},
		"an unknown state":         {"contradicts itself", forgery{seal: func(s *archive.Seal) { s.State = "fine" }}},
		"missing, and complete":    {"contradicts itself", forgery{seal: func(s *archive.Seal) { s.Missing = []archive.Missing{{Name: "x"}} }}},
		"more files announced":     {"announces", forgery{change: in(manifest, pattern(`"files": 3`, `"files": 4`))}},
		"files, and none promised": {"announces", forgery{change: in(manifest, replace(`"attachments": true`, `"attachments": false`))}},
		"something behind it":      {"stands after the seal", forgery{behind: "zz"}},
		"something before it":      {"belongs in no archive", forgery{before: "zz"}},
		"a file out of order":      {"out of order", forgery{before: "blobs/00/" + strings.Repeat("0", 64)}},
		"a file with other bytes":  {"does not have the digest", forgery{before: "blobs/ff/" + strings.Repeat("f", 64)}},
	} {
		_, err := open(t, c.of(t, content), keys)
		if !errors.Is(err, archive.ErrBroken) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// An encrypted archive that was cut is refused wherever the cut is; so is one
// with a flipped bit, and one that is no archive inside.
func TestADamagedEncryptedArchiveIsRefused(t *testing.T) {
	content, _, keys := sample(t)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(content []byte) []byte {
		t.Helper()
		var out bytes.Buffer
		w, err := age.Encrypt(&out, id.Recipient())
		if err == nil {
			_, err = w.Write(content)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	whole := sealed(content)
	try := func(b []byte, ids ...age.Identity) error {
		t.Helper()
		path := t.TempDir() + "/backup.zip.age"
		write(t, path, b)
		a, err := archive.Open(context.Background(), path, keys, ids...)
		if err == nil {
			err = a.Close()
		}
		return err
	}
	if err := try(whole, id); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 120; n += stride {
		cut := len(whole) * n / 120
		if err := try(whole[:cut], id); err == nil {
			t.Errorf("cut at %d of %d: accepted", cut, len(whole))
		}
		flip := bytes.Clone(whole)
		flip[cut] ^= 1 << (n % 8)
		if err := try(flip, id); err == nil {
			t.Errorf("a flip at %d of %d: accepted", cut, len(whole))
		}
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"without a key": try(whole), "with another key": try(whole, stranger)} {
		if !errors.Is(err, archive.ErrEncrypted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := try(sealed([]byte("no archive")), id); !errors.Is(err, archive.ErrBroken) {
		t.Errorf("no archive inside: %v", err)
	}
	if _, err := archive.Open(context.Background(), t.TempDir()+"/none.zip", keys); err == nil {
		t.Error("a file that is not there is opened")
	}
}

// copied is the content of a snapshot as a source of another, which may differ.
type copied struct {
	from *archive.Stored
	repo *repo.Repository
	item func(*repo.Item)
	meta func(*archive.Meta)
}

func (c copied) Items(ctx context.Context, put func(repo.Item) error) error {
	var held *repo.Item
	flush := func() error {
		if held == nil {
			return nil
		}
		if c.item != nil {
			c.item(held)
		}
		return put(*held)
	}
	err := c.repo.Read(ctx, c.from.Snapshot, nil, nil, repo.Reading{
		Entry: func(e *repo.Entry) error {
			if err := flush(); err != nil {
				return err
			}
			held = &repo.Item{Key: bytes.Clone(e.Key), Count: e.Count, Data: []byte{}, Text: e.Deflated}
			return nil
		},
		Chunk: func(b []byte) error { held.Data = append(held.Data, b...); return nil },
	})
	if err != nil {
		return err
	}
	return flush()
}

func (c copied) Meta() (json.RawMessage, bool, error) {
	var m archive.Meta
	if err := json.Unmarshal(c.from.Snapshot.Meta, &m); err != nil {
		return nil, false, err
	}
	if c.meta != nil {
		c.meta(&m)
	}
	text, err := json.Marshal(m)
	return text, true, err
}

// A snapshot whose writer had a defect, or was another program, is refused when
// it is loaded, exported or restored.
func TestASnapshotThatDoesNotFitItselfIsRefused(t *testing.T) {
	i := newInstance(t, "sqlite").filled(5)
	st, keys := i.stored(), i.keys
	from, err := repoIn(i.dir)(t.Context())
	i.must(err)
	load := func(c copied) (*archive.Stored, error) {
		t.Helper()
		c.from, c.repo = st, from
		r := newRepo(t)
		s, err := r.Backup(t.Context(), c, repo.BackupOptions{})
		i.must(err)
		return archive.Load(r, s, keys)
	}
	for name, change := range map[string]func(*archive.Meta){
		"format":        func(m *archive.Meta) { m.Manifest.Format = "tarball" },
		"newer":         func(m *archive.Meta) { m.Manifest.FormatVersion++ },
		"unknown table": func(m *archive.Meta) { m.Tables[0].Name = "unknown" },
		"no digest":     func(m *archive.Meta) { m.Entries = m.Entries[:3] },
		"no count":      func(m *archive.Meta) { m.Manifest.Tables = nil },
	} {
		if _, err := load(copied{meta: change}); !errors.Is(err, archive.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := map[string]copied{
		"rows that are not compressed": {item: func(it *repo.Item) { it.Text = false }},
		"a size that is not":           {meta: func(m *archive.Meta) { m.Entries[0].Size++ }},
	}
	for name, c := range broken {
		s, err := load(c)
		i.must(err)
		if _, err := archive.NewExport(t.Context(), s, keys, true, ""); !errors.Is(err, archive.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]copied{
		"other rows": {item: func(it *repo.Item) {
			if bytes.HasPrefix(it.Key, []byte("rows/settings")) {
				it.Data = bytes.Replace(it.Data, []byte("["), []byte("[ "), 1)
			}
		}},
		"a count that is not": {meta: func(m *archive.Meta) { m.Manifest.Tables[0].Rows++ }},
		"other files": {item: func(it *repo.Item) {
			if bytes.HasPrefix(it.Key, []byte("sha256/")) && len(it.Data) > 0 {
				it.Data[0] ^= 1
			}
		}},
	} {
		s, err := load(c)
		i.must(err)
		if _, err := archive.Drill(t.Context(), s, i.target(), archive.DrillOptions{}); err == nil {
			t.Errorf("%s: proven", name)
		}
		empty := newInstance(t, "sqlite") // which has none of the files
		want := empty.digests()
		if _, err := archive.Restore(t.Context(), s, empty.target(), archive.RestoreOptions{Replace: true}); err == nil {
			t.Errorf("%s: restored", name)
		}
		same(t, want, empty.digests())
	}
}

// A client that goes away in the middle of a download ends it.
func TestAnExportEndsWithItsReader(t *testing.T) {
	content, st, keys := sample(t)
	x, err := archive.NewExport(t.Context(), st, keys, true, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(content); n += max(1, len(content)/150) {
		if err := x.WriteTo(t.Context(), &short{left: n}, 0); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("a reader that goes away after %d bytes of %d: %v", n, len(content), err)
		}
	}
}

// short takes so many bytes and no more.
type short struct{ left int }

func (s *short) Write(b []byte) (int, error) {
	if s.left -= len(b); s.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}
