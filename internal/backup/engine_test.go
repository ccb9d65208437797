package backup_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
)

func TestTheRealEngineFromRequestToSoundArchive(t *testing.T) {
	keys := func(d *backup.Deps) {
		d.Engine = &backup.Archiver{
			Source: archive.Source{DB: d.DB, Keys: d.Keys}, TempDir: d.Dir,
			Place: &backup.Place{Location: filepath.Join(d.Dir, "repository"), KeysDir: d.Dir},
		}
	}
	each(t, func(t *testing.T, w *world) {
		store, err := blob.OpenDir(t.TempDir())
		must(t, err)
		t.Cleanup(func() { must(t, store.Close()) })
		w.deps.Engine.(*backup.Archiver).Source.Blobs = store
		content := strings.Repeat("plan ", 1000)
		ref, err := store.Put(t.Context(), strings.NewReader(content), 0)
		must(t, err)
		add := func(name, sha string, size int) {
			w.exec(`INSERT INTO blobs (sha256, size, created_at) VALUES (?, ?, 0)`, sha, size)
			w.exec(`INSERT INTO attachments (container_type, container_id, author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
				VALUES ('WorkPackage', 1, ?, ?, 'text/plain', ?, ?, 'y', 0, 0)`, w.root.ID, name, size, sha)
		}
		add("plan.txt", ref.SHA256, len(content))
		token := w.token(w.holder)
		b := w.done(w.holder, token)
		if b.State != backup.Complete || b.FileCount != 1 || b.FileBytes != int64(len(content)) || b.RowCount < 10 {
			t.Fatalf("%+v", b)
		}
		f, err := w.Download(t.Context(), w.holder, b.ID, backup.DownloadInput{Purpose: backup.APIKey})
		must(t, err)
		whole, err := io.ReadAll(f)
		must(t, err)
		path := filepath.Join(t.TempDir(), "copy.zip")
		must(t, os.WriteFile(path, whole, 0o600))
		a, err := archive.Open(t.Context(), path, w.deps.Keys)
		must(t, err)
		must(t, a.Close())
		if a.Size != b.Size || f.Size != b.Size {
			t.Errorf("%d bytes in the file, %d in the list", a.Size, b.Size)
		}
		for _, from := range []int64{b.Size - 100, 7, b.Size / 2} {
			_, err = f.Seek(from, io.SeekStart)
			must(t, err)
			rest, err := io.ReadAll(f)
			must(t, err)
			if !bytes.Equal(rest, whole[from:]) {
				t.Errorf("from byte %d on there are %d others", from, len(rest))
			}
		}
		must(t, f.Close())
		add("lost.txt", strings.Repeat("ab", 32), 5)
		b = w.done(w.holder, token)
		if m := b.MissingFiles(); b.State != backup.Incomplete || len(m) != 1 || m[0].Name != "lost.txt" {
			t.Errorf("%s %q, missing %+v", b.State, b.Error, m)
		}
	}, keys)
}
