package db

import (
	"context"
	"errors"
	"fmt"
)

// Read runs fn in a transaction that reads what was loaded, beside others that do. Texts
// are not copied by Raw on SQLite. It is for after Finish.
func (l *Load) Read(ctx context.Context, fn func(tx *Tx) error) (err error) {
	d := &DB{dialect: l.dialect, opt: l.opt}
	conn, err := l.pool.Conn(ctx)
	if err != nil {
		return l.opt.named(fmt.Errorf("begin read: %w", err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if l.dialect == Postgres {
		tx, err := conn.BeginTx(ctx, d.readOptions())
		if err != nil {
			return fmt.Errorf("begin read: %w", err)
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		return fn(&Tx{q: tx, d: d})
	}
	// Each statement is a transaction of its own: nobody writes any more.
	return l.opt.named(fn(&Tx{q: conn, d: d, conn: conn}))
}

// Check lets the engine look at everything that was loaded: that every reference has its
// row, and on SQLite every page, every index and every constraint. PostgreSQL has looked
// while it took the rows and built the indexes. It is for after Finish.
func (l *Load) Check(ctx context.Context) error {
	if l.dialect == Postgres {
		return nil
	}
	return l.Read(ctx, func(tx *Tx) error {
		if err := tx.references(ctx); err != nil {
			return err
		}
		return tx.integrity(ctx)
	})
}

func (tx *Tx) references(ctx context.Context) error {
	type missing struct {
		Table  string `db:"tab"`
		Row    int64  `db:"row"`
		Parent string `db:"parent"`
	}
	m, found, err := One[missing](ctx, tx, SQL(`SELECT "table" AS tab, COALESCE(rowid, 0) AS row, parent FROM pragma_foreign_key_check LIMIT 1`))
	if err != nil {
		return fmt.Errorf("check references: %w", err)
	}
	if found {
		return fmt.Errorf("a row refers to one that is not there: row %d of %s, in %s", m.Row, m.Table, m.Parent)
	}
	return nil
}

// IntegrityCheck lets the engine look for damage, which reads all of an SQLite
// database.
func IntegrityCheck(ctx context.Context, d *DB) error {
	if d.dialect == Postgres {
		return d.Ping(ctx)
	}
	_, err := Read(ctx, d, func(tx *Tx) (struct{}, error) { return struct{}{}, tx.integrity(ctx) })
	return err
}

func (tx *Tx) integrity(ctx context.Context) error {
	answer, err := Scalar[string](ctx, tx, SQL(`PRAGMA integrity_check(1)`))
	if err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if answer != "ok" {
		return fmt.Errorf("the database is damaged: %s", answer)
	}
	return nil
}
