// Package filter is the filter language of API v3: what lists, saved views and
// exports select by, sort by and page by.
//
// A filter is a name, an operator and values; all filters of a list hold
// together. Names come in several spellings and mean the same. A slice declares
// its Fields, and Compile turns conditions into one SQL condition in which
// every value is a parameter.
package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/holdfast/holdfast/internal/fault"
)

// Limits on what a client may ask for at once.
const (
	maxConditions = 100
	maxValues     = 10_000 // of all conditions: far from what one statement takes
	maxSorts      = 20
	maxBytes      = 256 << 10
)

// CodeInvalidQuery is the fault code of everything this package refuses.
const CodeInvalidQuery = "invalid_query"

// Condition is one filter.
type Condition struct {
	Name   string // as normalised by Name
	Op     string
	Values []string
}

// Sort is one sort criterion.
type Sort struct {
	Name string // as normalised by Name
	Desc bool
}

// Page is a page of a list. Number counts from 1; Size 0 asks for the total only.
type Page struct{ Number, Size int }

// Start returns the index of the first row of the page.
func (p Page) Start() int { return (p.Number - 1) * p.Size }

func invalid(format string, args ...any) error {
	return &fault.Fault{Kind: fault.KindInvalid, Code: CodeInvalidQuery, Message: fmt.Sprintf(format, args...)}
}

// Name brings a name to one spelling: snake case without a trailing _id.
// Custom fields are custom_field_12 however they are written.
func Name(s string) string {
	n := strings.TrimSuffix(snake(s), "_id")
	switch n {
	case "assigned_to":
		return "assignee"
	case "start", "due":
		return n + "_date"
	}
	for _, prefix := range []string{"cf_", "cf", "custom_field"} {
		if number, ok := strings.CutPrefix(n, prefix); ok && isNumber(number) {
			return "custom_field_" + number
		}
	}
	return n
}

// snake writes camel case in snake case; capitals in a row are one word.
func snake(s string) string {
	var b strings.Builder
	last := '_'
	for _, r := range s {
		if unicode.IsUpper(r) {
			if last != '_' && !unicode.IsUpper(last) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return b.String()
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Parse reads the filters parameter: a JSON array of objects that each map one
// or more names to an operator and values.
func Parse(s string) ([]Condition, error) {
	if len(s) > maxBytes {
		return nil, invalid("the filters are too long: at most %d bytes", maxBytes)
	}
	var raw []map[string]struct {
		Operator string `json:"operator"`
		Values   any    `json:"values"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	if err := d.Decode(&raw); err != nil || d.More() {
		return nil, invalid("the filters are not a JSON array of objects such as [{\"status\": {\"operator\": \"o\", \"values\": []}}]")
	}
	var out []Condition
	total := 0
	for _, object := range raw {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			values, err := texts(object[name].Values)
			if err != nil {
				return nil, invalid("filter %s: %v", name, err)
			}
			total += len(values)
			out = append(out, Condition{Name: Name(name), Op: object[name].Operator, Values: values})
		}
	}
	if len(out) > maxConditions || total > maxValues {
		return nil, invalid("at most %d filters with %d values can be combined", maxConditions, maxValues)
	}
	return out, nil
}

// texts accepts an array of scalars, a lone scalar, or nothing.
func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, nil
		}
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, e := range list {
		switch e := e.(type) {
		case string:
			out[i] = e
		case json.Number:
			out[i] = e.String()
		case bool:
			out[i] = map[bool]string{true: "t", false: "f"}[e]
		case nil:
			out[i] = ""
		default:
			return nil, fmt.Errorf("values must be texts")
		}
	}
	return out, nil
}

// ParseSort reads the sortBy parameter: [["id","asc"],["createdAt","desc"]].
func ParseSort(s string) ([]Sort, error) {
	if s == "" {
		return nil, nil
	}
	var raw [][]string
	if len(s) > maxBytes || json.Unmarshal([]byte(s), &raw) != nil {
		return nil, invalid("sortBy is not a JSON array such as [[\"id\",\"asc\"]]")
	}
	if len(raw) > maxSorts {
		return nil, invalid("at most %d sort criteria can be combined", maxSorts)
	}
	var out []Sort
	for _, c := range raw {
		if len(c) < 1 || len(c) > 2 || len(c) == 2 && c[1] != "asc" && c[1] != "desc" {
			return nil, invalid("each sort criterion is a name and asc or desc")
		}
		out = append(out, Sort{Name: Name(c[0]), Desc: len(c) == 2 && c[1] == "desc"})
	}
	return out, nil
}

// ParsePage reads offset (a page number) and pageSize. A size above the
// maximum, or -1, means the maximum; 0 asks for the total only.
func ParsePage(q url.Values, standard, most int) (Page, error) {
	p := Page{Number: 1, Size: standard}
	if s := q.Get("offset"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 1<<30 {
			return p, invalid("offset is the number of a page, counted from 1")
		}
		p.Number = max(n, 1)
	}
	if s := q.Get("pageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < -1 {
			return p, invalid("pageSize is a number of elements, or -1 for as many as possible")
		}
		p.Size = n
	}
	if p.Size < 0 || p.Size > most {
		p.Size = most
	}
	return p, nil
}
