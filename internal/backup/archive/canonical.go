package archive

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON values.
const maxDepth = 200

var (
	errNUL   = errors.New("the text contains U+0000, which PostgreSQL cannot keep")
	errUTF8  = errors.New("the text is no valid UTF-8")
	errRange = errors.New("the instant is outside the years 1 to 9999")
)

// The first and the last microsecond of the years 1 to 9999.
var (
	firstInstant = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastInstant  = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// appendRow appends the canonical line of a row, with its line feed. One that a
// restore would refuse is an error.
func appendRow(b []byte, cols []Column, vals []any) ([]byte, error) {
	begin := len(b)
	b = append(b, '[')
	for i, c := range cols {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, c.Type, vals[i]); err != nil {
			return b, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	if b = append(b, ']', '\n'); len(b)-begin > maxRow {
		return b, fmt.Errorf("it takes %d bytes, and a restore reads at most %d", len(b)-begin, maxRow)
	}
	return b, nil
}

func appendValue(b []byte, t Type, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case int64:
		return appendInt(b, t, v)
	case bool:
		if t == Bool {
			return strconv.AppendBool(b, v), nil
		}
	case string:
		switch t {
		case Text, Day:
			return appendString(b, v)
		case JSON:
			return appendJSON(b, v)
		default: // refused below
		}
	}
	return b, fmt.Errorf("a value of type %T does not fit type %s", v, t)
}

func appendInt(b []byte, t Type, v int64) ([]byte, error) {
	switch {
	case t == Int:
		return strconv.AppendInt(b, v, 10), nil
	case t == Instant:
		return appendInstant(b, v)
	case t == Bool && (v == 0 || v == 1):
		return strconv.AppendBool(b, v == 1), nil
	}
	return b, fmt.Errorf("the integer %d does not fit type %s", v, t)
}

func appendInstant(b []byte, micros int64) ([]byte, error) {
	if micros < firstInstant || micros > lastInstant {
		return b, errRange
	}
	t := time.UnixMicro(micros).UTC()
	year, month, day := t.Date()
	hour, minute, sec := t.Clock()
	b = append(b, '"')
	b = digits(b, year, 1000)
	b = digits(append(b, '-'), int(month), 10)
	b = digits(append(b, '-'), day, 10)
	b = digits(append(b, 'T'), hour, 10)
	b = digits(append(b, ':'), minute, 10)
	b = digits(append(b, ':'), sec, 10)
	b = digits(append(b, '.'), t.Nanosecond()/1000, 100000)
	return append(b, 'Z', '"'), nil
}

// digits appends n with as many digits as unit has.
func digits(b []byte, n, unit int) []byte {
	for ; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	start, ascii := 0, true
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			if c >= utf8.RuneSelf {
				ascii = false
			}
			continue
		}
		if c == 0 {
			return b, errNUL
		}
		b = appendEscape(append(b, s[start:i]...), c)
		start = i + 1
	}
	if !ascii && !utf8.ValidString(s) {
		return b, errUTF8
	}
	b = append(b, s[start:]...)
	return append(b, '"'), nil
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\t':
		return append(b, '\\', 't')
	case '\n':
		return append(b, '\\', 'n')
	case '\f':
		return append(b, '\\', 'f')
	case '\r':
		return append(b, '\\', 'r')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
