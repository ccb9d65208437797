package db

import (
	"strconv"
)

// Cell is one value of a row that is moved in bulk. Unlike an any it costs no
// allocation, and its text may be used again for the next row.
type Cell struct {
	Kind CellKind
	Int  int64 // of CellInt, and 0 or 1 of CellBool
	Text []byte
}

// CellKind says what a Cell holds.
type CellKind uint8

// The kinds. The zero Cell is NULL.
const (
	CellNull CellKind = iota
	CellInt
	CellBool
	CellText
)

// Any returns the value as int64, bool, string or nil.
func (c Cell) Any() any {
	switch c.Kind {
	case CellInt:
		return c.Int
	case CellBool:
		return c.Int != 0
	case CellText:
		return string(c.Text)
	default:
		return nil
	}
}

// appendCopy appends the value as PostgreSQL's COPY reads it from a text.
func (c Cell) appendCopy(b []byte) []byte {
	switch c.Kind {
	case CellInt:
		return strconv.AppendInt(b, c.Int, 10)
	case CellBool:
		return append(b, "ft"[c.Int])
	case CellText:
		return appendCopyText(b, c.Text)
	default:
		return append(b, `\N`...)
	}
}

func appendCopyText(b, text []byte) []byte {
	start := 0
	for i, ch := range text {
		escape := byte(0)
		switch ch {
		case '\\':
			escape = '\\'
		case '\n':
			escape = 'n'
		case '\r':
			escape = 'r'
		case '\t':
			escape = 't'
		default:
			continue
		}
		b = append(append(b, text[start:i]...), '\\', escape)
		start = i + 1
	}
	return append(b, text[start:]...)
}
