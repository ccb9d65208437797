// Package hal writes the documents of API v3.
//
// A document is one JSON object: its type, its properties, what is embedded in
// it and its links. An Object collects these as text while a representer names
// them, in any order, and puts them in the order clients are used to: _type,
// properties, _embedded, _links. There is no reflection and there are no maps,
// because a list of a hundred work packages is some 400 KB of text and must cost
// less than the query behind it.
//
// An Object is spent when it is embedded, added to a collection or turned into a
// Doc: its buffers go back to a pool, and using it again panics. A Doc is
// finished text that may be embedded any number of times.
package hal

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast/holdfast/internal/hal/duration"
)

// ContentType is the content type of every answer of API v3. Some clients
// compare it as a whole.
const ContentType = "application/hal+json; charset=utf-8"

// Undisclosed is the address of something that the reader may know to exist, but not see.
const Undisclosed = "urn:openproject-org:api:v3:undisclosed"

// Formats of formattable text.
const (
	Markdown = "markdown"
	Plain    = "plain"
	Custom   = "custom"
)

// Doc is a finished document.
type Doc []byte

// Object is a document being written. The zero Object cannot be used; see New.
type Object struct{ b *buffers }

type buffers struct {
	fields, links, embedded []byte
	// seen holds the names written so far, in strict mode only.
	seen []string
	list bool
}

// Buffers of lists are kept apart from those of single documents, so that
// neither kind grows to the size of the other over and over.
var (
	pool  = sync.Pool{New: func() any { return new(buffers) }}
	lists = sync.Pool{New: func() any { return &buffers{list: true} }}
)

// mostKept bounds the buffers that go back to a pool, so that one huge answer
// does not stay in memory.
const mostKept = 1 << 20

var strict atomic.Bool

// Strict makes writing the same name twice, or invalid raw JSON, panic. Tests
// switch it on; it costs too much for serving.
func Strict(on bool) { strict.Store(on) }

// New starts a document of a type; an empty type starts a plain JSON object.
func New(typ string) *Object {
	o := &Object{b: pool.Get().(*buffers)}
	if typ != "" {
		o.Str("_type", typ)
	}
	return o
}

// Empty says whether nothing was written yet.
func (o *Object) Empty() bool {
	return len(o.b.fields) == 0 && len(o.b.links) == 0 && len(o.b.embedded) == 0
}

func (o *Object) field(name string) { o.b.fields = o.b.key(o.b.fields, "", name) }

// key begins a member of a section; section tells equal names of different sections apart.
func (b *buffers) key(dst []byte, section, name string) []byte {
	if strict.Load() {
		b.unique(section + "/" + name)
	}
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

func (b *buffers) unique(path string) {
	if slices.Contains(b.seen, path) {
		panic("hal: " + path + " is written twice")
	}
	b.seen = append(b.seen, path)
}

// Str writes a text.
func (o *Object) Str(name, v string) {
	o.field(name)
	o.b.fields = appendString(o.b.fields, v)
}

// StrOrNull writes a text, null when it is empty.
func (o *Object) StrOrNull(name, v string) {
	if v == "" {
		o.Null(name)
		return
	}
	o.Str(name, v)
}

// Int writes an integer.
func (o *Object) Int(name string, v int64) {
	o.field(name)
	o.b.fields = strconv.AppendInt(o.b.fields, v, 10)
}

// IntOrNull writes an integer, null for nil.
func (o *Object) IntOrNull(name string, v *int) {
	if v == nil {
		o.Null(name)
		return
	}
	o.Int(name, int64(*v))
}

// Bool writes a truth value.
func (o *Object) Bool(name string, v bool) {
	o.field(name)
	o.b.fields = strconv.AppendBool(o.b.fields, v)
}

// Null writes null.
func (o *Object) Null(name string) {
	o.field(name)
	o.b.fields = append(o.b.fields, "null"...)
}

// Float writes a number; what JSON has no number for becomes null.
func (o *Object) Float(name string, v float64) {
	o.field(name)
	o.b.fields = appendFloat(o.b.fields, v)
}

func appendFloat(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// Time writes an instant in UTC with milliseconds, null for the zero time.
func (o *Object) Time(name string, t time.Time) {
	o.field(name)
	if t.IsZero() {
		o.b.fields = append(o.b.fields, "null"...)
		return
	}
	o.b.fields = append(o.b.fields, '"')
	o.b.fields = t.UTC().AppendFormat(o.b.fields, "2006-01-02T15:04:05.000Z")
	o.b.fields = append(o.b.fields, '"')
}

// Date writes a day, which is YYYY-MM-DD already; null when it is empty.
func (o *Object) Date(name, day string) { o.StrOrNull(name, day) }

// Duration writes a number of seconds in hours, minutes and seconds, such as PT25H30M.
func (o *Object) Duration(name string, secs int64) {
	o.field(name)
	o.b.fields = append(o.b.fields, '"')
	o.b.fields = duration.Append(o.b.fields, secs)
	o.b.fields = append(o.b.fields, '"')
}

// DurationOrNull is Duration, null for nil.
func (o *Object) DurationOrNull(name string, secs *int64) {
	if secs == nil {
		o.Null(name)
		return
	}
	o.Duration(name, *secs)
}

// DaysOrNull writes a whole number of days as a duration, such as P3D; null for nil.
func (o *Object) DaysOrNull(name string, n *int) {
	if n == nil {
		o.Null(name)
		return
	}
	o.Str(name, duration.Days(int64(*n)))
}

// Formattable writes a text with its source and its rendered form.
func (o *Object) Formattable(name, format, raw, html string) {
	o.field(name)
	f := append(o.b.fields, `{"format":`...)
	f = append(appendString(f, format), `,"raw":`...)
	f = append(appendString(f, raw), `,"html":`...)
	o.b.fields = append(appendString(f, html), '}')
}

// Strs writes a list of texts.
func (o *Object) Strs(name string, vs []string) {
	o.field(name)
	f := append(o.b.fields, '[')
	for i, v := range vs {
		f = appendString(comma(f, i), v)
	}
	o.b.fields = append(f, ']')
}

// Ints writes a list of integers.
func (o *Object) Ints(name string, vs []int64) {
	o.field(name)
	f := append(o.b.fields, '[')
	for i, v := range vs {
		f = strconv.AppendInt(comma(f, i), v, 10)
	}
	o.b.fields = append(f, ']')
}

// Raw writes a value that is JSON already.
func (o *Object) Raw(name string, v Doc) {
	if strict.Load() && !json.Valid(v) {
		panic("hal: the raw value of " + name + " is not JSON")
	}
	o.field(name)
	o.b.fields = append(o.b.fields, v...)
}

// Object writes a nested object and spends it.
func (o *Object) Object(name string, v *Object) {
	o.field(name)
	o.b.fields = v.AppendTo(o.b.fields)
}

// Objects writes a list of nested objects and spends them.
func (o *Object) Objects(name string, vs []*Object) {
	o.field(name)
	o.b.fields = appendObjects(o.b.fields, vs)
}

// Embed embeds a document and spends it.
func (o *Object) Embed(name string, v *Object) {
	o.b.embedded = v.AppendTo(o.b.key(o.b.embedded, "_embedded", name))
}

// EmbedDoc embeds a finished document.
func (o *Object) EmbedDoc(name string, d Doc) {
	o.b.embedded = append(o.b.key(o.b.embedded, "_embedded", name), d...)
}

// EmbedArray embeds a list of documents and spends them.
func (o *Object) EmbedArray(name string, vs []*Object) {
	o.b.embedded = appendObjects(o.b.key(o.b.embedded, "_embedded", name), vs)
}

// EmbedDocs embeds a list of finished documents.
func (o *Object) EmbedDocs(name string, ds []Doc) {
	e := append(o.b.key(o.b.embedded, "_embedded", name), '[')
	for i, d := range ds {
		e = append(comma(e, i), d...)
	}
	o.b.embedded = append(e, ']')
}

func appendObjects(dst []byte, vs []*Object) []byte {
	dst = append(dst, '[')
	for i, v := range vs {
		dst = v.AppendTo(comma(dst, i))
	}
	return append(dst, ']')
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// AppendTo appends the finished document to dst and spends o.
func (o *Object) AppendTo(dst []byte) []byte {
	b := o.b
	dst = slices.Grow(dst, b.size())
	dst = append(dst, '{')
	dst = append(dst, b.fields...)
	dst = section(dst, `"_embedded":{`, b.embedded)
	dst = section(dst, `"_links":{`, b.links)
	o.spend()
	return append(dst, '}')
}

func (b *buffers) size() int { return len(b.fields) + len(b.links) + len(b.embedded) + 32 }

func section(dst []byte, open string, body []byte) []byte {
	if len(body) == 0 {
		return dst
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, open...), body...), '}')
}

// Doc finishes the document and spends o.
func (o *Object) Doc() Doc { return o.AppendTo(make([]byte, 0, o.b.size())) }

// WriteTo writes the finished document and spends o.
func (o *Object) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(o.Doc())
	return int64(n), err
}

func (o *Object) spend() {
	b := o.b
	o.b = nil
	if b.size() > mostKept {
		return
	}
	b.fields, b.links, b.embedded, b.seen = b.fields[:0], b.links[:0], b.embedded[:0], b.seen[:0]
	if b.list {
		lists.Put(b)
		return
	}
	pool.Put(b)
}
