package db

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"time"
)

// Time is an instant as the database keeps it: integer microseconds, UTC.
type Time struct{ time.Time }

// At returns t as an instant of the database's precision.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) { return t.UnixMicro(), nil }

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("an instant is kept as integer microseconds, found %T", v)
	}
	t.Time = time.UnixMicro(n).UTC()
	return nil
}

// Day is a calendar day without a time, as YYYY-MM-DD.
type Day string

const dayLayout = "2006-01-02"

// DayOf returns the day of t in t's own location.
func DayOf(t time.Time) Day { return Day(t.Format(dayLayout)) }

// ParseDay reads YYYY-MM-DD and refuses days that do not exist and years outside 1 to 9999.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dayLayout, s)
	if err != nil || t.Year() < 1 {
		return "", fmt.Errorf("%q is not a day; write it as YYYY-MM-DD", s)
	}
	return Day(s), nil
}

// Time returns midnight UTC of the day.
func (d Day) Time() time.Time {
	t, _ := time.Parse(dayLayout, string(d))
	return t
}

// AddDays returns the day n days later.
func (d Day) AddDays(n int) Day { return DayOf(d.Time().AddDate(0, 0, n)) }

// Sub returns the number of days from e to d.
func (d Day) Sub(e Day) int { return int(d.Time().Sub(e.Time()).Hours() / 24) }

// Another returns name, or name with the first number that makes it none of used,
// which are folded. It is no longer than limit characters.
func Another(name string, limit int, used []string) string {
	try := name
	for n := 2; slices.Contains(used, Fold(try)); n++ {
		end := fmt.Sprintf(" (%d)", n)
		r := []rune(name)
		try = string(r[:min(len(r), limit-len(end))]) + end
	}
	return try
}
