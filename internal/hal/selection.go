package hal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits on what a client may select.
const (
	maxSelectionBytes = 16 << 10
	maxSelectionDepth = 10
)

// SignalError says that a client selected something there is none of.
type SignalError struct{ Name string }

func (e *SignalError) Error() string {
	return fmt.Sprintf("there is nothing named %q to select", e.Name)
}

// Selection is what a client wants of a document: names of properties, links
// and embedded documents, and what it wants of the latter.
type Selection struct {
	all   bool // *: every property and link, but nothing embedded
	names []*selected
}

type selected struct {
	name string
	// below is nil when the whole is wanted.
	below *Selection
}

// ParseSelection reads the select parameter: a list such as
// total,elements/id,elements/self or the same names as a JSON array.
func ParseSelection(s string) (*Selection, error) {
	if len(s) > maxSelectionBytes {
		return nil, &SignalError{Name: s[:40] + "..."}
	}
	var paths []string
	if json.Unmarshal([]byte(s), &paths) != nil {
		paths = strings.Split(s, ",")
	}
	root := &Selection{}
	for _, path := range paths {
		path = strings.TrimSpace(path)
		steps := strings.Split(path, "/")
		if len(steps) > maxSelectionDepth || slices.Contains(steps, "") {
			return nil, &SignalError{Name: path}
		}
		if at := slices.Index(steps, "*"); at >= 0 && at < len(steps)-1 {
			return nil, &SignalError{Name: path}
		}
		root.add(steps)
	}
	return root, nil
}

func (s *Selection) add(steps []string) {
	if steps[0] == "*" {
		s.all = true
		return
	}
	n := s.find(steps[0])
	if n == nil {
		n = &selected{name: steps[0]}
		if len(steps) > 1 {
			n.below = &Selection{}
		}
		s.names = append(s.names, n)
	}
	switch {
	case len(steps) == 1:
		n.below = nil // the whole contains every part
	case n.below != nil:
		n.below.add(steps[1:])
	}
}

func (s *Selection) find(name string) *selected {
	for _, n := range s.names {
		if n.name == name {
			return n
		}
	}
	return nil
}

// Select returns the selected parts of a document, in the document's order. A
// name that no document at its place has is a *SignalError, unless it is among
// the optional ones: links to actions are there only for those who may act.
func (s *Selection) Select(d Doc, optional ...string) (Doc, error) {
	p := &picker{doc: d, found: map[*selected]bool{}, visited: map[*Selection]bool{}}
	p.object(s, p.pick)
	p.space()
	if p.broken || p.at != len(d) {
		return nil, errors.New("hal: select from a text that is not one JSON object")
	}
	if name := p.missing(s, "", optional); name != "" {
		return nil, &SignalError{Name: name}
	}
	return p.out, nil
}

// picker walks a document once and copies what is selected.
type picker struct {
	doc     Doc
	at      int
	out     Doc
	broken  bool
	found   map[*selected]bool
	visited map[*Selection]bool
}

// object copies those members of the object at hand for which pick writes something.
func (p *picker) object(s *Selection, pick func(s *Selection, name string)) {
	if !p.take('{') {
		p.broken = true
		return
	}
	p.out = append(p.out, '{')
	for first := true; !p.broken && !p.take('}'); first = false {
		if !first && !p.take(',') {
			p.broken = true
			return
		}
		start := len(p.out)
		if p.out[start-1] != '{' {
			p.out = append(p.out, ',')
		}
		key := p.value()
		p.broken = p.broken || len(key) < 2 || key[0] != '"' || !p.take(':')
		if p.broken {
			return
		}
		p.out = append(append(p.out, key...), ':')
		before := len(p.out)
		if pick(s, string(key[1:len(key)-1])); len(p.out) == before {
			p.out = p.out[:start]
		}
	}
	p.out = append(p.out, '}')
}

// pick handles a member of a document.
func (p *picker) pick(s *Selection, name string) {
	p.visited[s] = true
	switch name {
	case "_links":
		p.section(s, p.atom)
	case "_embedded":
		p.section(s, p.embedded)
	default:
		p.atom(s, name)
	}
}

// section copies the selected members of _links or _embedded, nothing when there are none.
func (p *picker) section(s *Selection, pick func(*Selection, string)) {
	before := len(p.out)
	p.object(s, pick)
	if string(p.out[before:]) == "{}" {
		p.out = p.out[:before]
	}
}

// atom copies a property or a link, of which no parts can be selected.
func (p *picker) atom(s *Selection, name string) {
	v := p.value()
	n := s.find(name)
	if n != nil && n.below == nil {
		p.found[n] = true
	}
	if s.all || n != nil && n.below == nil {
		p.out = append(p.out, v...)
	}
}

func (p *picker) embedded(s *Selection, name string) {
	n := s.find(name)
	if n == nil {
		p.value()
		return
	}
	p.found[n] = true
	p.part(n.below)
}

// part copies an embedded value: a document, a list of documents, or anything
// else as it is.
func (p *picker) part(s *Selection) {
	p.space()
	switch {
	case s == nil || p.at == len(p.doc) || p.doc[p.at] != '{' && p.doc[p.at] != '[':
		p.out = append(p.out, p.value()...)
	case p.doc[p.at] == '{':
		p.object(s, p.pick)
	default:
		p.at++
		p.out = append(p.out, '[')
		for first := true; !p.broken && !p.take(']'); first = false {
			if !first {
				p.broken = p.broken || !p.take(',')
				p.out = append(p.out, ',')
			}
			p.part(s)
		}
		p.out = append(p.out, ']')
	}
}

// missing returns the first name that was looked for in vain.
func (p *picker) missing(s *Selection, path string, optional []string) string {
	for _, n := range s.names {
		if p.visited[s] && !p.found[n] && !slices.Contains(optional, n.name) {
			return path + n.name
		}
		if n.below != nil {
			if name := p.missing(n.below, path+n.name+"/", optional); name != "" {
				return name
			}
		}
	}
	return ""
}

func (p *picker) space() {
	for p.at < len(p.doc) && strings.IndexByte(" \t\r\n", p.doc[p.at]) >= 0 {
		p.at++
	}
}

func (p *picker) take(c byte) bool {
	p.space()
	if p.at == len(p.doc) || p.doc[p.at] != c {
		return false
	}
	p.at++
	return true
}

// value steps over the value at hand and returns its text.
func (p *picker) value() Doc {
	p.space()
	start, depth := p.at, 0
	for p.at < len(p.doc) {
		switch c := p.doc[p.at]; c {
		case '"':
			p.text()
		case '{', '[':
			depth++
			p.at++
		case '}', ']', ',', ':':
			if depth == 0 {
				return p.checked(start)
			}
			if c == '}' || c == ']' {
				depth--
			}
			p.at++
		default:
			p.at++
		}
		if depth == 0 && (p.doc[p.at-1] == '"' || p.doc[p.at-1] == '}' || p.doc[p.at-1] == ']') {
			return p.checked(start)
		}
	}
	p.broken = true
	return nil
}

func (p *picker) checked(start int) Doc {
	if p.at == start {
		p.broken = true
	}
	return p.doc[start:p.at]
}

// text steps over a JSON text.
func (p *picker) text() {
	for p.at++; p.at < len(p.doc); p.at++ {
		switch p.doc[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			return
		}
	}
	p.at, p.broken = len(p.doc), true
}
