package db

import "context"

// Size returns how many bytes the database takes.
func Size(ctx context.Context, d *DB) (int64, error) {
	q := `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if d.Dialect() == Postgres {
		q = `SELECT pg_database_size(current_database())`
	}
	return Read(ctx, d, func(tx *Tx) (int64, error) { return Scalar[int64](ctx, tx, SQL(q)) })
}
