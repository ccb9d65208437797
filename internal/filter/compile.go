package filter

import (
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// Kind is what a field holds; it decides which operators apply.
type Kind int

// Kinds of fields.
const (
	// Ref is a reference to a record: = ! * !*.
	Ref Kind = iota
	// Text is folded text: = ! ~ !~ **.
	Text
	// Number is a number: = ! >= <= * !*.
	Number
	// Date is a day: =d <>d t w t- t+ ... * !*.
	Date
	// Instant is a point in time, with the operators of Date.
	Instant
	// Bool is a truth value: = ! with t and f.
	Bool
	// Special fields compile by their own function.
	Special
)

// Field declares what can be filtered and sorted by.
type Field struct {
	Kind Kind
	// Column is the SQL expression of the value; folded text for Text.
	Column string
	// SortBy is the expression to sort by, Column when empty; "-" forbids sorting.
	SortBy string
	// NoFilter forbids filtering.
	NoFilter bool
	// Compile makes the condition of a Special field.
	Compile func(c Condition, e Env) (db.Frag, error)
}

// Fields are a slice's fields by normalised name.
type Fields map[string]Field

// Env is what conditions depend on besides the data.
type Env struct {
	// Now is the current instant; days are taken in Location.
	Now      time.Time
	Location *time.Location
	// Me is the id that the value "me" stands for.
	Me int64
}

func (e Env) today() db.Day {
	if e.Location == nil {
		return db.DayOf(e.Now.UTC())
	}
	return db.DayOf(e.Now.In(e.Location))
}

// Compile joins the conditions into one. Unknown names and operators and
// unfitting values are refused.
func (fs Fields) Compile(conds []Condition, e Env) (db.Frag, error) {
	var parts []db.Frag
	for _, c := range conds {
		f, ok := fs[c.Name]
		if !ok || f.NoFilter {
			return db.Frag{}, invalid("there is no filter named %q", c.Name)
		}
		part, err := f.compile(c, e)
		if err != nil {
			return db.Frag{}, err
		}
		parts = append(parts, part)
	}
	return db.And(parts...), nil
}

// Order returns the ORDER BY list of the criteria, empty for none.
func (fs Fields) Order(sorts []Sort) (db.Frag, error) {
	var parts []db.Frag
	for _, s := range sorts {
		f, ok := fs[s.Name]
		expr := f.SortBy
		if expr == "" {
			expr = f.Column
		}
		if !ok || expr == "-" || expr == "" {
			return db.Frag{}, invalid("lists cannot be sorted by %q", s.Name)
		}
		if s.Desc {
			parts = append(parts, db.SQL(expr+" DESC NULLS LAST"))
		} else {
			parts = append(parts, db.SQL(expr+" ASC NULLS LAST"))
		}
	}
	return db.List(parts...), nil
}

// WrongOperator refuses an operator that the field does not know.
func WrongOperator(c Condition) error {
	return invalid("the filter %s does not know the operator %q", c.Name, c.Op)
}

// WrongValue refuses a value that the field cannot have.
func WrongValue(c Condition, want string) error {
	return invalid("the filter %s with operator %q needs %s", c.Name, c.Op, want)
}

func (f Field) compile(c Condition, e Env) (db.Frag, error) {
	switch f.Kind {
	case Special:
		return f.Compile(c, e)
	case Ref:
		return f.ref(c, e)
	case Text:
		return f.text(c)
	case Number:
		return f.number(c)
	case Bool:
		return f.boolean(c)
	}
	return f.date(c, e)
}

func (f Field) presence(c Condition) (db.Frag, bool) {
	switch c.Op {
	case "*":
		return db.SQL(f.Column + " IS NOT NULL"), true
	case "!*":
		return db.SQL(f.Column + " IS NULL"), true
	}
	return db.Frag{}, false
}

// IDs reads the values as ids; "me" stands for the reader.
func (c Condition) IDs(e Env) ([]int64, error) {
	if len(c.Values) == 0 {
		return nil, WrongValue(c, "at least one value")
	}
	out := make([]int64, len(c.Values))
	for i, v := range c.Values {
		if v == "me" {
			out[i] = e.Me
			continue
		}
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, WrongValue(c, "ids as values")
		}
		out[i] = n
	}
	return out, nil
}

func (f Field) ref(c Condition, e Env) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	if c.Op != "=" && c.Op != "!" {
		return db.Frag{}, WrongOperator(c)
	}
	ids, err := c.IDs(e)
	if err != nil {
		return db.Frag{}, err
	}
	if c.Op == "!" {
		return db.Or(db.SQL(f.Column+" IS NULL"), db.Not(db.In(f.Column, ids))), nil
	}
	return db.In(f.Column, ids), nil
}

func (f Field) text(c Condition) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	if len(c.Values) == 0 {
		return db.Frag{}, WrongValue(c, "a text")
	}
	switch c.Op {
	case "=", "!":
		folded := make([]string, len(c.Values))
		for i, v := range c.Values {
			folded[i] = db.Fold(v)
		}
		if c.Op == "!" {
			return db.Not(db.In(f.Column, folded)), nil
		}
		return db.In(f.Column, folded), nil
	case "~", "**":
		return db.Contains(f.Column, c.Values[0]), nil
	case "!~":
		return db.Not(db.Contains(f.Column, c.Values[0])), nil
	}
	return db.Frag{}, WrongOperator(c)
}

func (f Field) number(c Condition) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	var nums []float64
	for _, v := range c.Values {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return db.Frag{}, WrongValue(c, "numbers as values")
		}
		nums = append(nums, n)
	}
	if len(nums) == 0 {
		return db.Frag{}, WrongValue(c, "a number")
	}
	switch c.Op {
	case "=":
		return db.In(f.Column, nums), nil
	case "!":
		return db.Or(db.SQL(f.Column+" IS NULL"), db.Not(db.In(f.Column, nums))), nil
	case ">=", "<=":
		return db.SQL(f.Column+" "+c.Op+" ?", nums[0]), nil
	}
	return db.Frag{}, WrongOperator(c)
}

// IsTrue reads the single truth value of = and !.
func (c Condition) IsTrue() (bool, error) {
	if c.Op != "=" && c.Op != "!" {
		return false, WrongOperator(c)
	}
	if len(c.Values) != 1 || c.Values[0] != "t" && c.Values[0] != "f" {
		return false, WrongValue(c, "one value, \"t\" or \"f\"")
	}
	return (c.Values[0] == "t") == (c.Op == "="), nil
}

func (f Field) boolean(c Condition) (db.Frag, error) {
	v, err := c.IsTrue()
	if err != nil {
		return db.Frag{}, err
	}
	if v {
		return db.SQL(f.Column), nil
	}
	return db.SQL("NOT " + f.Column), nil
}

// date handles Date and Instant fields through a range of days.
func (f Field) date(c Condition, e Env) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	from, to, err := days(c, e)
	if err != nil {
		return db.Frag{}, err
	}
	var parts []db.Frag
	if from != "" {
		parts = append(parts, db.SQL(f.Column+" >= ?", f.bound(from, e)))
	}
	if to != "" {
		if f.Kind == Instant {
			parts = append(parts, db.SQL(f.Column+" < ?", f.bound(to.AddDays(1), e)))
		} else {
			parts = append(parts, db.SQL(f.Column+" <= ?", to))
		}
	}
	if len(parts) == 0 {
		return db.SQL(f.Column + " IS NOT NULL"), nil
	}
	return db.And(parts...), nil
}

func (f Field) bound(d db.Day, e Env) any {
	if f.Kind == Date {
		return d
	}
	loc := e.Location
	if loc == nil {
		loc = time.UTC
	}
	t, _ := time.ParseInLocation("2006-01-02", string(d), loc)
	return db.At(t)
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
		d, err := day(c, c.Values[0])
		return d, d, err
	case "<>d":
		if len(c.Values) != 2 {
			return "", "", WrongValue(c, "two dates, either of which may be empty")
		}
		if from, err = day(c, c.Values[0]); err != nil {
			return "", "", err
		}
		to, err = day(c, c.Values[1])
		return from, to, err
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

// day reads a date, or the date of an instant; empty stays empty.
func day(c Condition, s string) (db.Day, error) {
	if s == "" {
		return "", nil
	}
	if len(s) > 10 {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return "", WrongValue(c, "dates as YYYY-MM-DD")
		}
		return db.DayOf(t.UTC()), nil
	}
	d, err := db.ParseDay(s)
	if err != nil {
		return "", WrongValue(c, "dates as YYYY-MM-DD")
	}
	return d, nil
}
