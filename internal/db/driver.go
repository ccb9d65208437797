package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// The driver "sqlite" is a thin one over the SQLite library: it keeps prepared
// statements with their connection, which saves most of the time of a short
// query, and leaves the values as SQLite has them, integers, reals and texts.

func init() { sql.Register(sqliteDriver, liteDriver{}) }

// sqliteDriver is the name of the driver in database/sql.
const sqliteDriver = "sqlite"

// keptStatements is how many statements a connection keeps prepared. Texts
// longer than keptLength are prepared each time: they are rarely the same.
const (
	keptStatements = 96
	keptLength     = 8 << 10
)

type liteDriver struct{}

// Open implements driver.Driver.
func (liteDriver) Open(name string) (driver.Conn, error) {
	c, err := sqlite3.Open(name)
	if err != nil {
		return nil, err
	}
	// Without this, a statement with LIMIT ? is compiled anew for every value.
	if _, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &liteConn{c: c, kept: map[string]*liteStmt{}}, nil
}

// liteConn is one connection. database/sql uses it from one goroutine at a time.
type liteConn struct {
	c     *sqlite3.Conn
	kept  map[string]*liteStmt
	clock uint64 // counts uses, to forget the statement not used for longest
}

type liteStmt struct {
	conn  *liteConn
	s     *sqlite3.Stmt
	names []string
	times []int // columns declared as TIMESTAMP
	used  uint64
	busy  bool // its rows are being read
	loose bool // not kept: closed after use
}

// Close implements driver.Conn.
func (c *liteConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// Begin implements driver.Conn.
func (c *liteConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx. Writes begin immediately, so that
// they wait for their turn at the start and never fail in the middle.
func (c *liteConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	begin := "BEGIN IMMEDIATE"
	if o.ReadOnly {
		begin = "BEGIN"
	}
	if err := c.run(ctx, begin); err != nil {
		return nil, err
	}
	return liteTx{c}, nil
}

type liteTx struct{ c *liteConn }

// Commit implements driver.Tx.
func (t liteTx) Commit() error { return t.c.run(context.Background(), "COMMIT") }

// Rollback implements driver.Tx.
func (t liteTx) Rollback() error {
	if t.c.c.GetAutocommit() {
		return nil // the engine has rolled back already
	}
	return t.c.run(context.Background(), "ROLLBACK")
}

func (c *liteConn) run(ctx context.Context, q string) error {
	_, err := c.ExecContext(ctx, q, nil)
	return err
}

// statement returns the prepared statement of a text.
func (c *liteConn) statement(ctx context.Context, q string) (*liteStmt, error) {
	c.clock++
	s, ok := c.kept[q]
	if ok && !s.busy {
		s.used = c.clock
		return s, nil
	}
	n, err := c.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	n.used, n.loose = c.clock, ok || len(q) > keptLength
	if !n.loose {
		c.keep(q, n)
	}
	return n, nil
}

func (c *liteConn) prepare(ctx context.Context, q string) (*liteStmt, error) {
	c.c.SetInterrupt(ctx)
	st, tail, err := c.c.Prepare(q)
	if err != nil {
		return nil, told(ctx, err)
	}
	if st == nil {
		return nil, fmt.Errorf("there is no statement in %q", q)
	}
	if strings.TrimSpace(tail) != "" {
		return nil, errors.Join(fmt.Errorf("more than one statement: %q", tail), st.Close())
	}
	return &liteStmt{conn: c, s: st}, nil
}

// told returns the reason of an interruption when that was the context's end.
func told(ctx context.Context, err error) error {
	if errors.Is(err, sqlite3.INTERRUPT) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// keep keeps a statement and closes the one that was not used for longest.
func (c *liteConn) keep(q string, n *liteStmt) {
	if len(c.kept) >= keptStatements {
		oldest, text := n, ""
		for t, s := range c.kept {
			if !s.busy && s.used < oldest.used {
				oldest, text = s, t
			}
		}
		if oldest == n {
			n.loose = true
			return
		}
		delete(c.kept, text)
		_ = oldest.s.Close() // what its last run met was reported then
	}
	c.kept[q] = n
}

// bind gives the placeholders their values.
func (s *liteStmt) bind(args []driver.NamedValue) error {
	if n := s.s.BindCount(); n != len(args) {
		return fmt.Errorf("%d values for %d placeholders", len(args), n)
	}
	for _, a := range args {
		var err error
		switch v := a.Value.(type) {
		case int64:
			err = s.s.BindInt64(a.Ordinal, v)
		case string:
			err = s.s.BindText(a.Ordinal, v)
		case nil:
			err = s.s.BindNull(a.Ordinal)
		case bool:
			err = s.s.BindBool(a.Ordinal, v)
		case float64:
			err = s.s.BindFloat(a.Ordinal, v)
		case []byte:
			err = s.s.BindBlob(a.Ordinal, v)
		default:
			err = fmt.Errorf("a value of type %T cannot be kept", v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// done makes the statement ready for its next use.
func (s *liteStmt) done() error {
	s.busy = false
	if s.loose {
		return s.s.Close()
	}
	return errors.Join(s.s.Reset(), s.s.ClearBindings())
}

// ExecContext implements driver.ExecerContext. Without values, the text may
// hold several statements.
func (c *liteConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 && strings.Contains(q, ";") {
		c.c.SetInterrupt(ctx)
		if err := c.c.Exec(q); err != nil {
			return nil, told(ctx, err)
		}
		return driver.RowsAffected(c.c.Changes()), nil
	}
	s, err := c.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.exec(ctx, args)
}

func (s *liteStmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	c := s.conn.c
	c.SetInterrupt(ctx)
	s.busy = true
	err := s.bind(args)
	if err == nil {
		for s.s.Step() { // rows of a statement such as PRAGMA are of no interest
		}
		err = s.s.Err()
	}
	n := c.Changes()
	if doneErr := s.done(); err == nil { // after a failed step, Reset reports the same once more
		err = doneErr
	}
	return driver.RowsAffected(n), told(ctx, err)
}

// QueryContext implements driver.QueryerContext.
func (c *liteConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.query(ctx, args)
}

func (s *liteStmt) query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.busy = true
	if err := s.bind(args); err != nil {
		_ = s.done()
		return nil, err
	}
	if s.names == nil {
		s.names = make([]string, s.s.ColumnCount())
		for i := range s.names {
			s.names[i] = s.s.ColumnName(i)
			if s.s.ColumnDeclType(i) == "TIMESTAMP" { // only goose's own table has such a column
				s.times = append(s.times, i)
			}
		}
	}
	return &liteRows{s: s, ctx: ctx}, nil
}

// raw calls fn with each row of a query, without copying texts.
func (c *liteConn) raw(ctx context.Context, q string, args []any, fn func(vals []any) error) (err error) {
	s, err := c.statement(ctx, q)
	if err != nil {
		return err
	}
	s.busy = true
	defer func() {
		if doneErr := s.done(); err == nil { // after a failed step, Reset reports the same once more
			err = doneErr
		}
	}()
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return err
		}
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	if err := s.bind(named); err != nil {
		return err
	}
	vals := make([]any, s.s.ColumnCount())
	c.c.SetInterrupt(ctx)
	for s.s.Step() {
		if err := s.s.ColumnsRaw(vals...); err != nil {
			return err
		}
		if err := fn(vals); err != nil {
			return err
		}
	}
	return told(ctx, s.s.Err())
}

type liteRows struct {
	s      *liteStmt
	ctx    context.Context // database/sql gives it to the query and rows are read later
	row    []any
	failed bool
	closed bool
}

// Columns implements driver.Rows.
func (r *liteRows) Columns() []string { return r.s.names }

// Next implements driver.Rows.
func (r *liteRows) Next(dest []driver.Value) error {
	st := r.s.s
	r.s.conn.c.SetInterrupt(r.ctx)
	if !st.Step() {
		if err := st.Err(); err != nil {
			r.failed = true
			return told(r.ctx, err)
		}
		return io.EOF
	}
	if r.row == nil {
		r.row = make([]any, len(dest))
	}
	if err := st.Columns(r.row...); err != nil {
		return err
	}
	for i, v := range r.row {
		dest[i] = v
		if _, ok := v.([]byte); ok {
			r.row[i] = nil // not to be filled again: it belongs to the caller now
		}
	}
	for _, i := range r.s.times {
		t, err := sqlite3.TimeFormatAuto.Decode(r.row[i])
		if err != nil {
			return err
		}
		dest[i] = t
	}
	return nil
}

// Close implements driver.Rows.
func (r *liteRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if err := r.s.done(); err != nil && !r.failed {
		return err
	}
	return nil
}

// Prepare implements driver.Conn.
func (c *liteConn) Prepare(q string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), q)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *liteConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	return &litePrepared{s}, nil
}

// litePrepared is a statement that the caller holds and closes.
type litePrepared struct{ *liteStmt }

// Close implements driver.Stmt.
func (p *litePrepared) Close() error { return p.s.Close() }

// NumInput implements driver.Stmt.
func (p *litePrepared) NumInput() int { return p.s.BindCount() }

// Exec implements driver.Stmt.
func (p *litePrepared) Exec([]driver.Value) (driver.Result, error) { return nil, driver.ErrSkip }

// Query implements driver.Stmt.
func (p *litePrepared) Query([]driver.Value) (driver.Rows, error) { return nil, driver.ErrSkip }

// ExecContext implements driver.StmtExecContext.
func (p *litePrepared) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return p.exec(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (p *litePrepared) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return p.query(ctx, args)
}
