package archive

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/db"
)

var errRow = errors.New("no row of this table")

// rowParser reads the lines of a table, one after the other.
type rowParser struct {
	cols []Column
	row  []db.Cell
	text []byte // of the texts that stand escaped in the line
	line []byte
	i    int
}

func newRowParser(cols []Column) *rowParser {
	return &rowParser{cols: cols, row: make([]db.Cell, len(cols))}
}

// parse reads a line without its line feed. The values last until the next one, and as
// long as the line. That texts are written in the canonical way is not checked here; the
// digest of what was restored shows it. JSON is: it goes into the database as it stands.
func (p *rowParser) parse(line []byte) ([]db.Cell, error) {
	p.line, p.i, p.text = line, 0, p.text[:0]
	if !utf8.Valid(line) { // asked once: there are many short texts in a line
		return nil, errUTF8
	}
	if !p.take('[') {
		return nil, errRow
	}
	for i, c := range p.cols {
		if i > 0 && !p.take(',') {
			return nil, fmt.Errorf("%w: %d values, %d expected", errRow, i, len(p.cols))
		}
		if err := p.column(c.Type, &p.row[i]); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	if !p.take(']') || p.i != len(line) {
		return nil, fmt.Errorf("%w: more than %d values", errRow, len(p.cols))
	}
	return p.row, nil
}

func (p *rowParser) at(c byte) bool { return p.i < len(p.line) && p.line[p.i] == c }

func (p *rowParser) take(c byte) bool {
	if !p.at(c) {
		return false
	}
	p.i++
	return true
}

func (p *rowParser) column(t Type, c *db.Cell) (err error) {
	*c = db.Cell{}
	if p.at('n') {
		return p.word("null")
	}
	switch t {
	case Int:
		start := p.i
		end, ok := numberEnd(p.line, p.i)
		if !ok {
			return errJSON
		}
		p.i, c.Kind = end, db.CellInt
		c.Int, err = strconv.ParseInt(string(p.line[start:end]), 10, 64)
		return err
	case Bool:
		c.Kind = db.CellBool
		if p.at('t') {
			c.Int = 1
			return p.word("true")
		}
		return p.word("false")
	case JSON:
		start := p.i
		p.i, err = canonicalEnd(p.line, p.i)
		c.Kind, c.Text = db.CellText, p.line[start:p.i]
		return err
	case Text, Day, Instant:
		c.Kind = db.CellText
		if c.Text, err = p.str(); err != nil || t != Instant {
			return err
		}
		c.Kind = db.CellInt
		c.Int, err = parseInstant(c.Text)
		return err
	case canonicalJSON: // stands in no archive
	}
	return fmt.Errorf("unknown type %q", t)
}

// str returns what the string at the position says.
func (p *rowParser) str() ([]byte, error) {
	if !p.take('"') {
		return nil, errRow
	}
	start := p.i
	if p.i = special(p.line, start); p.take('"') {
		return p.line[start : p.i-1], nil
	}
	begin := len(p.text)
	text, n, err := appendUnescaped(p.text, p.line[start:])
	p.text, p.i = text, start+n
	return text[begin:], err
}

func (p *rowParser) word(w string) error {
	if !bytes.HasPrefix(p.line[p.i:], []byte(w)) {
		return errRow
	}
	p.i += len(w)
	return nil
}

const instantLayout = "2006-01-02T15:04:05.000000Z"

// parseInstant reads what appendInstant writes.
func parseInstant(s []byte) (int64, error) {
	if len(s) != len(instantLayout) {
		return 0, errRange
	}
	var parts [7]int // from the year down to the microsecond
	part := 0
	for i, want := range []byte(instantLayout) {
		if want < '0' || want > '9' {
			if s[i] != want {
				return 0, errRange
			}
			part++
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			return 0, errRange
		}
		parts[part] = 10*parts[part] + int(s[i]-'0')
	}
	year, month, day := parts[0], parts[1], parts[2]
	t := time.Date(year, time.Month(month), day, parts[3], parts[4], parts[5], 1000*parts[6], time.UTC)
	y, m, d := t.Date()
	same := y == year && int(m) == month && d == day
	if !same || year < 1 || parts[3] > 23 || parts[4] > 59 || parts[5] > 59 {
		return 0, errRange
	}
	return t.UnixMicro(), nil
}
