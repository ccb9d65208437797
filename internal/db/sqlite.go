package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"

	"github.com/holdfast/holdfast/internal/fault"
)

// dsn returns the connection string. PRAGMAs stand in it because each pooled
// connection needs them. The path is escaped, so that it cannot add options.
func dsn(path, mode string) string {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout(5000)")
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "wal_autocheckpoint(0)")
	q.Add("_pragma", "cache_size(-4096)")
	q.Add("_pragma", "temp_store(MEMORY)")
	if mode != "ro" {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	q.Set("mode", mode)
	return fileURL(path, q)
}

// loadSource is the connection string of a database that is loaded.
func loadSource(path, files string) string {
	return fileURL(path, url.Values{"mode": {"rw"}, "vfs": {files}, "_pragma": {"cache_size(-4096)", "temp_store(FILE)"}})
}

func fileURL(path string, q url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

func openSQLite(ctx context.Context, o Options) (*DB, error) {
	write, err := sql.Open(sqliteDriver, dsn(o.Path, "rwc"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	write.SetMaxOpenConns(1)
	conn, err := write.Conn(ctx)
	if err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	read, err := sql.Open(sqliteDriver, dsn(o.Path, "ro"))
	if err != nil {
		_ = conn.Close()
		_ = write.Close()
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	read.SetMaxOpenConns(o.Readers)
	read.SetMaxIdleConns(o.Readers)
	d := &DB{dialect: SQLite, opt: o, read: read, write: write, writer: newWriter(conn)}
	d.ckpt = startCheckpointer(d)
	if err := read.PingContext(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	return d, nil
}

// IsUnique says whether err is a violation of a unique constraint or index.
func IsUnique(err error) bool {
	if errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) || errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY) {
		return true
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "23505"
}

// IsFull says whether err means that the database's disk is full.
func IsFull(err error) bool {
	if errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.IOERR_SHMSIZE) || fault.Is(err, fault.KindNoSpace) {
		return true
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "53100"
}

// named says what to do about a damaged database, and gives an error on a full
// disk that name. SQLite often says
// no more than that a write or the opening failed, so the disk is tried.
func (o Options) named(err error) error {
	if err == nil || fault.KindOf(err) != fault.KindInternal {
		return err
	}
	if errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.CORRUPT) {
		return fault.WithHint(err, "the database is damaged; put the newest good backup in its place: holdfast restore --help")
	}
	if IsFull(err) || errors.Is(err, sqlite3.IOERR) && full(filepath.Dir(o.Path)) {
		return fault.NoSpace(err)
	}
	return err
}

// full says whether a small file finds no room in dir.
func full(dir string) bool {
	f, err := os.CreateTemp(dir, ".room-")
	if err == nil {
		_, err = f.Write(make([]byte, 128<<10))
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
