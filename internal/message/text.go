package message

import (
	"fmt"
	"html/template"
	"strings"

	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// braces reads texts with {name} for parameters.
type braces struct{}

// Cacheable says that a text is parsed once.
func (braces) Cacheable() bool { return true }

// Parse splits a text at its parameters.
func (braces) Parse(src, _, _ string) (i18ntemplate.ParsedTemplate, error) { return split(src), nil }

// pieces are a text's parts: literal ones at even places, names at odd ones.
type pieces []string

func split(src string) pieces {
	var out pieces
	for {
		before, rest, found := strings.Cut(src, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return append(out, src)
		}
		out, src = append(out, before, name), after
	}
}

// Execute puts the values in.
func (t pieces) Execute(data any) (string, error) {
	v, ok := data.(values)
	if !ok {
		return "", fmt.Errorf("values of type %T", data)
	}
	var b strings.Builder
	for i, piece := range t {
		if i%2 == 0 {
			b.WriteString(v.escaped(piece))
			continue
		}
		value, ok := v.find(piece)
		if !ok {
			value = "{" + piece + "}"
		}
		b.WriteString(v.text(value))
	}
	return b.String(), nil
}

// values are the parameters of one use of a text.
type values struct {
	p     *Printer
	pairs []any // name, value, name, value
	html  bool
}

func (v values) find(name string) (any, bool) {
	for i := 0; i+1 < len(v.pairs); i += 2 {
		if v.pairs[i] == name {
			return v.pairs[i+1], true
		}
	}
	return nil, false
}

func (v values) escaped(s string) string {
	if v.html {
		return template.HTMLEscapeString(s)
	}
	return s
}

func (v values) text(value any) string {
	switch x := value.(type) {
	case template.HTML:
		return string(x)
	case string:
		return v.escaped(x)
	case int, int64:
		return v.p.Count(x)
	case float64:
		return v.p.Number(x, -1)
	}
	return v.escaped(fmt.Sprint(value))
}
