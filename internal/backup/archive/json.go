package archive

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errJSON  = errors.New("no valid JSON")
	errDepth = fmt.Errorf("JSON is nested more than %d deep", maxDepth)
	errTwice = errors.New("a JSON object names a member twice")
)

var literals = map[byte]string{'t': "true", 'f': "false", 'n': "null"}

// appendJSON appends the canonical form of a JSON text: no white space, members
// sorted by name, strings escaped as everywhere, numbers as they were written.
func appendJSON(b []byte, s string) ([]byte, error) {
	p := parser{s: s}
	b, err := p.value(b, 0)
	if err != nil {
		return b, err
	}
	if p.space(); p.i != len(s) {
		return b, errJSON
	}
	return b, nil
}

// parser reads one JSON text from front to back.
type parser struct {
	s string
	i int
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// peek returns the next byte that is no white space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.i == len(p.s) {
		return 0
	}
	return p.s[p.i]
}

func (p *parser) value(b []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, errDepth
	}
	switch c := p.peek(); c {
	case '{':
		return p.object(b, depth)
	case '[':
		return p.array(b, depth)
	case '"':
		b, _, err := p.text(b)
		return b, err
	case 't', 'f', 'n':
		word := literals[c]
		if len(p.s)-p.i < len(word) || p.s[p.i:p.i+len(word)] != word {
			return b, errJSON
		}
		p.i += len(word)
		return append(b, word...), nil
	default:
		n, err := p.number()
		return append(b, n...), err
	}
}

func (p *parser) array(b []byte, depth int) ([]byte, error) {
	p.i++
	b = append(b, '[')
	if p.peek() == ']' {
		p.i++
		return append(b, ']'), nil
	}
	for {
		var err error
		if b, err = p.value(b, depth+1); err != nil {
			return b, err
		}
		switch p.peek() {
		case ',':
			b = append(b, ',')
		case ']':
			p.i++
			return append(b, ']'), nil
		default:
			return b, errJSON
		}
		p.i++
	}
}

// member is where one member of an object stands in the output.
type member struct {
	name       string
	start, end int
}

func (p *parser) object(b []byte, depth int) ([]byte, error) {
	p.i++
	b = append(b, '{')
	first := len(b)
	if p.peek() == '}' {
		p.i++
		return append(b, '}'), nil
	}
	var buf [16]member
	members, sorted := buf[:0], true
	for {
		if p.peek() != '"' {
			return b, errJSON
		}
		start, name := len(b), ""
		var err error
		if b, name, err = p.text(b); err != nil {
			return b, err
		}
		if p.peek() != ':' {
			return b, errJSON
		}
		p.i++
		if b, err = p.value(append(b, ':'), depth+1); err != nil {
			return b, err
		}
		sorted = sorted && (len(members) == 0 || members[len(members)-1].name < name)
		members = append(members, member{name, start, len(b)})
		c := p.peek()
		p.i++
		if c == '}' {
			break
		}
		if c != ',' {
			return b, errJSON
		}
		b = append(b, ',')
	}
	if sorted {
		return append(b, '}'), nil
	}
	return sortMembers(b, first, members)
}

// sortMembers brings the members that begin at first into order. The room behind
// them in b holds them meanwhile.
func sortMembers(b []byte, first int, members []member) ([]byte, error) {
	slices.SortStableFunc(members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	size := len(b)
	b = append(b, b[first:]...)
	old := b[size:]
	b = b[:first]
	for i, m := range members {
		if i > 0 {
			if members[i-1].name == m.name {
				return b, errTwice
			}
			b = append(b, ',')
		}
		b = append(b, old[m.start-first:m.end-first]...)
	}
	return append(b, '}'), nil
}

// number returns the number at the position, as it is written.
func (p *parser) number() (string, error) {
	start := p.i
	end, ok := numberEnd(p.s, p.i)
	p.i = end
	if !ok {
		return "", errJSON
	}
	return p.s[start:end], nil
}

// chars are a text as either of its forms.
type chars interface{ ~string | ~[]byte }

// numberEnd passes over the number at i, and says whether there is one.
func numberEnd[T chars](s T, i int) (end int, ok bool) {
	at := func(c byte) bool { return i < len(s) && s[i] == c }
	run := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if at('-') {
		i++
	}
	if at('0') {
		i++
	} else if !run() {
		return i, false
	}
	if at('.') {
		if i++; !run() {
			return i, false
		}
	}
	if at('e') || at('E') {
		if i++; at('+') || at('-') {
			i++
		}
		if !run() {
			return i, false
		}
	}
	return i, true
}

// text appends the canonical form of the string at the position, and returns what
// the string says.
func (p *parser) text(b []byte) ([]byte, string, error) {
	start := p.i
	s, err := p.str()
	if err != nil {
		return b, "", err
	}
	if len(s) == p.i-start-2 && utf8.ValidString(s) {
		return append(b, p.s[start:p.i]...), s, nil // nothing was escaped, and nothing needs to be
	}
	b, err = appendString(b, s)
	return b, s, err
}

func (p *parser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

// str returns the string at the position, decoded.
func (p *parser) str() (string, error) {
	p.i++ // the opening quote
	start := p.i
	p.i = special(p.s, p.i)
	switch {
	case p.at('"'):
		p.i++
		return p.s[start : p.i-1], nil
	case p.at('\\'):
		return p.escaped(start)
	}
	return "", errJSON
}

// escaped goes on where str met the first backslash.
func (p *parser) escaped(start int) (string, error) {
	out, n, err := appendUnescaped(nil, p.s[start:])
	p.i = start + n
	return string(out), err
}

// appendUnescaped appends what the string says that begins behind its opening quote,
// and returns how long it is with the closing one.
func appendUnescaped[T chars](out []byte, s T) ([]byte, int, error) {
	for i := 0; ; {
		end := special(s, i)
		out = append(out, s[i:end]...)
		switch i = end; {
		case i == len(s):
			return out, i, errJSON
		case s[i] == '"':
			return out, i + 1, nil
		case s[i] != '\\':
			return out, i, errJSON
		}
		p := parser{s: string(s[i+1 : min(len(s), i+1+longestEscape)])}
		var err error
		if out, err = p.escape(out); err != nil {
			return out, i, err
		}
		i += 1 + p.i
	}
}

// longestEscape is how long one can be behind its backslash: a pair of surrogates.
const longestEscape = 11

var shortEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape(out []byte) ([]byte, error) {
	if p.i == len(p.s) {
		return out, errJSON
	}
	c := p.s[p.i]
	p.i++
	if c != 'u' {
		short, ok := shortEscapes[c]
		if !ok {
			return out, errJSON
		}
		return append(out, short), nil
	}
	r, err := p.hex4()
	if err != nil {
		return out, err
	}
	if utf16.IsSurrogate(r) {
		if len(p.s)-p.i < 6 || p.s[p.i:p.i+2] != `\u` {
			return out, errUTF8
		}
		p.i += 2
		low, err := p.hex4()
		if err != nil {
			return out, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return out, errUTF8
		}
	}
	return utf8.AppendRune(out, r), nil
}

func (p *parser) hex4() (rune, error) {
	if len(p.s)-p.i < 4 {
		return 0, errJSON
	}
	n, err := strconv.ParseUint(p.s[p.i:p.i+4], 16, 16)
	if err != nil {
		return 0, errJSON
	}
	p.i += 4
	return rune(n), nil
}
