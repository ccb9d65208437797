package filter

import (
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// date handles Date and Instant fields through a range of days.
func (f Field) date(c Condition, e Env) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	if c.Op == "<>d" {
		return f.between(c, e)
	}
	from, to, err := days(c, e)
	if err != nil {
		return db.Frag{}, err
	}
	return f.within(f.since(from, e), f.until(to, e)), nil
}

// between handles <>d. An instant is compared to the very moment where one is
// given, because clients ask for everything that changed since their last look.
func (f Field) between(c Condition, e Env) (db.Frag, error) {
	if len(c.Values) != 2 {
		return db.Frag{}, WrongValue(c, "two dates, either of which may be empty")
	}
	var bounds [2]db.Frag
	for i, v := range c.Values {
		if t, err := time.Parse(time.RFC3339, v); err == nil && f.Kind == Instant {
			bounds[i] = db.SQL(f.Column+[2]string{" >= ?", " <= ?"}[i], db.At(t))
			continue
		}
		d, err := day(c, v, e)
		if err != nil {
			return db.Frag{}, err
		}
		if i == 0 {
			bounds[i] = f.since(d, e)
		} else {
			bounds[i] = f.until(d, e)
		}
	}
	return f.within(bounds[0], bounds[1]), nil
}

func (f Field) within(since, until db.Frag) db.Frag {
	if since.Empty() && until.Empty() {
		return db.SQL(f.Column + " IS NOT NULL")
	}
	return db.And(since, until)
}

// since is the condition of the first day; an empty day gives an empty condition.
func (f Field) since(d db.Day, e Env) db.Frag {
	switch {
	case d == "":
		return db.Frag{}
	case f.Kind == Date:
		return db.SQL(f.Column+" >= ?", d)
	}
	return db.SQL(f.Column+" >= ?", e.midnight(d))
}

// until is the condition of the last day, which is included.
func (f Field) until(d db.Day, e Env) db.Frag {
	switch {
	case d == "":
		return db.Frag{}
	case f.Kind == Date:
		return db.SQL(f.Column+" <= ?", d)
	}
	return db.SQL(f.Column+" < ?", e.midnight(d.AddDays(1)))
}

// midnight is the instant at which a day begins for the reader.
func (e Env) midnight(d db.Day) db.Time {
	t := d.Time()
	return db.At(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, e.location()))
}

// days returns the first and last day that a date operator selects; an empty
// day leaves that side open.
func days(c Condition, e Env) (from, to db.Day, err error) {
	today := e.today()
	switch c.Op {
	case "t":
		return today, today, nil
	case "w":
		monday := today.AddDays(-((int(today.Time().Weekday()) + 6) % 7))
		return monday, monday.AddDays(6), nil
	case "=d":
		if len(c.Values) != 1 {
			return "", "", WrongValue(c, "one date")
		}
		d, err := day(c, c.Values[0], e)
		if d == "" && err == nil {
			err = WrongValue(c, "one date")
		}
		return d, d, err
	}
	return relative(c, today)
}

func relative(c Condition, today db.Day) (from, to db.Day, err error) {
	known := map[string]bool{"t-": true, "t+": true, "<t-": true, ">t-": true, "<t+": true, ">t+": true}
	if !known[c.Op] {
		return "", "", WrongOperator(c)
	}
	n := 0
	if len(c.Values) == 1 {
		n, err = strconv.Atoi(c.Values[0])
	}
	if len(c.Values) != 1 || err != nil || n < 0 || n > 100_000 {
		return "", "", WrongValue(c, "one number of days")
	}
	switch c.Op {
	case "t-":
		return today.AddDays(-n), today.AddDays(-n), nil
	case "t+":
		return today.AddDays(n), today.AddDays(n), nil
	case "<t-": // longer ago than n days
		return "", today.AddDays(-n - 1), nil
	case ">t-": // less than n days ago
		return today.AddDays(-n), today, nil
	case "<t+": // in less than n days
		return today, today.AddDays(n), nil
	}
	return today.AddDays(n + 1), "", nil
}

// day reads a date, or an instant as the reader's date; empty stays empty.
func day(c Condition, s string, e Env) (db.Day, error) {
	if s == "" {
		return "", nil
	}
	if len(s) > 10 {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return "", WrongValue(c, "dates as YYYY-MM-DD")
		}
		return db.DayOf(t.In(e.location())), nil
	}
	d, err := db.ParseDay(s)
	if err != nil {
		return "", WrongValue(c, "dates as YYYY-MM-DD")
	}
	return d, nil
}
