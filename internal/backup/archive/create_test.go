package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// nasty are texts that engines, JSON or people get wrong.
var nasty = []string{
	"", " ", "plain", "emoji 😀 and 👩‍👩‍👧", "שלום עולם", "e\u0301 against é", "quote ' \" \\ back", "line\nfeed\r\ttab \x01 \x7f",
	"\u2028\u2029\ufeff", "null", "NULL", "0", "=1+1", strings.Repeat("long ", 2000), "<script>&amp;</script>", "%_?$1", "\U0010ffff",
}

// fill gives a database rows of every kind: nasty text, extreme numbers, null and empty.
func fill(t testing.TB, d *db.DB, store blob.Store, workPackages int) {
	t.Helper()
	ctx := context.Background()
	var files []blob.Ref
	for _, content := range []string{"", "one file", strings.Repeat("large file ", 500_000)} {
		ref, err := store.Put(ctx, strings.NewReader(content), 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, ref)
	}
	err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error {
		exec := func(sql string, args ...any) {
			if _, err := db.Exec(ctx, tx, db.SQL(sql, args...)); err != nil {
				panic(fmt.Errorf("%s: %w", sql, err))
			}
		}
		at := tx.Stamp()
		for i, login := range []string{"anna", "ben", "cleo", "dora"} {
			exec(`INSERT INTO users (id, kind, login, login_folded, firstname, lastname, mail, mail_folded, admin, status, created_at, updated_at)
				VALUES (?, 'User', ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
				int64(10+i), login, login, nasty[i+3], nasty[i+5], login+"@example.org", login+"@example.org", i < 2, at, at)
			exec(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, ?, ?)`, int64(10+i), "$argon2id$"+login, at)
			exec(`INSERT INTO tokens (user_id, kind, name, hash, created_at) VALUES (?, 'api', ?, ?, ?)`, int64(10+i), nasty[i], "key-"+login, at)
			exec(`INSERT INTO tokens (user_id, kind, hash, created_at) VALUES (?, 'recovery', ?, ?)`, int64(10+i), "recovery-"+login, at)
			exec(`INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?)`, "s-"+login, int64(10+i), at, at, at)
		}
		exec(`INSERT INTO settings (name, value, updated_at) VALUES ('app_title', ?, ?)`, `"Häuser \u003c3"`, at)
		exec(`INSERT INTO types (id, name, position, created_at, updated_at) VALUES (1, 'Task', 1, ?, ?)`, at, at)
		exec(`INSERT INTO statuses (id, name, position, is_default, created_at, updated_at) VALUES (1, 'New', 1, ?, ?, ?)`, true, at, at)
		exec(`INSERT INTO priorities (id, name, position, created_at, updated_at) VALUES (1, 'Normal', 1, ?, ?)`, at, at)
		exec(`INSERT INTO roles (id, name, kind, position, created_at, updated_at) VALUES (1, 'Member', 'ProjectRole', 1, ?, ?)`, at, at)
		for i, text := range nasty {
			exec(`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, description, status_code, created_at, updated_at, parent_id)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, int64(i+1), fmt.Sprint("p", i), fmt.Sprint("p", i), text, strings.ToLower(text), text,
				nullable(text), at, at, parent(i))
			exec(`INSERT INTO role_permissions (role_id, permission) VALUES (1, ?)`, text)
		}
		for i := range workPackages {
			text := nasty[i%len(nasty)]
			exec(`INSERT INTO work_packages (id, project_id, type_id, status_id, priority_id, subject, subject_folded, description, author_id,
				start_date, due_date, done_ratio, estimated_seconds, parent_id, created_at, updated_at) VALUES (?, ?, 1, 1, 1, ?, ?, ?, 10, ?, ?, ?, ?, ?, ?, ?)`,
				int64(i+1), int64(i%len(nasty)+1), text, text, text, "2026-01-02", "2026-01-03", int64(i%101), int64(1)<<62+int64(i), parent(i), at, at)
			exec(`INSERT INTO journals (entity_type, entity_id, version, user_id, notes, data, created_at, updated_at)
				VALUES ('WorkPackage', ?, 1, 10, ?, ?, ?, ?)`, int64(i+1), text, `{"subject": "\u003c x", "done": 1.50, "a": null}`, at, at)
		}
		for i, ref := range files {
			exec(`INSERT INTO attachments (container_type, container_id, author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
				VALUES ('WorkPackage', 1, 10, ?, 'text/plain', ?, ?, ?, ?, ?)`, nasty[i+3], ref.Size, ref.SHA256, ref.MD5, at, at)
			exec(`INSERT INTO blobs (sha256, size, created_at) VALUES (?, ?, ?)`, ref.SHA256, ref.Size, at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// parent names an earlier row for every other one, so that rows point at rows of their own table.
func parent(i int) any {
	if i%2 == 0 {
		return nil
	}
	return int64(i)
}

func newStore(t testing.TB) *blob.Dir {
	t.Helper()
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func create(t testing.TB, src archive.Source, o archive.Options) ([]byte, archive.Summary) {
	t.Helper()
	var buf bytes.Buffer
	o.TempDir = t.TempDir()
	sum, err := archive.Create(context.Background(), src, &buf, o)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), sum
}

func TestAnArchiveHoldsEveryRowAndFile(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		store := newStore(t)
		fill(t, d, store, 50)
		var last archive.Progress
		src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
		content, sum := create(t, src, archive.Options{Attachments: true, Progress: func(p archive.Progress) { last = p }})
		whole := sha256.Sum256(content)
		if sum.State != archive.Complete || sum.Files != 3 || sum.SHA256 != hex.EncodeToString(whole[:]) || sum.Size != int64(len(content)) {
			t.Errorf("summary %+v", sum)
		}
		if last.Rows != last.RowsTotal || last.Rows != sum.Rows || last.Files != 3 || last.Bytes != sum.FileBytes || last.BytesTotal != last.Bytes {
			t.Errorf("last progress %+v, summary %+v", last, sum)
		}
		z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		if first, end := z.File[0].Name, z.File[len(z.File)-1].Name; first != "MANIFEST.json" || end != "SEAL.json" {
			t.Errorf("from %s to %s", first, end)
		}
		for _, f := range z.File {
			hash := hashOf(t, f)
			if strings.HasPrefix(f.Name, "blobs/") && !strings.HasSuffix(f.Name, "/"+hash) {
				t.Errorf("%s has hash %s", f.Name, hash)
			}
			for _, table := range sum.Tables {
				if f.Name == "data/"+table.Name+".jsonl" && hash != table.SHA256 {
					t.Errorf("%s has hash %s, the summary says %s", f.Name, hash, table.SHA256)
				}
			}
		}
		if text := entry(t, z, "data/tokens.jsonl"); strings.Contains(text, "recovery") || !strings.Contains(text, "key-anna") {
			t.Errorf("tokens: %s", text)
		}
		again, err := archive.Digests(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sum.Tables, again); diff != "" {
			t.Errorf("digests of the database against the summary: %s", diff)
		}
	})
}

func hashOf(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func entry(t *testing.T, z *zip.Reader, name string) string {
	t.Helper()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestTheSameSnapshotGivesTheSameBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		store := newStore(t)
		fill(t, d, store, 5)
		src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
		var texts []string
		for range 2 {
			content, _ := create(t, src, archive.Options{Attachments: true})
			z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, f := range z.File {
				if f.Name != "MANIFEST.json" && f.Name != "SEAL.json" { // they carry the instant
					fmt.Fprintln(&all, f.Name, f.CompressedSize64, hashOf(t, f))
				}
			}
			texts = append(texts, all.String())
		}
		if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
			t.Error(diff)
		}
	})
}

// faulty is a store whose files go wrong.
type faulty struct {
	blob.Store
	missing, damaged, broken string
}

func (f faulty) Open(ctx context.Context, sha string) (io.ReadSeekCloser, int64, error) {
	switch sha {
	case f.missing:
		return nil, 0, blob.ErrNotFound
	case f.broken:
		return readSeekCloser{badReader{}}, 10, nil
	case f.damaged:
		return readSeekCloser{bytes.NewReader([]byte("other bytes"))}, 11, nil
	}
	return f.Store.Open(ctx, sha)
}

type badReader struct{ io.Seeker }

func (badReader) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

type readSeekCloser struct{ io.ReadSeeker }

func (readSeekCloser) Close() error { return nil }

func TestAnUnreadableFileMakesTheArchiveIncomplete(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	store := newStore(t)
	fill(t, d, store, 1)
	var shas []string
	_ = store.Walk(context.Background(), func(sha string, _ int64) error { shas = append(shas, sha); return nil })
	bad := faulty{store, shas[0], shas[1], shas[2]}
	content, sum := create(t, archive.Source{DB: d, Blobs: bad, Keys: secret.NewKeyring()}, archive.Options{Attachments: true})
	if sum.State != archive.Incomplete || sum.Files != 0 {
		t.Errorf("summary %+v", sum)
	}
	reasons := map[string]string{shas[0]: "the file is not there", shas[1]: "the file is damaged", shas[2]: "the file cannot be read"}
	for _, m := range sum.Missing {
		if m.Reason != reasons[m.SHA256] {
			t.Errorf("missing %+v, want %q", m, reasons[m.SHA256])
		}
	}
	if len(sum.Missing) != 3 {
		t.Errorf("missing %+v", sum.Missing)
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if text := entry(t, z, "SEAL.json"); !strings.Contains(text, `"state": "incomplete"`) || !strings.Contains(text, shas[1]) {
		t.Errorf("seal: %s", text)
	}
}

func TestLeavingFilesOutIsRecorded(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	store := newStore(t)
	fill(t, d, store, 1)
	content, sum := create(t, archive.Source{DB: d, Blobs: faulty{}, Keys: secret.NewKeyring()}, archive.Options{})
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if text := entry(t, z, "MANIFEST.json"); sum.State != archive.Complete || !strings.Contains(text, `"attachments": false`) {
		t.Errorf("%+v, manifest %s", sum, text)
	}
}

// full is a disk that takes so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

func TestAFullDiskEndsTheArchiveWithAHint(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	store := newStore(t)
	fill(t, d, store, 20)
	src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
	for _, left := range []int{0, 1 << 20, 5 << 20} {
		_, err := archive.Create(context.Background(), src, &full{left}, archive.Options{Attachments: true, TempDir: t.TempDir()})
		if !errors.Is(err, syscall.ENOSPC) || fault.HintOf(err) == "" {
			t.Errorf("with %d bytes left: %v", left, err)
		}
	}
	pins, err := db.Read(context.Background(), d, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](context.Background(), tx, db.SQL(`SELECT COUNT(*) FROM blob_pins`))
	})
	if err != nil || pins != 0 {
		t.Errorf("%d pins stay behind, %v", pins, err)
	}
}

func TestCancellingEndsTheArchive(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		store := newStore(t)
		fill(t, d, store, 20)
		src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
		for _, at := range []string{"users", "files"} {
			ctx, cancel := context.WithCancel(context.Background())
			stop := func(p archive.Progress) {
				if p.Step == at {
					cancel()
				}
			}
			_, err := archive.Create(ctx, src, io.Discard, archive.Options{Attachments: true, Progress: stop, TempDir: t.TempDir()})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled at %s: %v", at, err)
			}
			cancel()
		}
	})
}

func TestARowThatCannotBeRestoredIsNamed(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	err := db.Do(context.Background(), d, func(tx *db.Tx) error {
		_, err := db.Exec(context.Background(), tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES ('x', CAST(x'610062' AS TEXT), 0)`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = archive.Create(context.Background(), archive.Source{DB: d, Keys: secret.NewKeyring()}, io.Discard, archive.Options{TempDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "table settings: row [x]: column value") {
		t.Errorf("got %v", err)
	}
}
