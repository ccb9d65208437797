package hal

import (
	"net/url"
	"strconv"
)

// Types of collections.
const (
	TypeCollection            = "Collection"
	TypeWorkPackageCollection = "WorkPackageCollection"
)

// Collection is a list being written: Add the elements, then finish it with
// All or Page and add what else the list has to the Object these return.
type Collection struct {
	o     *Object
	typ   string
	count int
}

// NewCollection starts a list of a type, usually TypeCollection.
func NewCollection(typ string) *Collection {
	c := &Collection{o: &Object{b: lists.Get().(*buffers)}, typ: typ}
	c.o.b.embedded = append(c.o.b.key(c.o.b.embedded, "_embedded", "elements"), '[')
	return c
}

// Add appends an element and spends it.
func (c *Collection) Add(o *Object) {
	c.o.b.embedded = o.AppendTo(comma(c.o.b.embedded, c.count))
	c.count++
}

// AddDoc appends a finished element.
func (c *Collection) AddDoc(d Doc) {
	c.o.b.embedded = append(comma(c.o.b.embedded, c.count), d...)
	c.count++
}

// All finishes a list that is not divided into pages; self is its address.
func (c *Collection) All(self string) *Object {
	o := c.close(c.count)
	o.Link("self", self, "")
	return o
}

// Paging says which page of which list an answer holds.
type Paging struct {
	// Path is the address of the list without its query.
	Path string
	// Query holds the other parameters in effect, defaults included, as they
	// appear in the links. It is not changed.
	Query url.Values
	// Total counts all elements of all pages.
	Total int
	// Size is the most elements of a page, Number the page, counted from 1.
	Size, Number int
}

// Page finishes one page of a list.
func (c *Collection) Page(p Paging) *Object {
	o := c.close(p.Total)
	o.Int("pageSize", int64(p.Size))
	o.Int("offset", int64(p.Number))
	number, size := strconv.Itoa(p.Number), strconv.Itoa(p.Size)
	o.Link("self", p.href(number, size), "")
	o.AddLink("jumpTo", Link{Href: p.href("{offset}", size), Templated: true})
	o.AddLink("changeSize", Link{Href: p.href(number, "{size}"), Templated: true})
	if p.Size > 0 && p.Number > 1 {
		o.Link("previousByOffset", p.href(strconv.Itoa(p.Number-1), size), "")
	}
	if p.Size > 0 && p.Number <= (p.Total-1)/p.Size {
		o.Link("nextByOffset", p.href(strconv.Itoa(p.Number+1), size), "")
	}
	return o
}

func (p Paging) href(number, size string) string {
	q := make(url.Values, len(p.Query)+2)
	for name, vs := range p.Query {
		q[name] = vs
	}
	q.Set("offset", number)
	q.Set("pageSize", size)
	return p.Path + "?" + q.Encode()
}

func (c *Collection) close(total int) *Object {
	o := c.o
	c.o = nil
	o.b.embedded = append(o.b.embedded, ']')
	o.Str("_type", c.typ)
	o.Int("total", int64(total))
	o.Int("count", int64(c.count))
	return o
}
