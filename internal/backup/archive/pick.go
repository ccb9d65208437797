package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/fault"
)

// Row is one row of a snapshot. A column that the snapshot does not have, because
// its schema is older, reads as nothing.
type Row struct {
	table Table
	vals  []any
}

func (r Row) value(column string) any {
	i := slices.IndexFunc(r.table.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 {
		return nil
	}
	return r.vals[i]
}

// Int returns an integer; ok is false for null.
func (r Row) Int(column string) (n int64, ok bool) {
	n, ok = r.value(column).(int64)
	return n, ok
}

// Text returns a text or a day; ok is false for null.
func (r Row) Text(column string) (s string, ok bool) {
	s, ok = r.value(column).(string)
	return s, ok
}

// Bool returns a truth value, false for null.
func (r Row) Bool(column string) bool {
	b, _ := r.value(column).(bool)
	return b
}

// Instant returns an instant; zero for null.
func (r Row) Instant(column string) time.Time {
	n, ok := r.value(column).(int64)
	if !ok {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// Ids are the numbers of the rows that are wanted, both ends included.
type Ids struct{ From, To int64 }

// All are the rows of a table.
var All = Ids{0, math.MaxInt64}

// Rows calls fn with the rows of a table of the snapshot in the order of their keys.
// Where the table is numbered, only the leaves that may hold the wanted numbers are
// read. The row is used again after fn has returned.
//
// Errors: ErrBroken; those of fn.
func (s *Stored) Rows(ctx context.Context, table string, want Ids, fn func(Row) error) error {
	i := slices.IndexFunc(s.Tables, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return nil // the schema of the snapshot is older
	}
	t := s.Tables[i]
	from, to := span(rowsKey + table + "\x00")
	if t.Numbered() && want != All {
		from, to = leavesOf(t, want)
	}
	r := s.content(ctx, from, to)
	defer func() { _ = r.Close() }() // ends the reader of the repository
	lines := &lineReader{r: bufio.NewReaderSize(r, 256<<10)}
	row, parser := Row{t, make([]any, len(t.Columns))}, newRowParser(t.Columns)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		cells, err := parser.parse(line)
		if err != nil {
			return broken("snapshot %s, table %s: %w", s.Snapshot.ID, table, err)
		}
		for i, c := range cells {
			row.vals[i] = c.Any()
		}
		if n, ok := row.Int("id"); t.Numbered() && ok && (n < want.From || n > want.To) {
			continue
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// leavesOf returns the keys between which the leaves lie that may hold the numbers.
func leavesOf(t Table, want Ids) (from, to []byte) {
	bits := leafBits(t)
	prefix := rowsKey + t.Name + "\x00"
	at := func(n int64) []byte { return binary.BigEndian.AppendUint64([]byte(prefix), uint64(n)^1<<63) }
	last := (want.To>>bits + 1) << bits
	if last < want.To { // beyond the last number there is
		_, to = span(prefix)
		return at(want.From >> bits << bits), to
	}
	return at(want.From >> bits << bits), at(last)
}

// File opens the content of a file of the snapshot, which is proven while it is read.
//
// Faults: NotFound.
func (s *Stored) File(ctx context.Context, sha string) (io.ReadCloser, error) {
	raw, err := hex.DecodeString(sha)
	if err != nil || len(raw) != sha256.Size {
		return nil, fault.NotFound("file in the snapshot")
	}
	from := append([]byte(filesKey), raw...)
	to, found := append(slices.Clone(from), 0), false
	err = s.repo.Read(ctx, s.Snapshot, from, to, repo.Reading{Entry: func(*repo.Entry) error {
		found = true
		return nil
	}})
	if err != nil {
		return nil, inSnapshot(s.Snapshot.ID, err)
	}
	if !found {
		return nil, fault.NotFound("file in the snapshot")
	}
	return s.content(ctx, from, to), nil
}
