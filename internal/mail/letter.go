package mail

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
)

// Letter is the content of a message, before it is text and HTML.
type Letter struct {
	Language   string // of the text, such as "de"; empty means "en"
	Title      string
	Paragraphs []string
	Facts      []Fact // short table: who, when, from where
	Action     *Link  // the one thing to do, shown as a button
	Links      []Link
	Footer     []string // why the reader gets this, and who sent it
}

// Link is a labelled web address.
type Link struct{ Label, URL string }

// Fact is a labelled value.
type Fact struct{ Label, Value string }

//go:embed letter.html.tmpl
var htmlSource string

//go:embed letter.txt.tmpl
var textSource string

var (
	htmlLetter = template.Must(template.New("html").Parse(htmlSource))
	textLetter = texttemplate.Must(texttemplate.New("text").Parse(textSource))
)

// Message renders the letter as a message with text and HTML.
func (l Letter) Message(to Address, subject string) (Message, error) {
	if l.Language == "" {
		l.Language = "en"
	}
	if err := l.check(); err != nil {
		return Message{}, err
	}
	var text, html bytes.Buffer
	if err := errors.Join(textLetter.Execute(&text, l), htmlLetter.Execute(&html, l)); err != nil {
		return Message{}, fmt.Errorf("render letter %q: %w", l.Title, err)
	}
	return Message{To: to, Subject: subject, Text: strings.TrimSpace(text.String()) + "\n", HTML: html.String()}, nil
}

// check refuses addresses a mail client must not open.
func (l Letter) check() error {
	links := l.Links
	if l.Action != nil {
		links = append([]Link{*l.Action}, links...)
	}
	for _, link := range links {
		u, err := url.Parse(link.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return invalid("%q is not a web address", link.URL)
		}
	}
	if l.Title == "" || len(l.Paragraphs) == 0 {
		return invalid("a letter needs a title and a paragraph")
	}
	return nil
}
