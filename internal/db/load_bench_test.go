package db

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

// BenchmarkLoad fills a table as journals is, with rows that are there already: what the
// engine alone takes of a restore, indexes included, by each of the two ways.
func BenchmarkLoad(b *testing.B) {
	const create = `CREATE TABLE entries (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, entity INTEGER NOT NULL, version INTEGER NOT NULL, person INTEGER NOT NULL,
		notes TEXT NOT NULL, data TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (kind, entity, version)) STRICT`
	columns := []string{"id", "kind", "entity", "version", "person", "notes", "data", "at"}
	notes, data := bytes.Repeat([]byte("note "), 20), bytes.Repeat([]byte(`{"data":1}`), 90)
	const rows = 100_000
	for name, threshold := range map[string]int64{"pages": 0, "insert": rows + 1} {
		b.Run(name, func(b *testing.B) {
			defer func(n int64) { pageRows = n }(pageRows)
			pageRows = threshold
			for n := 0; b.Loop(); n++ {
				path := filepath.Join(b.TempDir(), fmt.Sprint(n, ".db"))
				l := loading(b, path, create, `CREATE INDEX entries_person ON entries (person, id)`)
				row, i := make([]Cell, len(columns)), int64(0)
				_, err := l.Table(b.Context(), "entries", columns, rows, func() ([]Cell, error) {
					if i++; i > rows {
						return nil, io.EOF
					}
					number := func(v int64) Cell { return Cell{Kind: CellInt, Int: v} }
					text := func(v []byte) Cell { return Cell{Kind: CellText, Text: v} }
					row = append(row[:0], number(i), text([]byte("WorkPackage")), number(i/5), number(i%5), number(i%53), text(notes), text(data), number(1e15+i))
					return row, nil
				})
				if err == nil {
					err = l.Finish(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
