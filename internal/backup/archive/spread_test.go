package archive_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// TestReadersTogetherWriteWhatOneWouldWrite has gaps, leaves that are full, leaves
// that are too large for one piece, and the last number there is.
func TestReadersTogetherWriteWhatOneWouldWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		store, keys := newStore(t), secret.NewKeyring()
		fill(t, d, store, 1)
		numbers := []int64{1000, 1023, 1024, 70_000, 1 << 40, math.MaxInt64 - 1, math.MaxInt64}
		for n := int64(2000); n < 3000; n++ {
			numbers = append(numbers, n)
		}
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			for _, n := range numbers {
				text := "short"
				if n%256 < 6 {
					text = strings.Repeat(fmt.Sprint(n, " is long. "), 30_000)
				}
				if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO work_packages (id, project_id, type_id, status_id, priority_id, subject, subject_folded, description,
					author_id, created_at, updated_at) VALUES (?, 1, 1, 1, 1, 'x', 'x', ?, 10, 0, 0)`, n, text)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r := newRepo(t)
		src := archive.Source{DB: d, Blobs: store, Keys: keys}
		snap, err := archive.Take(ctx, src, r, archive.Options{TempDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		st, err := archive.Load(r, snap, keys)
		if err != nil {
			t.Fatal(err)
		}
		want, err := archive.Digests(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, st.Sums()); diff != "" {
			t.Error(diff)
		}
		var got []int64
		if err := st.Rows(ctx, "work_packages", archive.Ids{From: 2100, To: 2600}, func(row archive.Row) error {
			n, _ := row.Int("id")
			got = append(got, n)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 501 || got[0] != 2100 || got[500] != 2600 {
			t.Errorf("picked %d rows", len(got))
		}
		again, err := archive.Take(ctx, src, r, archive.Options{TempDir: t.TempDir()})
		if err != nil || again.Added > 1<<20 {
			t.Errorf("the same rows again added %d bytes: %v", again.Added, err)
		}
	})
}
