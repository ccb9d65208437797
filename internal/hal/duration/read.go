package duration

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Read reads work as people write it: hours (8, 1.5, 1,5), hours and minutes (1h30, 1h 30m, 1:30),
// minutes (90m, 90 min), days of so many hours of work (2d, 1.5d, 2d 4h), or the ISO 8601 duration
// (PT1H30M), whose days have 24 hours. A minus before a single number is kept, so
// that rules about negative work can say so.
func Read(s string, perDay int) (secs int64, err error) {
	if len(s) > 100 {
		return 0, ErrFormat
	}
	t := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	if strings.HasPrefix(t, "p") {
		return Parse(strings.ToUpper(t))
	}
	if secs, err = spoken(t, int64(perDay)*hour); err != nil {
		return 0, fmt.Errorf("%.40q: %w", s, err)
	}
	return secs, nil
}

func spoken(t string, day int64) (int64, error) {
	t = strings.NewReplacer("std.", "h", "std", "h", "min", "m", "tage", "d", "tag", "d", "days", "d", "day", "d", "t", "d").Replace(t)
	d, rest, ok := strings.Cut(t, "d")
	if !ok {
		return clock(t)
	}
	secs, err := scaled(d, day)
	if err != nil || rest == "" {
		return secs, err
	}
	more, err := clock(rest)
	if err != nil || secs < 0 || more < 0 {
		return 0, ErrFormat
	}
	if secs+more > Most {
		return 0, ErrTooLong
	}
	return secs + more, nil
}

// clock reads hours, minutes, or both.
func clock(t string) (int64, error) {
	if h, m, ok := strings.Cut(t, ":"); ok {
		if len(m) != 2 || m > "59" {
			return 0, ErrFormat
		}
		return add(h, m)
	}
	h, m, ok := strings.Cut(t, "h")
	if ok && m != "" {
		return add(h, strings.TrimSuffix(m, "m"))
	}
	unit := hour
	if n, isMinutes := strings.CutSuffix(h, "m"); isMinutes && !ok {
		h, unit = n, minute
	}
	return scaled(h, unit)
}

// add is whole hours and whole minutes.
func add(h, m string) (int64, error) {
	if h == "" || m == "" || strings.Trim(h+m, "0123456789") != "" {
		return 0, ErrFormat
	}
	hours, err := scaled(h, hour)
	if err != nil {
		return 0, err
	}
	minutes, err := scaled(m, minute)
	if err != nil || hours+minutes > Most {
		return 0, ErrTooLong
	}
	return hours + minutes, nil
}

// scaled is a number of units with a decimal point or comma, to the nearest second.
func scaled(number string, unit int64) (int64, error) {
	number = strings.Replace(number, ",", ".", 1)
	if strings.Trim(number, "-0123456789.") != "" {
		return 0, ErrFormat // strconv knows more ways to write a number than people do
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, ErrFormat
	}
	if n *= float64(unit); math.Abs(n) > float64(Most) {
		return 0, ErrTooLong
	}
	return int64(math.Round(n)), nil
}
