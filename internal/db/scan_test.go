package db_test

import (
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

type inner struct {
	Name string
	Note *string
}

type outer struct {
	ID int32
	inner
	Flag     bool `db:"is_on"`
	CreateAt db.Time
	Share    float64
	Bytes    []byte
	Any      any
	Left     string `db:"-"`
}

func one[T any](t *testing.T, d *db.DB, q string, args ...any) (T, error) {
	t.Helper()
	return db.Read(t.Context(), d, func(tx *db.Tx) (T, error) { return db.Scalar[T](t.Context(), tx, db.SQL(q, args...)) })
}

func TestRowsBecomeStructs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		got, err := one[outer](t, d, `SELECT CAST(7 AS BIGINT) AS id, 'n' AS name, NULL AS note, 1=1 AS is_on,
			CAST(1000001 AS BIGINT) AS create_at, CAST(0.5 AS DOUBLE PRECISION) AS share, 'b' AS bytes, CAST(9 AS BIGINT) AS any`)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != 7 || got.Name != "n" || got.Note != nil || !got.Flag || got.CreateAt.UnixMicro() != 1000001 ||
			got.Share != 0.5 || string(got.Bytes) != "b" || got.Any != int64(9) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestRowsThatDoNotFitAreErrors(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		type narrow struct{ N int8 }
		tests := []struct {
			name, want string
			run        func() error
		}{
			{"too large a number", "300 does not fit int8", func() error { _, err := one[narrow](t, d, `SELECT CAST(300 AS BIGINT) AS n`); return err }},
			{"NULL for a number", "NULL does not fit int8", func() error { _, err := one[narrow](t, d, `SELECT CAST(NULL AS BIGINT) AS n`); return err }},
			{"a text for a number", "string does not fit int8", func() error { _, err := one[narrow](t, d, `SELECT CAST('x' AS TEXT) AS n`); return err }},
			{"an unknown column", `no field for the column "m"`, func() error { _, err := one[narrow](t, d, `SELECT 1 AS m`); return err }},
			{"two columns for one", "the query has 2", func() error { _, err := one[int64](t, d, `SELECT 1, 2`); return err }},
			{"a number that is no boolean", "does not fit bool", func() error { _, err := one[bool](t, d, `SELECT CAST(2 AS BIGINT)`); return err }},
			{"a boolean for a text", "does not fit string", func() error { _, err := one[string](t, d, `SELECT CAST(2 AS BIGINT)`); return err }},
			{"a type without a column's form", "cannot be read", func() error { _, err := one[chan int](t, d, `SELECT 1`); return err }},
			{"a field without a column's form", "cannot be read", func() error { _, err := one[struct{ N chan int }](t, d, `SELECT 1 AS n`); return err }},
		}
		for _, tt := range tests {
			if err := tt.run(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want one with %q", tt.name, err, tt.want)
			}
		}
	})
}

// Lists of values are filled up to a length that is often used; that changes no result.
func TestInWithAnyNumberOfValues(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, n := range []int{0, 1, 2, 3, 5, 100, 1025} {
			vals := make([]int64, n)
			for i := range vals {
				vals[i] = int64(i + 1)
			}
			in := db.In("v.n", vals)
			got, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
				return db.Scalar[int](t.Context(), tx, db.SQL(`WITH RECURSIVE v (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM v WHERE n < 2000)
					SELECT COUNT(*) FROM v WHERE`).Append(in))
			})
			if err != nil || got != n {
				t.Errorf("%d values select %d rows, %v", n, got, err)
			}
		}
	})
}
