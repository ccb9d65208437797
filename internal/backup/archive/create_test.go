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
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/backup/repo"
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

// attach adds a file with a content.
func attach(t testing.TB, d *db.DB, store blob.Store, content []byte) {
	t.Helper()
	ref, err := store.Put(context.Background(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Do(context.Background(), d, func(tx *db.Tx) error {
		_, err := db.Exec(context.Background(), tx, db.SQL(`INSERT INTO attachments (author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
			VALUES (10, 'x', 'x/y', ?, ?, ?, 0, 0)`, ref.Size, ref.SHA256, ref.MD5))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
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

// identity opens the repositories of all tests, also in other processes.
var identity = func() *age.X25519Identity {
	id, err := age.ParseX25519Identity("AGE-SECRET-KEY-1THZGR4WNAK5NMWNG8TV3NKDS3VKTQ8M3ZGTV0YAKUF22KWA0SU4QSGDTJS")
	if err != nil {
		panic(err)
	}
	return id
}()

// openRepo opens the repository at a place, and makes it when there is none.
func openRepo(ctx context.Context, s objstore.Store) (*repo.Repository, error) {
	r, err := repo.Open(ctx, s, repo.Options{}, identity)
	if errors.Is(err, repo.ErrNoRepository) {
		r, err = repo.Create(ctx, s, repo.Options{}, repo.Recipient{Label: "test", Key: identity.Recipient()})
	}
	return r, err
}

func newRepo(t testing.TB) *repo.Repository {
	t.Helper()
	r, err := openRepo(context.Background(), objstoretest.NewSim())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take makes a snapshot in a repository of its own.
func take(t testing.TB, src archive.Source, o archive.Options) *archive.Stored {
	t.Helper()
	o.TempDir = t.TempDir()
	r := newRepo(t)
	s, err := archive.Take(context.Background(), src, r, o)
	if err != nil {
		t.Fatal(err)
	}
	st, err := archive.Load(r, s, src.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func export(t testing.TB, st *archive.Stored, keys *secret.Keyring, files bool) []byte {
	t.Helper()
	x, err := archive.NewExport(context.Background(), st, keys, files, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := x.WriteTo(context.Background(), &buf, 0); err != nil {
		t.Fatal(err)
	}
	if int64(buf.Len()) != x.Size() {
		t.Fatalf("the archive has %d bytes, %d were foretold", buf.Len(), x.Size())
	}
	return buf.Bytes()
}

// create makes a snapshot and the archive of it.
func create(t testing.TB, src archive.Source, o archive.Options) ([]byte, *archive.Stored) {
	t.Helper()
	st := take(t, src, o)
	return export(t, st, src.Keys, true), st
}

func TestAnArchiveHoldsEveryRowAndFile(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		store := newStore(t)
		fill(t, d, store, 50)
		var last archive.Progress
		src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
		content, sum := create(t, src, archive.Options{Progress: func(p archive.Progress) { last = p }})
		if sum.Seal.State != archive.Complete || sum.Seal.Files.Count != 3 || sum.Snapshot.Count != sum.Manifest.Rows {
			t.Errorf("snapshot %+v of %+v", sum.Snapshot, sum.Manifest)
		}
		if last.Rows != last.RowsTotal || last.Rows != sum.Manifest.Rows || last.Files != 3 || last.Bytes != sum.Manifest.Bytes || last.BytesTotal != last.Bytes {
			t.Errorf("last progress %+v, %+v", last, sum.Manifest)
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
			for _, table := range sum.Sums() {
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
		if diff := cmp.Diff(sum.Sums(), again); diff != "" {
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
			content, _ := create(t, src, archive.Options{})
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
	content, sum := create(t, archive.Source{DB: d, Blobs: bad, Keys: secret.NewKeyring()}, archive.Options{})
	if sum.Seal.State != archive.Incomplete || sum.Seal.Files.Count != 0 || sum.Snapshot.Complete {
		t.Errorf("summary %+v", sum)
	}
	reasons := map[string]string{shas[0]: "the file is not there", shas[1]: "the file is damaged", shas[2]: "the file cannot be read"}
	for _, m := range sum.Seal.Missing {
		if m.Reason != reasons[m.SHA256] {
			t.Errorf("missing %+v, want %q", m, reasons[m.SHA256])
		}
	}
	if len(sum.Seal.Missing) != 3 {
		t.Errorf("missing %+v", sum.Seal.Missing)
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
	keys := secret.NewKeyring()
	content := export(t, take(t, archive.Source{DB: d, Blobs: store, Keys: keys}, archive.Options{}), keys, false)
	if _, err := open(t, content, keys); err != nil {
		t.Error(err)
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if text := entry(t, z, "MANIFEST.json"); !strings.Contains(text, `"attachments": false`) || strings.Contains(entry(t, z, "SEAL.json"), "blobs/") {
		t.Errorf("manifest %s", text)
	}
}

func TestAFullDiskEndsTheBackupWithAHint(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	store := newStore(t)
	fill(t, d, store, 20)
	src := archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}
	for n := 1; n < 4; n++ {
		place := objstoretest.NewSim()
		r, err := openRepo(context.Background(), place)
		if err != nil {
			t.Fatal(err)
		}
		puts := 0
		place.Hook = func(c objstoretest.Call) objstoretest.Fault {
			if c.Op == objstoretest.OpPut {
				puts++
			}
			if puts > n {
				return objstoretest.Fault{Err: objstore.ErrFull}
			}
			return objstoretest.Fault{}
		}
		if _, err := archive.Take(context.Background(), src, r, archive.Options{TempDir: t.TempDir()}); !errors.Is(err, objstore.ErrFull) || fault.HintOf(err) == "" {
			t.Errorf("after %d objects: %v", n, err)
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
			_, err := archive.Take(ctx, src, newRepo(t), archive.Options{Progress: stop, TempDir: t.TempDir()})
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
	_, err = archive.Take(context.Background(), archive.Source{DB: d, Keys: secret.NewKeyring()}, newRepo(t), archive.Options{TempDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "table settings: row [x]: column value") {
		t.Errorf("got %v", err)
	}
}

// A row that a restore would refuse fails the backup, while there is time to mend it.
func TestARowThatIsTooLongFailsTheBackup(t *testing.T) {
	defer archive.LimitRows(1 << 20)()
	d := dbtest.OpenSQLite(t, nil)
	set := func(n int) {
		t.Helper()
		err := db.Do(context.Background(), d, func(tx *db.Tx) error {
			_, err := db.Exec(context.Background(), tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES ('x', ?, 0)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`, strings.Repeat("x", n)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	src, r := archive.Source{DB: d, Keys: secret.NewKeyring()}, newRepo(t)
	set(1<<20 - 100)
	if _, err := archive.Take(context.Background(), src, r, archive.Options{TempDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	set(1 << 20)
	_, err := archive.Take(context.Background(), src, r, archive.Options{TempDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "table settings: row [x]: it takes 10486") || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("got %v", err)
	}
}
