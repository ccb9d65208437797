package archive

import (
	"bytes"
	"errors"
)

// canonicalJSON is the type of a column of which is known that its JSON has the canonical
// form: what a restore has just put there. It stands in no archive.
const canonicalJSON Type = "canonical json"

var errForm = errors.New("the JSON does not have its canonical form")

// canon passes over JSON that has the form in which appendJSON writes it, and refuses
// any other: that is several times faster than to write it again and compare.
type canon struct {
	b []byte
	i int
}

// canonicalEnd returns where the canonical JSON value at i of valid UTF-8 ends.
func canonicalEnd(b []byte, i int) (int, error) {
	c := canon{b, i}
	err := c.value(0)
	return c.i, err
}

func (c *canon) at(ch byte) bool { return c.i < len(c.b) && c.b[c.i] == ch }

// take passes over a character where it is the one.
func (c *canon) take(ch byte) bool {
	if !c.at(ch) {
		return false
	}
	c.i++
	return true
}

func (c *canon) value(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if c.i == len(c.b) {
		return errForm
	}
	switch ch := c.b[c.i]; ch {
	case '{':
		return c.object(depth)
	case '[':
		return c.array(depth)
	case '"':
		_, _, err := c.str()
		return err
	case 't', 'f', 'n':
		word := literals[ch]
		if !bytes.HasPrefix(c.b[c.i:], []byte(word)) {
			return errForm
		}
		c.i += len(word)
		return nil
	default:
		end, ok := numberEnd(c.b, c.i)
		if !ok {
			return errForm
		}
		c.i = end
		return nil
	}
}

func (c *canon) array(depth int) error {
	if c.i++; c.take(']') {
		return nil
	}
	for {
		if err := c.value(depth + 1); err != nil {
			return err
		}
		if c.take(']') {
			return nil
		}
		if !c.take(',') {
			return errForm
		}
	}
}

func (c *canon) object(depth int) error {
	if c.i++; c.take('}') {
		return nil
	}
	var last []byte
	var lastEscaped bool
	for first := true; ; first = false {
		if !c.at('"') {
			return errForm
		}
		name, escaped, err := c.str()
		if err != nil {
			return err
		}
		if !first && !ascends(last, name, lastEscaped || escaped) || !c.take(':') {
			return errForm
		}
		last, lastEscaped = name, escaped
		if err := c.value(depth + 1); err != nil {
			return err
		}
		if c.take('}') {
			return nil
		}
		if !c.take(',') {
			return errForm
		}
	}
}

// ascends says whether the names of two members stand in order.
func ascends(a, b []byte, escaped bool) bool {
	if escaped { // the order is that of what they say
		a, _, _ = appendUnescaped(nil, append(a[:len(a):len(a)], '"')) // str has found no mistake
		b, _, _ = appendUnescaped(nil, append(b[:len(b):len(b)], '"'))
	}
	return bytes.Compare(a, b) < 0
}

// str passes over a string and returns what stands between its quotes.
func (c *canon) str() (raw []byte, escaped bool, err error) {
	c.i++
	start := c.i
	for {
		c.i = special(c.b, c.i)
		if c.take('"') {
			return c.b[start : c.i-1], escaped, nil
		}
		n := escapeLength(c.b[c.i:])
		if n == 0 {
			return nil, false, errForm
		}
		c.i += n
		escaped = true
	}
}

// escapeLength is the length of the escape that b begins with, where it is one that
// appendEscape writes, and 0 otherwise.
func escapeLength(b []byte) int {
	if len(b) < 2 || b[0] != '\\' {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 't', 'n', 'f', 'r':
		return 2
	case 'u':
		for ch := byte(1); ch < ' ' && len(b) >= 6; ch++ {
			if want := appendEscape(nil, ch); bytes.Equal(b[:6], want) {
				return 6
			}
		}
	}
	return 0
}
