package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// place is where databases stand beside each other: files in a directory or
// schemas of a PostgreSQL database.
type place interface {
	// options returns how to open the database of that name.
	options(name string) db.Options
	// make prepares an empty one.
	make(ctx context.Context, name string) error
	// drop removes one, also when it is not there.
	drop(ctx context.Context, name string) error
	// swap puts staged in the place of live, which becomes old. Doing it again
	// after a crash completes it.
	swap(ctx context.Context, s state) error
	// unswap puts old back; what was live becomes staged again.
	unswap(ctx context.Context, s state) error
	// rights returns why swap would not be allowed, or nil.
	rights(ctx context.Context, live string) error
	close() error
}

// open returns the place of the target and the name of the live database.
func openPlace(ctx context.Context, o db.Options) (place, string, error) {
	if o.URL == "" {
		return files{o}, o.Path, nil
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return nil, "", err
	}
	name, err := db.Read(ctx, d, func(tx *db.Tx) (string, error) {
		return db.Scalar[string](ctx, tx, db.SQL(`SELECT COALESCE(CURRENT_SCHEMA(), 'public')`))
	})
	if err != nil {
		return nil, "", errors.Join(err, d.Close())
	}
	return schemas{o, d}, name, nil
}

// names returns where the new and the old database of a restore stand.
func (s *state) name(sqlite bool) {
	if sqlite {
		s.Staged, s.Old = s.Live+".restore-"+s.ID, s.Live+".before-"+s.ID
		return
	}
	s.Staged, s.Old = beside(s.Live, "restore")+s.ID, beside(s.Live, "before")+s.ID
}

// beside begins the names of schemas that belong to the live one: instances that
// share a PostgreSQL database do not meet each other's.
func beside(live, what string) string {
	if len(live) > 30 { // names have at most 63 bytes
		live = live[:30]
	}
	return "holdfast_" + live + "_" + what + "_"
}

// files are SQLite databases.
type files struct{ o db.Options }

// suffixes of the files that make up one database, the main one first. A
// journal is there only until the database has its write-ahead log.
var suffixes = []string{"", "-wal", "-shm", "-journal"}

func (f files) options(name string) db.Options {
	o := f.o
	o.Path = name
	return o
}

func (f files) make(ctx context.Context, name string) error { return f.drop(ctx, name) }

func (f files) drop(_ context.Context, name string) error {
	for _, s := range suffixes {
		if err := os.Remove(name + s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f files) rights(context.Context, string) error { return nil }

func (f files) close() error { return nil }

// swap moves the old files aside before the new one takes the name, so that no
// log of the one is ever beside the other. The staged file is there until the
// very last step and tells whether live is still the old one.
func (f files) swap(_ context.Context, s state) error {
	if !there(s.Staged) {
		return nil
	}
	if err := move(s.Live, s.Old); err != nil {
		return err
	}
	step("swap half")
	return move(s.Staged, s.Live)
}

func (f files) unswap(_ context.Context, s state) error {
	if !there(s.Old) {
		return nil
	}
	if !there(s.Staged) {
		if err := move(s.Live, s.Staged); err != nil {
			return err
		}
	}
	return move(s.Old, s.Live)
}

// move renames the files of a database, as far as they are there, and makes it durable.
func move(from, to string) error {
	for _, x := range suffixes {
		if err := os.Rename(from+x, to+x); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Dir(to))
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// schemas are PostgreSQL databases.
type schemas struct {
	o db.Options
	d *db.DB
}

func (p schemas) options(name string) db.Options {
	o := p.o
	u, err := url.Parse(o.URL)
	if err != nil { // it was opened with this URL
		return o
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	o.URL = u.String()
	return o
}

func (p schemas) exec(ctx context.Context, statements ...string) error {
	return db.Do(ctx, p.d, func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := db.Exec(ctx, tx, db.SQL(s)); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (p schemas) make(ctx context.Context, name string) error {
	return p.exec(ctx, "DROP SCHEMA IF EXISTS "+ident(name)+" CASCADE", "CREATE SCHEMA "+ident(name))
}

func (p schemas) drop(ctx context.Context, name string) error {
	return p.exec(ctx, "DROP SCHEMA IF EXISTS "+ident(name)+" CASCADE")
}

func (p schemas) exists(ctx context.Context, name string) (bool, error) {
	return db.Read(ctx, p.d, func(tx *db.Tx) (bool, error) {
		return db.Scalar[bool](ctx, tx, db.SQL(`SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?)`, name))
	})
}

func (p schemas) swap(ctx context.Context, s state) error {
	if ok, err := p.exists(ctx, s.Staged); err != nil || !ok {
		return err
	}
	return p.exec(ctx, "ALTER SCHEMA "+ident(s.Live)+" RENAME TO "+ident(s.Old), "ALTER SCHEMA "+ident(s.Staged)+" RENAME TO "+ident(s.Live))
}

func (p schemas) unswap(ctx context.Context, s state) error {
	if ok, err := p.exists(ctx, s.Old); err != nil || !ok {
		return err
	}
	return p.exec(ctx, "ALTER SCHEMA "+ident(s.Live)+" RENAME TO "+ident(s.Staged), "ALTER SCHEMA "+ident(s.Old)+" RENAME TO "+ident(s.Live))
}

// rights asks before hours of work whether the role may change the names of
// schemas at its end. A role that owns the database may, on PostgreSQL 15 and
// later; before, public belongs to the superuser.
func (p schemas) rights(ctx context.Context, live string) error {
	type row struct {
		Role     string `db:"role"`
		Database string `db:"database"`
		Make     bool   `db:"make"`
		Owns     bool   `db:"owns"`
	}
	r, err := db.Read(ctx, p.d, func(tx *db.Tx) (row, error) {
		return db.Scalar[row](ctx, tx, db.SQL(`SELECT CAST(CURRENT_USER AS TEXT) AS role, CAST(CURRENT_DATABASE() AS TEXT) AS database,
			has_database_privilege(CURRENT_DATABASE(), 'CREATE') AS make,
			COALESCE((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = ?), FALSE) AS owns`, live))
	})
	switch {
	case err != nil:
		return err
	case !r.Make:
		return fault.WithHint(fmt.Errorf("the role %s may not make schemas in the database %s", r.Role, r.Database),
			"as a superuser run: GRANT CREATE ON DATABASE "+ident(r.Database)+" TO "+ident(r.Role))
	case !r.Owns:
		return fault.WithHint(fmt.Errorf("the role %s may not rename the schema %s, which another role owns", r.Role, live),
			"as a superuser run in that database: ALTER SCHEMA "+ident(live)+" OWNER TO "+ident(r.Role))
	}
	return nil
}

func (p schemas) close() error { return p.d.Close() }
