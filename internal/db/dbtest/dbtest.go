// Package dbtest gives a test a fresh, migrated database on each engine.
//
// SQLite is always there. PostgreSQL is used where HOLDFAST_TEST_POSTGRES
// names a server; without it those halves are skipped, unless
// HOLDFAST_TEST_REQUIRE_POSTGRES=1 says that they must run.
package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"github.com/holdfast/holdfast/internal/db"
)

// Clock is a clock that tests move by hand. It starts at a fixed instant and
// advances by a microsecond at each reading, so that no two are equal.
type Clock struct {
	mu  sync.Mutex
	t   time.Time
	off time.Duration // by how much it was set
}

// NewClock returns a clock that starts at 2026-11-23 09:00 UTC, a Monday.
func NewClock() *Clock { return &Clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

// Now returns the current reading.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Microsecond)
	return c.t.Add(c.off)
}

// Set sets the clock by d, as somebody does who does not wait: no time passes.
func (c *Clock) Set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// Passed returns how much time has passed, which setting the clock does not change.
func (c *Clock) Passed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t.Sub(time.Time{}.AddDate(2000, 0, 0))
}

// Advance lets time pass, or moves the clock back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Each runs fn once on SQLite and once on PostgreSQL, as parallel subtests,
// each with a fresh, migrated database.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachClock(t, func(t *testing.T, d *db.DB, _ *Clock) { fn(t, d) })
}

// EachClock is Each with a clock that the test moves.
func EachClock(t *testing.T, fn func(t *testing.T, d *db.DB, c *Clock)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		c := NewClock()
		fn(t, OpenSQLite(t, c.Now), c)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		c := NewClock()
		fn(t, OpenPostgres(t, c.Now), c)
	})
}

var template struct {
	once sync.Once
	data []byte
	err  error
}

// OpenSQLite returns a fresh, migrated SQLite database in a temporary directory.
func OpenSQLite(t testing.TB, now func() time.Time) *db.DB {
	t.Helper()
	template.once.Do(func() { template.data, template.err = makeTemplate() })
	if template.err != nil {
		t.Fatal(template.err)
	}
	path := filepath.Join(t.TempDir(), "holdfast.db")
	if err := os.WriteFile(path, template.data, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, db.Options{Path: path, Now: now})
}

func makeTemplate() ([]byte, error) {
	dir, err := os.MkdirTemp("", "holdfast-dbtest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{Path: path})
	if err != nil {
		return nil, err
	}
	err = db.Migrate(ctx, d, db.MigrateOptions{})
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// OpenPostgres returns a database on a fresh, migrated PostgreSQL schema, which
// is dropped when the test ends. It skips or fails the test without a server.
func OpenPostgres(t testing.TB, now func() time.Time) *db.DB {
	t.Helper()
	d := open(t, db.Options{URL: PostgresURL(t), Now: now})
	if err := db.Migrate(context.Background(), d, db.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	return d
}

// PostgresURL returns the URL of a fresh, empty PostgreSQL schema. It skips or
// fails the test without a server.
func PostgresURL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("HOLDFAST_TEST_POSTGRES")
	if base == "" {
		if os.Getenv("HOLDFAST_TEST_REQUIRE_POSTGRES") == "1" {
			t.Fatal("HOLDFAST_TEST_POSTGRES is not set; run the tests with make test")
		}
		t.Skip("no PostgreSQL: set HOLDFAST_TEST_POSTGRES, or use make test")
	}
	var b [4]byte
	_, _ = rand.Read(b[:])
	schema := "t" + hex.EncodeToString(b[:]) + "_" + time.Now().Format("150405")
	pool, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := pool.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Errorf("drop schema: %v", err)
		}
		_ = pool.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return d
}
