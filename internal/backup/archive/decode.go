package archive

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

var errRow = errors.New("no row of this table")

// parseRow reads a line without its line feed into dst, one value per column:
// int64, bool, string or nil. That the line is canonical is not checked here;
// the digest of what was restored shows it.
func parseRow(line string, cols []Column, dst []any) error {
	p := parser{s: line}
	if !p.take('[') {
		return errRow
	}
	for i, c := range cols {
		if i > 0 && !p.take(',') {
			return fmt.Errorf("%w: %d values, %d expected", errRow, i, len(cols))
		}
		var err error
		if dst[i], err = p.column(c.Type); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	if !p.take(']') || p.i != len(line) {
		return fmt.Errorf("%w: more than %d values", errRow, len(cols))
	}
	return nil
}

func (p *parser) take(c byte) bool {
	if !p.at(c) {
		return false
	}
	p.i++
	return true
}

func (p *parser) column(t Type) (any, error) {
	if p.at('n') {
		return nil, p.word("null")
	}
	switch t {
	case Int:
		n, err := p.number()
		if err != nil {
			return nil, err
		}
		return strconv.ParseInt(n, 10, 64)
	case Bool:
		if p.at('t') {
			return true, p.word("true")
		}
		return false, p.word("false")
	case JSON:
		start := p.i
		if _, err := p.value(nil, 0); err != nil {
			return nil, err
		}
		return p.s[start:p.i], nil
	case Text, Day, Instant:
		if !p.at('"') {
			return nil, errRow
		}
		s, err := p.str()
		if err != nil || t != Instant {
			return s, err
		}
		return parseInstant(s)
	}
	return nil, fmt.Errorf("unknown type %q", t)
}

func (p *parser) word(w string) error {
	if len(p.s)-p.i < len(w) || p.s[p.i:p.i+len(w)] != w {
		return errRow
	}
	p.i += len(w)
	return nil
}

const instantLayout = "2006-01-02T15:04:05.000000Z"

func parseInstant(s string) (int64, error) {
	if len(s) != len(instantLayout) {
		return 0, errRange
	}
	t, err := time.Parse(instantLayout, s)
	if err != nil || t.Year() < 1 {
		return 0, errRange
	}
	return t.UnixMicro(), nil
}
