package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/holdfast/holdfast/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// MigrateOptions adjust Migrate. The zero value migrates to the newest schema.
type MigrateOptions struct {
	// BeforeUpgrade is called before the schema of a database that is already
	// in use changes, so that it can be backed up. Its error stops the migration.
	BeforeUpgrade func(ctx context.Context, from, to int64) error
	// To is the schema version to stop at, 0 for the newest.
	To int64
}

// Migrate brings the schema to the newest version, or to o.To. Only one
// process migrates at a time. A database with a newer schema than this
// program knows is refused and left alone.
func Migrate(ctx context.Context, d *DB, o MigrateOptions) error {
	p, err := d.provider()
	if err != nil {
		return err
	}
	newest, err := NewestSchema()
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	to := newest
	if o.To != 0 {
		to = o.To
	}
	switch {
	case have > newest:
		return fault.WithHint(
			fmt.Errorf("the database has schema version %d, this program knows only %d", have, newest),
			"run the Holdfast version that wrote it, or a newer one")
	case have >= to:
		return nil
	case have > 0 && o.BeforeUpgrade != nil:
		if err := o.BeforeUpgrade(ctx, have, to); err != nil {
			return fmt.Errorf("back up before the schema upgrade: %w", err)
		}
	}
	unlock, err := d.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := p.UpTo(ctx, to); err != nil {
		return d.opt.named(fmt.Errorf("migrate to schema version %d: %w", to, err))
	}
	return nil
}

// SchemaVersion returns the version of the database's schema, 0 when it has none.
func SchemaVersion(ctx context.Context, d *DB) (int64, error) {
	p, err := d.provider()
	if err != nil {
		return 0, err
	}
	v, err := p.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return v, nil
}

// NewestSchema returns the schema version this program was built for.
func NewestSchema() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(errors.New("no migrations are built in"), err)
	}
	return goose.NumericComponent(names[len(names)-1])
}

func (d *DB) provider() (*goose.Provider, error) {
	steps, err := steps(d.dialect)
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	if d.dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	pool, err := d.migrationPool()
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, pool, nil, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(steps...))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// steps are the files of a dialect, each sent to the database whole, in a transaction
// of its own. Goose would take them apart line by line, which took longer than all that
// the statements do, and send each statement alone.
func steps(dialect Dialect) ([]*goose.Migration, error) {
	names, err := fs.Glob(migrations, "migrations/"+string(dialect)+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	all := make([]*goose.Migration, len(names))
	for i, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		all[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			text, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, string(text))
			return err
		}}, nil)
	}
	return all, nil
}

// migrationPool returns the pool migrations run on. SQLite's writing
// connection is pinned by the writer, so a pool of its own is opened once.
func (d *DB) migrationPool() (*sql.DB, error) {
	if d.dialect == Postgres {
		return d.write, nil
	}
	if d.admin == nil {
		pool, err := sql.Open(sqliteDriver, dsn(d.opt.Path, "rw"))
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		pool.SetMaxOpenConns(1)
		d.admin = pool
	}
	return d.admin, nil
}

// lockSchema keeps other processes from migrating the same PostgreSQL schema
// until the returned function is called. On SQLite each migration is one
// immediate transaction, which is lock enough.
func (d *DB) lockSchema(ctx context.Context) (func(), error) {
	if d.dialect == SQLite {
		return func() {}, nil
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the schema: %w", err)
	}
	const key = `hashtext('holdfast migrations ' || current_schema())`
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+key+`)`); err != nil {
		return nil, fmt.Errorf("lock the schema: %w", errors.Join(err, conn.Close()))
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+key+`)`) // the end of the session unlocks, too
		_ = conn.Close()
	}, nil
}
