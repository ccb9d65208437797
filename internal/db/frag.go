package db

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Frag is a piece of SQL text with the values of its placeholders. Fragments
// compose; values are always parameters and never text.
type Frag struct {
	SQL  string
	Args []any
}

// SQL makes a fragment. The text uses ? for values on both engines.
func SQL(text string, args ...any) Frag { return Frag{SQL: text, Args: args} }

// True and False are conditions that hold always and never.
var (
	True  = Frag{SQL: "1=1"}
	False = Frag{SQL: "1=0"}
)

// Empty says whether the fragment has no text.
func (f Frag) Empty() bool { return f.SQL == "" }

// Append returns f followed by a space and g.
func (f Frag) Append(g Frag) Frag {
	switch {
	case f.Empty():
		return g
	case g.Empty():
		return f
	}
	args := make([]any, 0, len(f.Args)+len(g.Args))
	return Frag{SQL: f.SQL + " " + g.SQL, Args: append(append(args, f.Args...), g.Args...)}
}

// Add returns f followed by a space and the text with its values.
func (f Frag) Add(text string, args ...any) Frag { return f.Append(SQL(text, args...)) }

// Paren returns f in parentheses.
func (f Frag) Paren() Frag { return Frag{SQL: "(" + f.SQL + ")", Args: f.Args} }

// Not returns the negation of a condition.
func Not(f Frag) Frag { return Frag{SQL: "NOT (" + f.SQL + ")", Args: f.Args} }

// And joins conditions; empty ones are left out, none at all is True.
func And(fs ...Frag) Frag { return join(" AND ", True, fs) }

// Or joins conditions; empty ones are left out, none at all is False.
func Or(fs ...Frag) Frag { return join(" OR ", False, fs) }

// List joins fragments with commas, for column and ORDER BY lists.
func List(fs ...Frag) Frag {
	var b strings.Builder
	var args []any
	for _, f := range fs {
		if f.Empty() {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.SQL)
		args = append(args, f.Args...)
	}
	return Frag{SQL: b.String(), Args: args}
}

func join(op string, none Frag, fs []Frag) Frag {
	var parts []string
	var args []any
	for _, f := range fs {
		if f.Empty() {
			continue
		}
		parts = append(parts, "("+f.SQL+")")
		args = append(args, f.Args...)
	}
	if len(parts) == 0 {
		return none
	}
	return Frag{SQL: strings.Join(parts, op), Args: args}
}

// In is the condition that expr equals one of vals. No values: False. The
// engines take at most some 30,000 values in one statement; callers page.
func In[T any](expr string, vals []T) Frag {
	if len(vals) == 0 {
		return False
	}
	args := make([]any, marks(len(vals)))
	for i := range args {
		args[i] = vals[min(i, len(vals)-1)]
	}
	return Frag{SQL: expr + " IN (" + Marks(len(args)) + ")", Args: args}
}

// marks is the number of placeholders for n values. The last value stands in
// the spare ones: with few different lengths, statements are found prepared.
func marks(n int) int {
	if n > 1024 {
		return n
	}
	return 1 << bits.Len(uint(n-1))
}

// Marks returns n placeholders separated by commas.
func Marks(n int) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat("?,", n-1) + "?"
}

// Exists is the condition that the query returns a row.
func Exists(query Frag) Frag { return Frag{SQL: "EXISTS (" + query.SQL + ")", Args: query.Args} }

// Contains is the condition that the folded text column contains the needle,
// compared without regard to case. The column must hold folded text (see Fold).
func Contains(foldedColumn, needle string) Frag {
	return Frag{SQL: foldedColumn + ` LIKE ? ESCAPE '\'`, Args: []any{"%" + escapeLike(Fold(needle)) + "%"}}
}

// HasPrefix is like Contains for the beginning of the text.
func HasPrefix(foldedColumn, prefix string) Frag {
	return Frag{SQL: foldedColumn + ` LIKE ? ESCAPE '\'`, Args: []any{escapeLike(Fold(prefix)) + "%"}}
}

// Scattered is the condition that the folded text column has the characters of the
// needle in their order, whatever stands between them.
func Scattered(foldedColumn, needle string) Frag {
	var b strings.Builder
	for _, r := range Fold(needle) {
		b.WriteString("%" + escapeLike(string(r)))
	}
	return Frag{SQL: foldedColumn + ` LIKE ? ESCAPE '\'`, Args: []any{b.String() + "%"}}
}

// Fold returns text as it is kept in folded columns. Two texts that differ only
// in case, by Unicode's simple case folding, have the same folded text, which
// is the lower-case one. It is made here and never by an engine: SQLite's
// LOWER knows ASCII alone, and PostgreSQL's what the locale of the server says.
//
// The dotted and the dotless i of Turkish are letters of their own, as simple
// folding has it, and ß is not ss.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToLower(s)
}

// foldRune maps all letters that differ only in case to one: by way of the
// upper case, so that the two small sigmas and the long s join the others.
func foldRune(r rune) rune {
	if unicode.SimpleFold(r) == r {
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// numbered rewrites ? placeholders as $1, $2, ... and leaves quoted text alone.
func numbered(q string) string {
	if !strings.Contains(q, "?") {
		return q
	}
	b := make([]byte, 0, len(q)+16)
	n := 0
	var quote byte
	for i := 0; i < len(q); i++ {
		c := q[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b = append(b, '$')
			b = strconv.AppendInt(b, int64(n), 10)
			continue
		}
		b = append(b, c)
	}
	return string(b)
}
