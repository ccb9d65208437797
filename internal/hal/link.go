package hal

import "strconv"

// Path is an address of up to three parts, so that the usual one is written
// without joining strings first: {"/api/v3/users/", 5, ""} is /api/v3/users/5.
type Path struct {
	// Base is the beginning, with the slash before the id.
	Base string
	// ID follows Base; 0 leaves it out.
	ID int64
	// Tail is the end, with its slash.
	Tail string
}

// String returns the whole address.
func (p Path) String() string { return string(p.append(nil)) }

func (p Path) append(dst []byte) []byte {
	dst = append(dst, p.Base...)
	if p.ID != 0 {
		dst = strconv.AppendInt(dst, p.ID, 10)
	}
	return append(dst, p.Tail...)
}

// appendQuoted writes the address as a JSON text. Base and Tail come from the
// code, but may carry an identifier, so they are escaped like any other text.
func (p Path) appendQuoted(dst []byte) []byte {
	dst = appendString(dst, p.Base)
	dst = dst[:len(dst)-1]
	if p.ID != 0 {
		dst = strconv.AppendInt(dst, p.ID, 10)
	}
	if p.Tail == "" {
		return append(dst, '"')
	}
	at := len(dst)
	dst = appendString(dst, p.Tail)
	return append(dst[:at], dst[at+1:]...)
}

// Link is a link with everything it can carry. A Link without an address is
// written as {"href":null}.
type Link struct {
	// Href is the address; Path is used when it is empty.
	Href string
	Path Path

	Title      string
	Method     string // lower case: post, patch, delete, put
	Type       string // the MIME type behind the link
	Identifier string
	Templated  bool
	// Payload is a JSON object to send with Method.
	Payload Doc
}

// Link links to an address; an empty title is left out.
func (o *Object) Link(rel, href, title string) { o.AddLink(rel, Link{Href: href, Title: title}) }

// To links to a path; an empty title is left out.
func (o *Object) To(rel string, p Path, title string) { o.AddLink(rel, Link{Path: p, Title: title}) }

// Action links to something the reader may do now.
func (o *Object) Action(rel string, p Path, method string) {
	o.AddLink(rel, Link{Path: p, Method: method})
}

// LinkNull says that there is nothing at the other end.
func (o *Object) LinkNull(rel string) { o.AddLink(rel, Link{}) }

// AddLink writes any link.
func (o *Object) AddLink(rel string, l Link) {
	o.b.links = l.append(o.b.key(o.b.links, "_links", rel))
}

// LinkArray writes a list of links, which may be empty.
func (o *Object) LinkArray(rel string, ls []Link) {
	b := append(o.b.key(o.b.links, "_links", rel), '[')
	for i, l := range ls {
		b = l.append(comma(b, i))
	}
	o.b.links = append(b, ']')
}

func (l Link) append(dst []byte) []byte {
	dst = append(dst, `{"href":`...)
	switch {
	case l.Href != "":
		dst = appendString(dst, l.Href)
	case l.Path != (Path{}):
		dst = l.Path.appendQuoted(dst)
	default:
		dst = append(dst, "null"...)
	}
	dst = member(dst, `,"title":`, l.Title)
	dst = member(dst, `,"method":`, l.Method)
	dst = member(dst, `,"type":`, l.Type)
	dst = member(dst, `,"identifier":`, l.Identifier)
	if l.Templated {
		dst = append(dst, `,"templated":true`...)
	}
	if l.Payload != nil {
		dst = append(append(dst, `,"payload":`...), l.Payload...)
	}
	return append(dst, '}')
}

func member(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendString(append(dst, key...), value)
}
