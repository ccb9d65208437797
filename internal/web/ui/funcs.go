package ui

import (
	"html/template"
	"maps"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/web/assets"
)

// funcs are the functions of templates whose reader's language is p's: t words a
// message, th one with markup among its parameters.
func funcs(p *message.Printer) template.FuncMap {
	at := times{p}
	all := template.FuncMap{
		"t": p.T, "th": p.HTML, "code": Code, "anchor": Anchor, "strong": Strong, "small": Small, "ins": Ins, "del": Del,
		"date": at.date, "datetime": at.datetime, "day": at.day,
		"bytes": p.Bytes, "duration": p.Duration, "count": p.Count,
		"markdown": markup.Render, "plain": markup.Plain,
		"icon": Icon, "asset": assets.URL,
		"status": Status, "type": Type, "label": Label, "priority": Priority,
		"person": func(p Person) Avatar { return Avatar{Person: p} },
		"days":   func() []DayChoice { return dayChoices(p) },
		"link":   Link, "submit": Submit,
		"preview": func(names string) PreviewButton { return PreviewButton{names} },
	}
	maps.Copy(all, written(p))
	return all
}

// element is an element of one text, for use as a parameter of a message.
func element(name string, v any) template.HTML {
	text, ok := v.(template.HTML)
	if !ok {
		s, _ := v.(string)
		text = template.HTML(template.HTMLEscapeString(s))
	}
	return template.HTML("<" + name + ">" + string(text) + "</" + strings.Fields(name)[0] + ">")
}

// Code is text as a program has it.
func Code(v any) template.HTML { return element("code", v) }

// Strong is text that matters.
func Strong(v any) template.HTML { return element("strong", v) }

// Ins is text that came.
func Ins(v any) template.HTML { return element("ins", v) }

// Del is text that went.
func Del(v any) template.HTML { return element("del", v) }

// Small is an aside.
func Small(v any) template.HTML { return element(`span class="muted small"`, v) }

// Anchor is a link within a sentence.
func Anchor(href, text string) template.HTML {
	return template.HTML(`<a href="` + template.HTMLEscapeString(href) + `">` + template.HTMLEscapeString(text) + `</a>`)
}

// times shows instants and days as <time> elements.
type times struct{ *message.Printer }

// timeElement is a <time>. Everything in it comes from formatting, so nothing needs escaping.
func timeElement(machine, full, shown string) template.HTML {
	return template.HTML(`<time datetime="` + machine + `" title="` + full + `">` + shown + `</time>`)
}

// date shows the day of an instant; nothing for the zero time.
func (at times) date(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return timeElement(t.Format(time.RFC3339), at.FullTime(t), at.Date(t))
}

// datetime shows an instant to the minute, in the zone t carries.
func (at times) datetime(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return timeElement(t.Format(time.RFC3339), at.FullTime(t), at.DateTime(t))
}

func (at times) day(day string) template.HTML { return Day(at.Printer, day) }

// Day shows a day stored as YYYY-MM-DD; text that is none is shown as it stands.
func Day(p *message.Printer, day string) template.HTML {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(day))
	}
	return timeElement(day, p.FullDate(t), p.Date(t))
}

// Icon is a picture beside a word; those who do not see it miss nothing.
func Icon(name string) template.HTML {
	if name == "" {
		return ""
	}
	ref := template.HTMLEscapeString(assets.URL("icons.svg") + "#" + name)
	return template.HTML(`<svg class="icon" aria-hidden="true" focusable="false"><use href="` + ref + `"></use></svg>`)
}
