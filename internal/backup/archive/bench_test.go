package archive_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// HOLDFAST_BENCH_ROWS work packages, five times as many journals and HOLDFAST_BENCH_MIB of files; 100000 and 1024 are the full size.
func benchSize() (rows, mib int) {
	rows, mib = 2000, 16
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_BENCH_ROWS")); err == nil {
		rows = n
	}
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_BENCH_MIB")); err == nil {
		mib = n
	}
	return rows, mib
}

func BenchmarkArchive(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			var d *db.DB
			if engine == "sqlite" {
				d = dbtest.OpenSQLite(b, nil)
			} else {
				d = dbtest.OpenPostgres(b, nil)
			}
			store, keys := newStore(b), secret.NewKeyring()
			rows, mib := benchSize()
			fill(b, d, store, 1)
			bulk(b, d, store, rows, mib)
			path := filepath.Join(b.TempDir(), "backup.zip")
			b.Run("create", func(b *testing.B) { benchCreate(b, archive.Source{DB: d, Blobs: store, Keys: keys}, path) })
			b.Run("gzip and sha256sum", func(b *testing.B) { benchPeers(b, path) })
			b.Run("restore", func(b *testing.B) { benchRestore(b, engine, keys, path) })
		})
	}
}

func bulk(b *testing.B, d *db.DB, store blob.Store, rows, mib int) {
	b.Helper()
	ctx := context.Background()
	text := strings.Repeat("A description that says what is to be done, with a list and a link. ", 6)
	data := `{"subject":"Something to do","description":"` + text + `","status":1,"assigned":10,"due":"2026-01-03"}`
	for from := 0; from < rows; from += 1000 {
		err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error {
			for i := from; i < min(rows, from+1000); i++ {
				n := int64(i + 100)
				if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO work_packages (id, project_id, type_id, status_id, priority_id, subject, subject_folded, description,
					author_id, created_at, updated_at) VALUES (?, 1, 1, 1, 1, ?, ?, ?, 10, ?, ?)`, n, fmt.Sprint("Do ", n), fmt.Sprint("do ", n), text, tx.Stamp(), tx.Stamp())); err != nil {
					return err
				}
				for v := range 5 {
					if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO journals (entity_type, entity_id, version, user_id, data, created_at, updated_at)
						VALUES ('WorkPackage', ?, ?, 10, ?, ?, ?)`, n, v+1, data, tx.Stamp(), tx.Stamp())); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range mib / 4 {
		ref, err := store.Put(ctx, io.LimitReader(rand.Reader, 4<<20), 0)
		if err != nil {
			b.Fatal(err)
		}
		err = db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO attachments (author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
				VALUES (10, ?, 'x/y', ?, ?, ?, 0, 0)`, fmt.Sprint("file ", i), ref.Size, ref.SHA256, ref.MD5))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchCreate(b *testing.B, src archive.Source, path string) {
	var rows int64
	peak := watchMemory(b)
	stop, stalls := make(chan struct{}), make(chan []time.Duration)
	go func() { stalls <- writeAlong(src.DB, stop) }()
	for b.Loop() {
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		rows = benchTake(b, src, f)
		if f.Close() != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	elapsed := b.Elapsed()
	rates(b, elapsed, rows, rawSize(b, path, src.Keys))
	b.ReportMetric(float64(peak())/(1<<20), "MiB-more")
	if all := <-stalls; len(all) > 0 {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms-write-p99")
		b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "ms-write-max")
	}
}

// benchTake makes a first snapshot and the archive of it.
func benchTake(b *testing.B, src archive.Source, f *os.File) int64 {
	ctx := context.Background()
	r, err := repoIn(b.TempDir())(ctx)
	if err != nil {
		b.Fatal(err)
	}
	s, err := archive.Take(ctx, src, r, archive.Options{TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	st, err := archive.Load(r, s, src.Keys)
	if err != nil {
		b.Fatal(err)
	}
	x, err := archive.NewExport(ctx, st, src.Keys, true, b.TempDir())
	if err == nil {
		err = x.WriteTo(ctx, f, 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	return s.Count
}

// rawSize is the size of the content, unpacked.
func rawSize(b *testing.B, path string, keys *secret.Keyring) int64 {
	a, err := archive.Open(context.Background(), path, keys)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	size := a.Seal.Files.Bytes
	for _, e := range a.Seal.Entries {
		size += e.Size
	}
	return size
}

func rates(b *testing.B, elapsed time.Duration, rows, bytes int64) {
	s := elapsed.Seconds() / float64(b.N)
	b.ReportMetric(float64(rows)/s, "rows/s")
	b.ReportMetric(float64(bytes)/s/1e6, "MB/s")
}

// writeAlong writes one row after the other and returns how long each took.
func writeAlong(d *db.DB, stop <-chan struct{}) []time.Duration {
	var all []time.Duration
	for n := 0; ; n++ {
		select {
		case <-stop:
			return all
		case <-time.After(2 * time.Millisecond):
		}
		began := time.Now()
		err := db.Do(context.Background(), d, func(tx *db.Tx) error {
			_, err := db.Exec(context.Background(), tx, db.SQL(`UPDATE roles SET position = ? WHERE id = 1`, n))
			return err
		})
		if err == nil {
			all = append(all, time.Since(began))
		}
	}
}

// watchMemory returns the growth of the heap at its worst.
func watchMemory(b *testing.B) func() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	start := m.Sys - m.HeapReleased
	var worst atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if now := m.Sys - m.HeapReleased; now > start && now-start > worst.Load() {
				worst.Store(now - start)
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return worst.Load() }
}

// benchPeers lets the usual tools read the content of the same archive.
func benchPeers(b *testing.B, path string) {
	raw := filepath.Join(b.TempDir(), "raw")
	out, err := exec.Command("sh", "-c", `unzip -p "$0" > "$1"`, path, raw).CombinedOutput()
	if err != nil {
		b.Skipf("unzip: %v, %s", err, out)
	}
	info, err := os.Stat(raw)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for name, args := range map[string][]string{"gzip": {"-1", "-c", raw}, "sha256sum": {raw}} {
			began := time.Now()
			if err := exec.Command(name, args...).Run(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/time.Since(began).Seconds()/1e6, "MB/s-"+name)
		}
	}
}

func benchRestore(b *testing.B, engine string, keys *secret.Keyring, path string) {
	var rep archive.Report
	var rows, size int64
	for b.Loop() {
		b.StopTimer()
		t := archive.Target{DataDir: b.TempDir(), Blobs: newStore(b), Keys: keys}
		if engine == "sqlite" {
			t.DB.Path = filepath.Join(t.DataDir, "holdfast.db")
		} else {
			t.DB.URL = dbtest.PostgresURL(b)
		}
		b.StartTimer()
		a, err := archive.Open(context.Background(), path, keys)
		if err == nil {
			rep, err = archive.Restore(context.Background(), a, t, archive.RestoreOptions{})
		}
		if err != nil {
			b.Fatal(err)
		}
		rows, size = a.Manifest.Rows, a.Seal.Files.Bytes
		for _, e := range a.Seal.Entries {
			size += e.Size
		}
		_ = a.Close()
		b.StopTimer()
		dropOld(b, t.DB, rep.Old)
		b.StartTimer()
	}
	rates(b, b.Elapsed(), rows, size)
}

func dropOld(b *testing.B, o db.Options, old string) {
	if o.URL == "" {
		return
	}
	d, err := db.Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := db.Do(context.Background(), d, func(tx *db.Tx) error {
		_, err := db.Exec(context.Background(), tx, db.SQL(`DROP SCHEMA `+old+` CASCADE`))
		return err
	}); err != nil {
		b.Fatal(err)
	}
}
