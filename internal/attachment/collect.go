package attachment

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// BlobGrace is how long a blob stays after nothing names it any more. It
// covers uploads whose record is about to commit and clients that are reading.
const BlobGrace = 24 * time.Hour

// strayTime is how long bytes that no row has ever named stay besides. They are
// what a crash left between the bytes and their record, or belong to the state
// that a restore keeps aside for a week.
const strayTime = 7 * 24 * time.Hour

// Collected says what Collect removed.
type Collected struct {
	Records int
	Blobs   int
	Bytes   int64
}

// Collect purges records that have been in the trash for longer than the
// retention, forgets uploads nobody claimed, and removes blobs that nothing
// has named for BlobGrace, bytes that no row knows for a week longer, and none
// that a running backup may need. It is safe to run
// while files are uploaded and backups run.
func (s *Service) Collect(ctx context.Context, retention time.Duration) (Collected, error) {
	var c Collected
	err := db.Do(ctx, s.db, func(tx *db.Tx) error {
		now := tx.Now()
		n, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM attachments WHERE deleted_at < ? OR container_type IS NULL AND created_at < ?`,
			db.At(now.Add(-retention)), db.At(now.Add(-unclaimedTime))))
		if err != nil {
			return err
		}
		c.Records = int(n)
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE blobs SET unreferenced_since = ? WHERE unreferenced_since IS NULL
			AND NOT EXISTS (SELECT 1 FROM attachments f WHERE f.sha256 = blobs.sha256)`, tx.Stamp())); err != nil {
			return err
		}
		_, err = db.Exec(ctx, tx, db.SQL(`UPDATE blobs SET unreferenced_since = NULL WHERE unreferenced_since IS NOT NULL
			AND EXISTS (SELECT 1 FROM attachments f WHERE f.sha256 = blobs.sha256)`))
		return err
	})
	if err == nil {
		err = s.adopt(ctx)
	}
	if err != nil {
		return c, err
	}
	return c, s.removeBlobs(ctx, &c)
}

// adopt records bytes in the store that no row knows, so that they are removed
// one day. An upload whose record is about to commit claims its bytes back.
func (s *Service) adopt(ctx context.Context) error {
	sizes := map[string]int64{}
	err := s.blobs.Walk(ctx, func(sha string, size int64) error {
		if sizes[sha] = size; len(sizes) < 500 {
			return nil
		}
		defer clear(sizes)
		return s.adoptThese(ctx, sizes)
	})
	if err != nil || len(sizes) == 0 {
		return err
	}
	return s.adoptThese(ctx, sizes)
}

func (s *Service) adoptThese(ctx context.Context, sizes map[string]int64) error {
	known, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]string, error) {
		return db.All[string](ctx, tx, db.SQL(`SELECT sha256 FROM blobs WHERE`).Append(db.In("sha256", slices.Collect(maps.Keys(sizes)))))
	})
	if err != nil || len(known) == len(sizes) {
		return err
	}
	for _, sha := range known {
		delete(sizes, sha)
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		q, comma := db.SQL(`INSERT INTO blobs (sha256, size, created_at, unreferenced_since) VALUES`), ""
		for sha, size := range sizes {
			q = q.Append(db.SQL(comma+`(?, ?, ?, ?)`, sha, size, tx.Stamp(), db.At(tx.Now().Add(strayTime))))
			comma = ", "
		}
		_, err := db.Exec(ctx, tx, q.Add(`ON CONFLICT (sha256) DO NOTHING`))
		return err
	})
}

// removable is the condition that nothing names the blob, for long enough, and
// that no backup which may still need it runs.
const removable = `unreferenced_since < ? AND NOT EXISTS (SELECT 1 FROM attachments f WHERE f.sha256 = blobs.sha256)
	AND NOT EXISTS (SELECT 1 FROM blob_pins p WHERE p.lease_until > ?)`

func (s *Service) removeBlobs(ctx context.Context, c *Collected) error {
	candidates, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]string, error) {
		return db.All[string](ctx, tx, db.SQL(`SELECT sha256 FROM blobs WHERE `+removable+` ORDER BY sha256`,
			db.At(tx.Now().Add(-BlobGrace)), tx.Stamp()))
	})
	if err != nil {
		return err
	}
	for _, sha := range candidates {
		if err := s.remove(ctx, sha, c); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the row and, while that transaction holds it, the bytes. An
// upload of the same content waits for the row and then finds, by looking,
// that the bytes are gone. After a crash in between the row names missing
// bytes that nothing else names, which is harmless.
func (s *Service) remove(ctx context.Context, sha string, c *Collected) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		size, ok, err := db.One[int64](ctx, tx, db.SQL(`DELETE FROM blobs WHERE sha256 = ? AND `+removable+` RETURNING size`,
			sha, db.At(tx.Now().Add(-BlobGrace)), tx.Stamp()))
		if err != nil || !ok {
			return err
		}
		if err := s.blobs.Delete(ctx, sha); err != nil {
			return err
		}
		c.Blobs++
		c.Bytes += size
		return nil
	})
}

// Missing returns the files whose bytes are not in the store, or not of the
// recorded size, and how many files are recorded.
func (s *Service) Missing(ctx context.Context) ([]id.Attachment, int, error) {
	type row struct {
		ID     id.Attachment
		SHA256 string
		Size   int64
	}
	var missing []id.Attachment
	var after id.Attachment
	for n := 0; ; {
		rows, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
			return db.All[row](ctx, tx, db.SQL(`SELECT id, sha256, size FROM attachments WHERE id > ? ORDER BY id LIMIT 500`, after))
		})
		if err != nil || len(rows) == 0 {
			return missing, n, err
		}
		for _, f := range rows {
			size, err := s.blobs.Stat(ctx, f.SHA256)
			if err != nil && !errors.Is(err, blob.ErrNotFound) {
				return missing, n, err
			}
			if err != nil || size != f.Size {
				missing = append(missing, f.ID)
			}
			after = f.ID
			n++
		}
	}
}
