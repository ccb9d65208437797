// Package db is the only way to the database.
//
// It opens SQLite or PostgreSQL, runs the paired migrations, and offers two
// doors: Read, which sees one consistent snapshot, and Write, which is one
// transaction. SQL is written once for both engines, with ? placeholders.
//
// Representation is equal on both engines: instants are integer microseconds
// UTC (Time), days are text (Day), booleans are booleans, JSON is text.
//
// On SQLite one connection writes and a pool reads. Writers that arrive
// together share one commit, and so one fsync: each runs in a savepoint of a
// common transaction, and none returns before that transaction is durable.
// SQLite's own automatic checkpoints are off; one goroutine of this package
// checkpoints, and it yields to snapshots (see Snapshot). On PostgreSQL Write
// is a serializable transaction that is retried on a serialization failure.
// So on both engines writes behave as if they ran one after the other.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Dialect names the engine.
type Dialect string

// The two engines.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Product is the engine's name as people write it.
func (d Dialect) Product() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Options say which database to open. Exactly one of Path and URL is set.
type Options struct {
	// Path is the file of an SQLite database; it is created when missing.
	Path string
	// URL is a PostgreSQL connection URL, postgres://...
	URL string
	// Readers is the size of the pool of reading connections, 4 when zero.
	Readers int
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Log receives what happens in the background, slog.Default() when nil.
	Log *slog.Logger
	// WALBudget is the size in bytes to which a snapshot may let SQLite's
	// write-ahead log grow before the snapshot is aborted; 1 GiB when zero.
	WALBudget int64
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	opt     Options
	read    *sql.DB
	write   *sql.DB
	writer  *writer
	ckpt    *checkpointer
	admin   *sql.DB       // migrations on SQLite; opened when first needed
	hub     hub           // who is told what happened; see Notify
	again   chan struct{} // holds the token of who tries again; see writePostgres
}

// Open opens the database and verifies that it answers. It does not migrate.
func Open(ctx context.Context, o Options) (*DB, error) {
	if (o.Path == "") == (o.URL == "") {
		return nil, errors.New("open database: give either a file or a URL")
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.WALBudget <= 0 {
		o.WALBudget = 1 << 30
	}
	if o.URL != "" {
		return openPostgres(ctx, o)
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d, err := openSQLite(ctx, o)
	return d, o.named(err)
}

// Dialect returns the engine in use.
func (d *DB) Dialect() Dialect { return d.dialect }

// Path returns the file of an SQLite database, "" on PostgreSQL.
func (d *DB) Path() string { return d.opt.Path }

// Now returns the current instant of the database's clock.
func (d *DB) Now() time.Time { return d.opt.Now().UTC().Truncate(time.Microsecond) }

// Ping answers whether the database can be reached.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Stats returns the state of the reading pool.
func (d *DB) Stats() sql.DBStats { return d.read.Stats() }

// Close ends background work and closes all connections. On SQLite it
// checkpoints, so that the database is one file afterwards.
func (d *DB) Close() error {
	var errs []error
	d.hub.close()
	if d.ckpt != nil {
		d.ckpt.stop()
	}
	errs = append(errs, d.read.Close())
	if d.admin != nil {
		errs = append(errs, d.admin.Close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.close())
	}
	if d.write != d.read {
		errs = append(errs, d.write.Close())
	}
	return errors.Join(errs...)
}

// Check looks for damage: on SQLite in the whole file, on PostgreSQL by asking
// the server whether it answers, since its own tools check the rest.
func Check(ctx context.Context, d *DB) error {
	if d.dialect == Postgres {
		return d.Ping(ctx)
	}
	_, err := Read(ctx, d, func(tx *Tx) (struct{}, error) {
		found, err := All[string](ctx, tx, SQL(`PRAGMA integrity_check(5)`))
		if err == nil && (len(found) != 1 || found[0] != "ok") {
			err = fmt.Errorf("the database is damaged: %v", found)
		}
		return struct{}{}, err
	})
	return err
}
