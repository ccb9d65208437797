package db_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
)

func put(ctx context.Context, tx *db.Tx, name, value string) error {
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value, tx.Stamp()))
	return err
}

func values(t *testing.T, d *db.DB) map[string]string {
	t.Helper()
	type row struct{ Name, Value string }
	rows, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]row, error) {
		return db.All[row](t.Context(), tx, db.SQL(`SELECT name, value FROM settings ORDER BY name`))
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.Name] = r.Value
	}
	return out
}

func TestWriteIsAllOrNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			if err := put(ctx, tx, "a", "1"); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got %v, want boom", err)
		}
		if got := values(t, d); len(got) != 0 {
			t.Errorf("a failed write left %v", got)
		}
		if err := db.Do(ctx, d, func(tx *db.Tx) error { return put(ctx, tx, "a", "1") }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"a": "1"}, values(t, d)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestConcurrentWritersDoNotDisturbEachOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var wg sync.WaitGroup
		var failed, panicked atomic.Int64
		for i := range 40 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer func() {
					if recover() != nil {
						panicked.Add(1)
					}
				}()
				err := db.Do(ctx, d, func(tx *db.Tx) error {
					if err := put(ctx, tx, fmt.Sprintf("k%02d", i), "x"); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return errors.New("refused")
					case 2:
						panic("broken")
					}
					return nil
				})
				if err != nil {
					failed.Add(1)
				}
			}()
		}
		wg.Wait()
		if failed.Load() != 10 || panicked.Load() != 10 {
			t.Errorf("got %d failed and %d panicked, want 10 and 10", failed.Load(), panicked.Load())
		}
		if got := len(values(t, d)); got != 20 {
			t.Errorf("got %d rows, want the 20 of the writers that succeeded", got)
		}
	})
}

func TestReadThenWriteCountsExactly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := db.Do(ctx, d, func(tx *db.Tx) error { return put(ctx, tx, "n", "") }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 5 {
					err := db.Do(ctx, d, func(tx *db.Tx) error {
						v, err := db.Scalar[string](ctx, tx, db.SQL(`SELECT value FROM settings WHERE name = ?`, "n"))
						if err != nil {
							return err
						}
						return put(ctx, tx, "n", v+"x")
					})
					if err != nil {
						t.Error(err)
					}
				}
			}()
		}
		wg.Wait()
		if got := len(values(t, d)["n"]); got != 40 {
			t.Errorf("got %d increments, want 40: an update was lost", got)
		}
	})
}

// Slow writers of one row make each other start again; none of them gives up.
func TestWritersOfOneRowAllSucceed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := db.Do(ctx, d, func(tx *db.Tx) error { return put(ctx, tx, "n", "") }); err != nil {
			t.Fatal(err)
		}
		const writers, each = 12, 6
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					err := db.Do(ctx, d, func(tx *db.Tx) error {
						v, err := db.Scalar[string](ctx, tx, db.SQL(`SELECT value FROM settings WHERE name = ?`, "n"))
						time.Sleep(4 * time.Millisecond) // what a service does between reading and writing
						return errors.Join(err, put(ctx, tx, "n", v+"x"))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := len(values(t, d)["n"]); got != writers*each {
			t.Errorf("got %d increments, want %d", got, writers*each)
		}
	})
}

// A reader that is cancelled between two statements hears that it was cancelled.
func TestCancelledBetweenStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := db.Read(ctx, d, func(tx *db.Tx) (int64, error) {
			cancel()
			time.Sleep(50 * time.Millisecond) // the transaction is rolled back by another goroutine
			return db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM settings`))
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCancelledContextDoesNotRun(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		err := db.Do(ctx, d, func(tx *db.Tx) error { ran = true; return nil })
		if err == nil || ran {
			t.Errorf("got error %v and ran=%v, want an error and nothing run", err, ran)
		}
		if err := db.Do(t.Context(), d, func(tx *db.Tx) error { return nil }); err != nil {
			t.Errorf("the next write failed: %v", err)
		}
	})
}

func TestReadRefusesToWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int64, error) {
			return 0, put(t.Context(), tx, "a", "1")
		})
		if err == nil || !strings.Contains(err.Error(), "read transaction") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}

func TestSnapshotSeesOnePointInTimeWhileWritersGoOn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		count := func(tx *db.Tx) int {
			n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM settings`))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) error {
			before := count(tx)
			if err := db.Do(ctx, d, func(w *db.Tx) error { return put(ctx, w, "later", "1") }); err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("the snapshot moved from %d to %d rows", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestSnapshotIsAbortedBeforeWritersSuffer(t *testing.T) {
	d, err := db.Open(t.Context(), db.Options{Path: filepath.Join(t.TempDir(), "x.db"), WALBudget: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := db.Migrate(t.Context(), d, db.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	err = db.Snapshot(t.Context(), d, func(ctx context.Context, tx *db.Tx) error {
		big := strings.Repeat("x", 10_000)
		deadline := time.Now().Add(20 * time.Second)
		for i := 0; ctx.Err() == nil && time.Now().Before(deadline); i++ {
			if err := db.Do(t.Context(), d, func(w *db.Tx) error { return put(t.Context(), w, fmt.Sprint(i), big) }); err != nil {
				t.Fatalf("a writer failed: %v", err)
			}
		}
		return ctx.Err()
	})
	if !errors.Is(err, db.ErrWALBudget) {
		t.Errorf("got %v, want ErrWALBudget", err)
	}
}

func TestUniqueViolationIsRecognised(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			for range 2 {
				if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES ('a', '', 0)`)); err != nil {
					return err
				}
			}
			return nil
		})
		if !db.IsUnique(err) {
			t.Errorf("got %v, want a unique violation", err)
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		newest, err := db.NewestSchema()
		if err != nil {
			t.Fatal(err)
		}
		err = db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)`, newest+1, true))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(ctx, d, db.MigrateOptions{}); err == nil || fault.HintOf(err) == "" {
			t.Errorf("got %v, want a refusal with a hint", err)
		}
	})
}

func TestFindNamesWhatIsMissing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		_, err := db.Read(t.Context(), d, func(tx *db.Tx) (string, error) {
			return db.Find[string](t.Context(), tx, "setting", db.SQL(`SELECT value FROM settings WHERE name = ?`, "none"))
		})
		if !fault.Is(err, fault.KindNotFound) {
			t.Errorf("got %v, want NotFound", err)
		}
	})
}

func TestValuesSurviveBothEngines(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		type row struct {
			ID        int64
			Admin     bool
			Login     *string
			CreatedAt db.Time
			DeletedAt *db.Time
		}
		want := row{Admin: true, CreatedAt: db.At(time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC))}
		got, err := db.Write(ctx, d, func(tx *db.Tx) (row, error) {
			n, err := db.Insert[int64](ctx, tx, db.SQL(`INSERT INTO users (kind, admin, created_at, updated_at)
				VALUES ('User', ?, ?, ?) RETURNING id`, true, want.CreatedAt, want.CreatedAt))
			if err != nil {
				return row{}, err
			}
			want.ID = n
			return db.Find[row](ctx, tx, "user", db.SQL(`SELECT id, admin, login, created_at, deleted_at FROM users WHERE id = ?`, n))
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAfterCommitRunsOnlyWhenDurable(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var told []map[string]string
		write := func(value string, err error) error {
			return db.Do(ctx, d, func(tx *db.Tx) error {
				tx.AfterCommit(func() { told = append(told, values(t, d)) })
				return errors.Join(put(ctx, tx, "a", value), err)
			})
		}
		if err := write("1", nil); err != nil {
			t.Fatal(err)
		}
		if err := write("2", errors.New("no")); err == nil {
			t.Error("the refused write passed")
		}
		if diff := cmp.Diff([]map[string]string{{"a": "1"}}, told); diff != "" {
			t.Errorf("told after commit (-want +got):\n%s", diff)
		}
	})
}

func TestSimultaneousStartsMigrateOnce(t *testing.T) {
	url := dbtest.PostgresURL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			d, err := db.Open(context.Background(), db.Options{URL: url})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = d.Close() }()
			if err := db.Migrate(context.Background(), d, db.MigrateOptions{}); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
}
