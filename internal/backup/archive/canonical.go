package archive

import (
	"errors"
	"fmt"
	"math/bits"
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
		return appendText(b, t, v)
	case []byte:
		return appendText(b, t, v)
	}
	return b, fmt.Errorf("a value of type %T does not fit type %s", v, t)
}

func appendText[T chars](b []byte, t Type, v T) ([]byte, error) {
	switch t {
	case Text, Day:
		return appendString(b, v)
	case JSON:
		return appendJSON(b, string(v))
	case canonicalJSON:
		return append(b, v...), nil
	default:
		return b, fmt.Errorf("a text does not fit type %s", t)
	}
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

func appendString[T chars](b []byte, s T) ([]byte, error) {
	b = append(b, '"')
	for i := 0; ; i++ {
		end := special(s, i)
		b = append(b, s[i:end]...)
		if i = end; i == len(s) {
			break
		}
		if s[i] == 0 {
			return b, errNUL
		}
		b = appendEscape(b, s[i])
	}
	if !validUTF8(s) {
		return b, errUTF8
	}
	return append(b, '"'), nil
}

func validUTF8[T chars](s T) bool {
	switch s := any(s).(type) {
	case string:
		return utf8.ValidString(s)
	case []byte:
		return utf8.Valid(s)
	}
	return false
}

// special returns the place of the first character from i on that stands for itself
// nowhere in JSON: a quote, a backslash, a control character. It is the length of the
// text when there is none. Eight are looked at together.
func special[T chars](s T, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := x^ones*'"', x^ones*'\\'
		if found := ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
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
