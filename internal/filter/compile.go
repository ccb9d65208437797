package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// Kind is what a field holds; it decides which operators apply.
type Kind int

// Kinds of fields.
const (
	// Ref is a reference to a record: = ! &= * !*.
	Ref Kind = iota
	// Text is folded text: = ! ~ !~ ** * !*.
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

func (e Env) today() db.Day { return db.DayOf(e.Now.In(e.location())) }

func (e Env) location() *time.Location {
	if e.Location == nil {
		return time.UTC
	}
	return e.Location
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

// Condition is that of one filter on the field, for Special fields that know
// operators besides.
func (f Field) Condition(c Condition, e Env) (db.Frag, error) { return f.compile(c, e) }

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
	default:
		return f.date(c, e)
	}
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
	if c.Op != "=" && c.Op != "!" && c.Op != "&=" {
		return db.Frag{}, WrongOperator(c)
	}
	ids, err := c.IDs(e)
	switch {
	case err != nil:
		return db.Frag{}, err
	case c.Op == "!":
		return f.noneOf(db.In(f.Column, ids)), nil
	case c.Op == "&=" && len(slices.Compact(slices.Sorted(slices.Values(ids)))) > 1:
		return db.False, nil // one reference cannot be to several records
	}
	return db.In(f.Column, ids), nil
}

// noneOf is the negation of a condition on the field: what is not set is not
// equal to anything and contains nothing.
func (f Field) noneOf(cond db.Frag) db.Frag {
	return db.Or(db.SQL(f.Column+" IS NULL"), db.Not(cond))
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
			return f.noneOf(db.In(f.Column, folded)), nil
		}
		return db.In(f.Column, folded), nil
	case "~", "**":
		return db.Contains(f.Column, c.Values[0]), nil
	case "!~":
		return f.noneOf(db.Contains(f.Column, c.Values[0])), nil
	}
	return db.Frag{}, WrongOperator(c)
}

func (f Field) number(c Condition) (db.Frag, error) {
	if p, ok := f.presence(c); ok {
		return p, nil
	}
	nums, err := c.numbers()
	if err != nil {
		return db.Frag{}, err
	}
	equal := db.Frag{SQL: f.Column + " IN (" + strings.Repeat(numberMark+", ", len(nums)-1) + numberMark + ")", Args: nums}
	switch c.Op {
	case "=":
		return equal, nil
	case "!":
		return f.noneOf(equal), nil
	case ">=", "<=":
		if len(nums) != 1 {
			return db.Frag{}, WrongValue(c, "one number")
		}
		return db.SQL(f.Column+" "+c.Op+" "+numberMark, nums...), nil
	}
	return db.Frag{}, WrongOperator(c)
}

// numberMark is the placeholder of a number. PostgreSQL takes the type of a
// bare one from the column, and beside an integer column 7.5 would become 7.
const numberMark = "CAST(? AS DOUBLE PRECISION)"

func (c Condition) numbers() ([]any, error) {
	if len(c.Values) == 0 {
		return nil, WrongValue(c, "a number")
	}
	nums := make([]any, len(c.Values))
	for i, v := range c.Values {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, WrongValue(c, "numbers as values")
		}
		nums[i] = n
	}
	return nums, nil
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
