package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Beside opens n more read-only transactions that see exactly what tx sees, so that
// rows can be read by several connections at once. On SQLite, where one connection
// reads as fast as the disk, it opens none. end gives them back; tx has to last until
// then.
func Beside(ctx context.Context, tx *Tx, n int) (more []*Tx, end func() error, err error) {
	var open []*sql.Tx
	end = func() error {
		var errs []error
		for _, o := range open {
			errs = append(errs, o.Rollback())
		}
		return errors.Join(errs...)
	}
	if tx.d.dialect == SQLite || n <= 0 {
		return nil, end, nil
	}
	name, err := Scalar[string](ctx, tx, SQL(`SELECT pg_export_snapshot()`))
	if err != nil {
		return nil, end, err
	}
	for range n {
		o, err := tx.d.read.BeginTx(ctx, tx.d.readOptions())
		if err != nil {
			return nil, end, errors.Join(fmt.Errorf("read beside: %w", err), end())
		}
		open = append(open, o)
		// The name is the server's, of hexadecimal digits and dashes; a parameter is not allowed here.
		if _, err := o.ExecContext(ctx, `SET TRANSACTION SNAPSHOT '`+name+`'`); err != nil {
			return nil, end, errors.Join(fmt.Errorf("read beside: %w", err), end())
		}
		more = append(more, &Tx{q: o, d: tx.d, now: tx.now})
	}
	return more, end, nil
}
