// Package duration reads and writes the ISO 8601 durations of API v3.
//
// Work is a length of time in hours, minutes and seconds (PT25H30M): hours are
// never rolled over into days, because a working day is not 24 hours long. The
// length of a work package is a whole number of days (P3D). Years and months
// have no fixed length and are refused.
package duration

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Most is the longest duration that is read, in seconds: some 114 years, far from overflow.
const Most = 1_000_000 * hour

// Errors of Parse and ParseDays, to be told apart with errors.Is.
var (
	// ErrFormat: the text is not an ISO 8601 duration.
	ErrFormat = errors.New("not an ISO 8601 duration such as PT1H30M")
	// ErrTooLong: the duration exceeds Most.
	ErrTooLong = errors.New("too long a duration")
	// ErrFraction: the duration is not a whole number of seconds, or of days.
	ErrFraction = errors.New("a fraction of the smallest unit")
)

// Append appends a number of seconds, such as PT1H30M or PT0S.
func Append(dst []byte, secs int64) []byte {
	if secs < 0 {
		dst, secs = append(dst, '-'), -secs
	}
	dst = append(dst, 'P', 'T')
	if secs == 0 {
		return append(dst, '0', 'S')
	}
	for _, u := range [...]struct {
		secs int64
		name byte
	}{{hour, 'H'}, {minute, 'M'}, {1, 'S'}} {
		if n := secs / u.secs; n > 0 {
			dst = append(strconv.AppendInt(dst, n, 10), u.name)
			secs -= n * u.secs
		}
	}
	return dst
}

// Format returns a number of seconds as Append writes it.
func Format(secs int64) string { return string(Append(nil, secs)) }

// Days returns n days, such as P3D.
func Days(n int64) string { return "P" + strconv.FormatInt(n, 10) + "D" }

// Parse reads a duration of whole seconds, zero or longer. A week is 7 days, a
// day 24 hours. Only the last number may have a fraction (PT1.5H).
func Parse(s string) (secs int64, err error) {
	days, clock, err := parts(s)
	if err != nil {
		return 0, fmt.Errorf("%.40q: %w", s, err)
	}
	if secs, err = sum(append(days, clock...), 1); err != nil {
		return 0, fmt.Errorf("%.40q: %w", s, err)
	}
	return secs, nil
}

// ParseDays reads a whole number of days, such as P3D or P2W.
func ParseDays(s string) (int64, error) {
	days, clock, err := parts(s)
	if err == nil && len(clock) > 0 {
		err = ErrFraction
	}
	if err != nil {
		return 0, fmt.Errorf("%.40q: %w", s, err)
	}
	d, err := sum(days, day)
	if err != nil {
		return 0, fmt.Errorf("%.40q: %w", s, err)
	}
	return d / day, nil
}

// Lengths in seconds.
const (
	minute int64 = 60
	hour         = 60 * minute
	day          = 24 * hour
)

// part is a number of units; frac holds the digits after the decimal sign.
type part struct {
	whole, frac string
	unit        int64
}

// unit is a designator with its length.
type unit struct {
	name byte
	is   int64
}

var (
	dayUnits   = []unit{{'W', 7 * day}, {'D', day}}
	clockUnits = []unit{{'H', hour}, {'M', minute}, {'S', 1}}
)

func parts(s string) (days, clock []part, err error) {
	body, ok := strings.CutPrefix(s, "P")
	if !ok || len(s) > 100 {
		return nil, nil, ErrFormat
	}
	dateText, clockText, hasClock := strings.Cut(body, "T")
	if body == "" || hasClock && clockText == "" {
		return nil, nil, ErrFormat
	}
	if days, err = read(dateText, dayUnits); err != nil {
		return nil, nil, err
	}
	if clock, err = read(clockText, clockUnits); err != nil {
		return nil, nil, err
	}
	if len(clock) > 0 && len(days) > 0 && days[len(days)-1].frac != "" {
		return nil, nil, ErrFormat
	}
	return days, clock, nil
}

// read splits numbers with designators, which must come in order, each once.
func read(s string, units []unit) ([]part, error) {
	var out []part
	for s != "" {
		if len(out) > 0 && out[len(out)-1].frac != "" {
			return nil, ErrFormat // something follows a fraction
		}
		whole, rest := digits(s)
		frac := ""
		if rest != "" && (rest[0] == '.' || rest[0] == ',') {
			if frac, rest = digits(rest[1:]); frac == "" {
				return nil, ErrFormat
			}
		}
		if whole == "" || rest == "" {
			return nil, ErrFormat
		}
		at := indexUnit(units, rest[0])
		if at < 0 {
			return nil, ErrFormat
		}
		out = append(out, part{whole, frac, units[at].is})
		units, s = units[at+1:], rest[1:]
	}
	return out, nil
}

func indexUnit(units []unit, name byte) int {
	for i, u := range units {
		if u.name == name {
			return i
		}
	}
	return -1
}

func digits(s string) (d, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// sum adds the parts, which must be a whole number of the smallest unit.
func sum(ps []part, smallest int64) (int64, error) {
	var total int64
	for _, p := range ps {
		n, err := strconv.ParseInt(p.whole, 10, 64)
		if err != nil || n > Most/p.unit {
			return 0, ErrTooLong
		}
		f, err := fraction(strings.TrimRight(p.frac, "0"), p.unit/smallest)
		if err != nil {
			return 0, err
		}
		if total += n*p.unit + f*smallest; total > Most {
			return 0, ErrTooLong
		}
	}
	return total, nil
}

// fraction returns how many of a unit's pieces the digits after the decimal sign
// are. People write a third of an hour as 0.33333, so a piece may be off by 2 %.
func fraction(frac string, pieces int64) (int64, error) {
	if frac == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat("0."+frac, 64)
	if err != nil {
		return 0, ErrFormat
	}
	n := f * float64(pieces)
	whole := int64(n + 0.5)
	if math.Abs(n-float64(whole)) > 0.02 {
		return 0, ErrFraction
	}
	return whole, nil
}
