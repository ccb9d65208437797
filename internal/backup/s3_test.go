package backup_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/testpeer"
)

// TestARepositoryInABucket makes, verifies, exports and prunes on a real S3 server.
func TestARepositoryInABucket(t *testing.T) {
	server := testpeer.S3(t)
	each(t, func(t *testing.T, w *world) {
		w.store()
		ctx := t.Context()
		for range 2 {
			_, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
			must(t, err)
		}
		report, err := w.VerifyRepository(ctx, operator, backup.CheckFull, nil)
		must(t, err)
		if report.Snapshots != 2 || report.ReadPacks == 0 || len(report.Problems) != 0 {
			t.Errorf("%+v", report)
		}
		path := filepath.Join(t.TempDir(), "copy.zip")
		_, err = w.Export(ctx, operator, "latest", path, backup.ExportOptions{Attachments: true})
		must(t, err)
		a, err := archive.Open(ctx, path, w.deps.Keys)
		must(t, err)
		must(t, a.Close())
		_, err = w.Prune(ctx, operator, backup.PruneInput{})
		must(t, err)
		_, err = w.IssueKit(ctx, operator, false)
		must(t, err)
		// Another server, which has no key, is refused and changes nothing.
		other := &backup.Place{Location: w.deps.Place.Location, S3: w.deps.Place.S3, KeysDir: t.TempDir()}
		if _, err := other.Open(ctx); !errors.Is(err, repo.ErrNoKey) {
			t.Errorf("a stranger: %v", err)
		}
	}, func(d *backup.Deps) {
		place := &backup.Place{Location: "s3://" + server.Bucket(t) + "/plan", KeysDir: d.Dir, S3: objstore.S3Options{
			Endpoint: server.Endpoint, Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		}}
		d.Place = place
		d.Engine = &backup.Archiver{Source: archive.Source{DB: d.DB, Keys: d.Keys}, TempDir: d.Dir, Place: place}
	})
}
