package ui

import (
	"html/template"
	"strconv"
	"strings"
)

// builder writes the HTML of what a page has by the hundred: cells, chips, people, cards. The template
// engine looks each name up and calls each function by reflection, which took most of the time of a
// table. Texts and values of attributes are escaped here; what markup takes as it is are constants.
type builder struct{ b strings.Builder }

// markup writes our own HTML.
func (b *builder) markup(constants ...string) {
	for _, c := range constants {
		b.b.WriteString(c)
	}
}

// text writes what stands between tags, or within the quotes of an attribute.
func (b *builder) text(s string) { b.b.WriteString(template.HTMLEscapeString(s)) }

// attr writes an attribute; none for the empty value.
func (b *builder) attr(name, value string) {
	if value == "" {
		return
	}
	b.markup(" ", name, `="`)
	b.text(value)
	b.markup(`"`)
}

// href writes where a link leads. Only addresses of this site and places of the page are written.
func (b *builder) href(to string) {
	if !strings.HasPrefix(to, "#") && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
		to = "#"
	}
	b.attr("href", to)
}

// hidden writes what only screen readers say.
func (b *builder) hidden(s string) {
	b.markup(`<span class="visually-hidden">`)
	b.text(s)
	b.markup(`</span>`)
}

// made writes what has been made before.
func (b *builder) made(h template.HTML) { b.b.WriteString(string(h)) }

func (b *builder) html() template.HTML { return template.HTML(b.b.String()) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (b *builder) icon(name string) {
	if name != "" {
		b.made(Icon(name))
	}
}

func (b *builder) chip(c Chip) {
	b.markup("<span")
	b.attr("class", c.Class())
	b.markup(">")
	b.icon(c.Icon)
	b.text(c.Label)
	b.markup("</span>")
}

func (b *builder) avatar(a Avatar) {
	b.markup("<span")
	b.attr("class", a.Class())
	b.markup(` aria-hidden="true">`)
	b.text(a.Initials())
	b.markup("</span>")
}

func (b *builder) person(a Avatar) {
	tag := "span"
	if a.Href != "" {
		tag = "a"
	}
	b.markup("<", tag, ` class="person"`)
	if a.Href != "" {
		b.href(a.Href)
	}
	b.markup(">")
	b.avatar(a)
	b.markup(`<span class="person-name">`)
	b.text(a.Name)
	b.markup("</span></", tag, ">")
}
