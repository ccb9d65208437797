package ui

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Refill puts values into the form of a page that is sent to action, as if a person had typed them,
// and the focus into the first text of it. It says whether there is such a form, with a control that
// people write into. Fields for passwords and files stay empty.
func Refill(page []byte, action string, values url.Values) ([]byte, bool) {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil, false
	}
	form := formTo(doc, action, values)
	if form == nil {
		return nil, false
	}
	var focus *html.Node
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if name == "" || !fillable(n) {
			continue
		}
		fill(n, values[name])
		if focus == nil && values.Get(name) != "" && writes(n) {
			focus = n
		}
	}
	for _, name := range along {
		for _, value := range values[name] {
			form.AppendChild(&html.Node{Type: html.ElementNode, Data: "input", DataAtom: atom.Input, Attr: []html.Attribute{{Key: "type", Val: "hidden"}, {Key: "name", Val: name}, {Key: "value", Val: value}}})
		}
	}
	for n := range doc.Descendants() {
		remove(n, "autofocus")
	}
	if focus != nil {
		set(focus, "autofocus", "")
	}
	var out bytes.Buffer
	if html.Render(&out, doc) != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// along are fields that scripts add to a form: uploads that wait for it.
var along = []string{"attachment"}

// formTo is the form sent to action that has most of the values, of those with a control to write into.
func formTo(doc *html.Node, action string, values url.Values) *html.Node {
	var best *html.Node
	most := 0
	for n := range doc.Descendants() {
		if n.DataAtom != atom.Form || !strings.EqualFold(attribute(n, "method"), "post") || attribute(n, "action") != action {
			continue
		}
		known := 0
		for c := range n.Descendants() {
			if writes(c) && values.Has(attribute(c, "name")) {
				known++
			}
		}
		if known > most {
			best, most = n, known
		}
	}
	return best
}

var typed = []string{"", "text", "search", "email", "url", "tel", "number", "date", "time"}

// writes says whether people write or choose in the control.
func writes(n *html.Node) bool {
	if n.DataAtom == atom.Input {
		return slices.Contains(typed, strings.ToLower(attribute(n, "type")))
	}
	return n.DataAtom == atom.Textarea || n.DataAtom == atom.Select
}

func fillable(n *html.Node) bool {
	return writes(n) || n.DataAtom == atom.Input && slices.Contains([]string{"checkbox", "radio", "hidden"}, strings.ToLower(attribute(n, "type")))
}

// fill gives one control its values. A hidden one that the values do not name stays as it is.
func fill(n *html.Node, values []string) {
	first := ""
	if len(values) > 0 {
		first = values[0]
	}
	switch kind := strings.ToLower(attribute(n, "type")); {
	case n.DataAtom == atom.Textarea && values != nil:
		for n.FirstChild != nil {
			n.RemoveChild(n.FirstChild)
		}
		n.AppendChild(&html.Node{Type: html.TextNode, Data: strings.ReplaceAll(first, "\r\n", "\n")})
	case n.DataAtom == atom.Select && values != nil:
		for o := range n.Descendants() {
			if o.DataAtom == atom.Option {
				mark(o, "selected", slices.Contains(values, valueOf(o)))
			}
		}
	case kind == "checkbox" || kind == "radio":
		mark(n, "checked", slices.Contains(values, valueOf(n)))
	case n.DataAtom == atom.Input && values != nil:
		set(n, "value", first)
	}
}

// valueOf is what a choice sends.
func valueOf(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "value" {
			return a.Val
		}
	}
	if n.DataAtom == atom.Option && n.FirstChild != nil {
		return strings.TrimSpace(n.FirstChild.Data)
	}
	return "on"
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func remove(n *html.Node, key string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func set(n *html.Node, key, value string) {
	remove(n, key)
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}

func mark(n *html.Node, key string, on bool) {
	remove(n, key)
	if on {
		set(n, key, "")
	}
}
