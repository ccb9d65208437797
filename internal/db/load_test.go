package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3/vfs"
)

// loading opens a database with one table for rows to be loaded.
func loading(t testing.TB, path string, create ...string) *Load {
	t.Helper()
	d, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = Do(Alone(t.Context()), d, func(tx *Tx) error {
		for _, q := range create {
			if _, err := Exec(t.Context(), tx, SQL(q)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLoad(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

const wide = `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL, more TEXT, UNIQUE (n, id)) STRICT`

// thing is a row of things with a text of a length.
func thing(n int64, length int) []Cell {
	row := []Cell{{Kind: CellInt, Int: n}, {Kind: CellInt, Int: n * 7919}, {Kind: CellText, Text: []byte(strings.Repeat("x", length))}, {}}
	switch n % 3 {
	case 0:
		row[1] = Cell{}
	case 1:
		row[3] = Cell{Kind: CellText, Text: []byte(fmt.Sprint(n))}
	}
	return row
}

// listed gives rows one after the other.
func listed(rows [][]Cell) func() ([]Cell, error) {
	return func() ([]Cell, error) {
		if len(rows) == 0 {
			return nil, io.EOF
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}
}

// same reads the table back through SQLite, which also checks the whole file.
func same(t *testing.T, l *Load, rows [][]Cell) {
	t.Helper()
	if err := l.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
	left := rows
	for _, err := range []error{l.Read(t.Context(), func(tx *Tx) error { return compare(t, tx, &left) }), l.Close()} {
		if err != nil || len(left) > 0 {
			t.Fatalf("%v; %d rows are missing", err, len(left))
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(l.opt.Path), ".sorting-*")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v stay behind", err, left)
	}
	d, err := Open(t.Context(), Options{Path: l.opt.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := IntegrityCheck(t.Context(), d); err != nil {
		t.Error(err)
	}
	_, err = Read(t.Context(), d, func(tx *Tx) (int, error) { return 0, compare(t, tx, &rows) })
	if err != nil || len(rows) > 0 {
		t.Errorf("%v; %d rows are missing", err, len(rows))
	}
}

// compare takes the rows that come back away.
func compare(t *testing.T, tx *Tx, rows *[][]Cell) error {
	return tx.Raw(t.Context(), SQL(`SELECT id, n, text, more FROM things ORDER BY id`), func(vals []any) error {
		if len(*rows) == 0 {
			return errors.New("there are more rows than were loaded")
		}
		for i, c := range (*rows)[0] {
			got := vals[i]
			if b, ok := got.([]byte); ok {
				got = string(b)
			}
			if c.Any() != got {
				return fmt.Errorf("row %d, column %d: got %.40v, want %.40v", (*rows)[0][0].Int, i, got, c.Any())
			}
		}
		*rows = (*rows)[1:]
		return nil
	})
}

func TestRowsWrittenAsPagesAreThoseThatWereGiven(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var lengths []int
	for n := 4030; n < 4070; n++ { // around the largest that fits into a page
		lengths = append(lengths, n)
	}
	for k := range 4 { // around the ends of further pages
		lengths = append(lengths, 4092*k+4000, 4092*k+4020, 4092*k+4030, 4092*(k+1)+470, 4092*(k+1)+490)
	}
	numbers := func(first, step int64, lengths ...int) (rows [][]Cell) {
		for i, n := range lengths {
			rows = append(rows, thing(first+int64(i)*step, n))
		}
		return rows
	}
	many := make([]int, 400_000)
	mixed := make([]int, 3000)
	for i := range mixed {
		mixed[i] = rnd.IntN(200)
		if i%50 == 0 {
			mixed[i] = rnd.IntN(20_000)
		}
	}
	full := make([]int, 700) // one row in a page, so that inner pages end where they like
	for i := range full {
		full[i] = 4000
	}
	tests := map[string][][]Cell{
		"none": nil, "one": numbers(1, 1, 5), "large ones": numbers(-50, 3, lengths...), "small ones": numbers(1, 1, many...),
		"of all sizes": numbers(math.MinInt64, 1<<40, mixed...), "the last number": numbers(math.MaxInt64-2, 1, 1, 2, 3),
		"a megabyte": numbers(7, 1, 1<<20),
	}
	for n := 450; n < 700; n += 9 {
		tests[fmt.Sprint("pages: ", n)] = numbers(100, 1, full[:n]...)
	}
	for name, rows := range tests {
		t.Run(name, func(t *testing.T) {
			defer func(n int64) { pageRows = n }(pageRows)
			pageRows = 0
			l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
			n, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, int64(len(rows)), listed(rows))
			if err != nil || n != int64(len(rows)) {
				t.Fatalf("%d rows, %v", n, err)
			}
			if len(l.bare) != 1 {
				t.Error("the rows were inserted")
			}
			same(t, l, rows)
		})
	}
}

func TestIntegersTakeTheRoomTheyNeed(t *testing.T) {
	var rows [][]Cell
	for shift := range 64 {
		for _, v := range []int64{1<<shift - 1, 1 << shift, -1 << shift, -1<<shift - 1} {
			row := thing(int64(len(rows)), 1)
			row[1] = Cell{Kind: CellInt, Int: v}
			rows = append(rows, row)
		}
	}
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed(rows)); err != nil {
		t.Fatal(err)
	}
	same(t, l, rows)
}

// A page at 1 GiB belongs to SQLite's locks. The pages before it are made up here.
func TestTheLockedPageStaysEmpty(t *testing.T) {
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	f, err := os.OpenFile(l.opt.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const pages = pendingByte/4096 - 3
	header := make([]byte, headerSize)
	if _, err := f.ReadAt(header, 0); err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint32(header[headerPages:], pages)
	if _, err := f.WriteAt(header, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(pages * 4096); err != nil {
		t.Fatal(err)
	}
	var rows [][]Cell
	for n := range int64(40) {
		rows = append(rows, thing(n, 9000))
	}
	if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed(rows)); err != nil {
		t.Fatal(err)
	}
	page := make([]byte, 4096)
	if _, err := f.ReadAt(page, pendingByte); err != nil || string(page) != string(make([]byte, 4096)) {
		t.Errorf("%v, the locked page is used", err)
	}
	total := 0
	err = l.conn.QueryRowContext(t.Context(), `SELECT SUM(LENGTH(text)) FROM things`).Scan(&total)
	if err != nil || total != 40*9000 {
		t.Errorf("%d bytes come back, %v", total, err)
	}
}

func TestRowsThatDoNotFitAreRefused(t *testing.T) {
	cols := []string{"id", "n", "text", "more"}
	good := func() [][]Cell { return [][]Cell{thing(1, 1), thing(2, 2)} }
	tests := []struct {
		name, want string
		change     func(rows [][]Cell)
	}{
		{"out of order", "row 1 comes behind row 2", func(r [][]Cell) { r[0], r[1] = r[1], r[0] }},
		{"a number twice", "row 1 comes behind row 1", func(r [][]Cell) { r[1][0].Int = 1 }},
		{"no number", "no number", func(r [][]Cell) { r[0][0] = Cell{} }},
		{"no text", "no value for text", func(r [][]Cell) { r[1][2] = Cell{} }},
		{"a text for an integer", "another type for n", func(r [][]Cell) { r[1][1] = r[1][2] }},
		{"an integer for a text", "another type for text", func(r [][]Cell) { r[1][2] = r[1][0] }},
	}
	for _, tt := range tests {
		rows := good()
		tt.change(rows)
		_, err := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide).Table(t.Context(), "things", cols, pageRows, listed(rows))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want one with %q", tt.name, err, tt.want)
		}
	}
	broken := errors.New("broken")
	if _, err := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide).Table(t.Context(), "things", cols, pageRows, func() ([]Cell, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the source", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	_, err := l.Table(ctx, "things", cols, pageRows, func() ([]Cell, error) {
		cancel()
		return thing(1, 1), nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

// Two equal values under a unique constraint are found when its index is built.
func TestAConstraintIsCheckedBehindTheRows(t *testing.T) {
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL UNIQUE, more TEXT) STRICT`)
	rows := [][]Cell{thing(1, 5), thing(2, 5)}
	if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed(rows)); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context()); !IsUnique(err) {
		t.Errorf("got %v, want a violation of the constraint", err)
	}
}

// What is checked neither at the row nor by an index is found in the whole.
func TestTheWholeIsChecked(t *testing.T) {
	for create, want := range map[string]string{
		`CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 5), text TEXT NOT NULL, more TEXT) STRICT`:          "CHECK constraint failed",
		`CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER REFERENCES things (id), text TEXT NOT NULL, more TEXT) STRICT`: "refers to one that is not there: row 2 of things, in things",
	} {
		l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), create)
		if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed([][]Cell{thing(2, 1)})); err != nil {
			t.Fatal(err)
		}
		if err := l.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", create, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Check(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the context", err)
		}
	}
}

// Others hear of a change before they use what they have read ahead.
func TestWhatWasReadAheadIsForgottenWithAChange(t *testing.T) {
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	var rows [][]Cell
	for n := range int64(200) {
		rows = append(rows, thing(n, 900))
	}
	if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed(rows)); err != nil {
		t.Fatal(err)
	}
	total := func(want int) {
		t.Helper()
		err := l.Read(t.Context(), func(tx *Tx) error {
			n, err := Scalar[int](t.Context(), tx, SQL(`SELECT SUM(LENGTH(text)) FROM things`))
			if err == nil && n != want {
				err = fmt.Errorf("%d bytes, want %d", n, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	l.pool.SetMaxIdleConns(1) // so that the reader is the same again
	total(200 * 900)
	if err := l.exec(t.Context(), `UPDATE things SET text = text || text`); err != nil {
		t.Fatal(err)
	}
	total(400 * 900)
	if err := l.exec(t.Context(), `DELETE FROM things`); err != nil {
		t.Fatal(err)
	}
	if err := l.exec(t.Context(), `VACUUM`); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, listed(rows[:50])); err != nil {
		t.Fatal(err)
	}
	total(50 * 900)
}

// What is sorted and does not fit into memory lies beside the database, without a name.
func TestSortingSpillsBesideTheDatabase(t *testing.T) {
	v := newLoadFiles(filepath.Join(t.TempDir(), "loaded.db"))
	defer v.close()
	f, _, err := v.OpenFilename(nil, vfs.OPEN_TEMP_DB|vfs.OPEN_DELETEONCLOSE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	_, err = f.WriteAt([]byte("sorted"), 4096)
	size, serr := f.Size()
	if err := errors.Join(err, serr, f.Sync(0), f.Lock(vfs.LOCK_EXCLUSIVE), f.Unlock(vfs.LOCK_NONE)); err != nil || size != 4102 {
		t.Errorf("%d bytes, %v", size, err)
	}
	if held, err := f.CheckReservedLock(); held || err != nil || f.SectorSize() == 0 || f.DeviceCharacteristics() != 0 {
		t.Errorf("locked: %v, %v", held, err)
	}
	if left, err := os.ReadDir(v.dir); err != nil || len(left) > 0 {
		t.Errorf("%v, there are %v", err, left)
	}
	v.dir = filepath.Join(v.dir, "gone")
	if _, _, err := v.OpenFilename(nil, vfs.OPEN_TEMP_DB); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, _, err := v.Open("name", 0); err == nil {
		t.Error("a file is opened without what SQLite knows of it")
	}

	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	rows := int64(0)
	_, err = l.Table(t.Context(), "things", []string{"id", "n", "text", "more"}, pageRows, func() ([]Cell, error) {
		if rows++; rows > 60_000 {
			return nil, io.EOF
		}
		return thing(rows, 0), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.files.dir = v.dir // where nothing can be put
	if err := l.exec(t.Context(), "PRAGMA cache_size=-16"); err != nil {
		t.Fatal(err)
	}
	if err := l.exec(t.Context(), "REINDEX things"); err == nil {
		t.Error("an index of 60,000 rows is sorted without a file")
	}
}

// Other tables, and databases of another form, are filled by INSERT.
func TestOtherFormsAreInserted(t *testing.T) {
	rows := [][]Cell{thing(1, 1), thing(2, 5000)}
	all := []string{"id", "n", "text", "more"}
	for name, create := range map[string]string{
		"without numbers":  `CREATE TABLE things (id INTEGER, n INTEGER, text TEXT NOT NULL, more TEXT, PRIMARY KEY (id, text)) STRICT`,
		"without row ids":  `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL, more TEXT) STRICT, WITHOUT ROWID`,
		"not strict":       `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL, more TEXT)`,
		"another type":     `CREATE TABLE things (id INTEGER PRIMARY KEY, n ANY, text TEXT NOT NULL, more TEXT) STRICT`,
		"one column more":  `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL, more TEXT, extra TEXT NOT NULL DEFAULT 'x') STRICT`,
		"a computed value": `CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT NOT NULL, more TEXT, twice INTEGER AS (2 * n)) STRICT`,
	} {
		l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), create)
		if _, err := l.Table(t.Context(), "things", all, pageRows, listed(rows)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(l.bare) > 0 {
			t.Errorf("%s: written as pages", name)
		}
		same(t, l, rows)
	}
	l := loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	if err := l.exec(t.Context(), "PRAGMA auto_vacuum=FULL"); err != nil {
		t.Fatal(err)
	}
	if err := l.exec(t.Context(), "VACUUM"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Table(t.Context(), "things", all, pageRows, listed(rows)); err != nil || len(l.bare) > 0 {
		t.Errorf("vacuumed by itself: %v, %v written as pages", err, l.bare)
	}
	same(t, l, rows)
	l = loading(t, filepath.Join(t.TempDir(), "loaded.db"), wide)
	if _, err := l.Table(t.Context(), "things", []string{"id", "nothing"}, 1, listed(nil)); err == nil {
		t.Error("a column that is not there is accepted")
	}
	if _, err := l.Table(t.Context(), "things", all, 1, listed([][]Cell{rows[0], rows[0]})); !IsUnique(err) {
		t.Errorf("the same row twice: %v", err)
	}
}

func TestTextsAreCopiedToPostgresAsTheyAre(t *testing.T) {
	for _, tt := range []struct {
		cell Cell
		want string
	}{
		{Cell{}, `\N`},
		{Cell{Kind: CellInt, Int: -5}, `-5`},
		{Cell{Kind: CellBool, Int: 1}, `t`},
		{Cell{Kind: CellBool}, `f`},
		{Cell{Kind: CellText, Text: []byte("a\\N\tb\r\nc")}, `a\\N\tb\r\nc`},
	} {
		if got := string(tt.cell.appendCopy(nil)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
