// Package message is what Holdfast says to people, in their language.
//
// A catalogue is one file of catalogues/: the language's tag is its name, and
// each entry a key with a text, or with one text for each plural form of the
// language (CLDR: zero, one, two, few, many, other). A {name} in a text is a
// parameter; the one called n chooses the plural form. A text that another
// language lacks is said in English. The tests of this package refuse keys that
// are used and missing, missing plural forms, parameters that differ, and keys
// nobody uses, so adding a language is adding a file.
//
// In is the way to a Printer, which words keys, dates, numbers and sizes for one
// language. Printers are made once and are safe for concurrent use.
package message

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed catalogues/*.toml
var files embed.FS

// English is the language of the texts everything falls back to.
const English = "en"

// Catalog holds the languages there are.
type Catalog struct {
	printers map[string]*Printer
	tags     []string
}

// Language is one of the languages: its tag, and its name in itself.
type Language struct{ Tag, Name string }

// Load reads the catalogues at the top of fsys. English has to be among them.
func Load(fsys fs.FS) (*Catalog, error) {
	names, err := fs.Glob(fsys, "*.toml")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	bundle := i18n.NewBundle(language.English)
	read := map[string][]*i18n.Message{}
	c := &Catalog{printers: map[string]*Printer{}}
	for _, name := range names {
		tag, list, err := parse(fsys, name)
		if err != nil {
			return nil, err
		}
		if err := bundle.AddMessages(language.Make(tag), list...); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", name, err)
		}
		read[tag], c.tags = list, append(c.tags, tag)
	}
	if read[English] == nil {
		return nil, fmt.Errorf("there is no English catalogue")
	}
	for tag, list := range read {
		p := &Printer{tag: tag, loc: i18n.NewLocalizer(bundle, tag), plain: map[string]string{}, known: map[string]bool{}}
		p.take(read[English])
		p.take(list)
		p.locale = localeOf(p)
		c.printers[tag] = p
	}
	slices.Sort(c.tags)
	return c, nil
}

func parse(fsys fs.FS, name string) (string, []*i18n.Message, error) {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return "", nil, fmt.Errorf("read catalogue: %w", err)
	}
	f, err := i18n.ParseMessageFileBytes(body, "active."+name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
	if err != nil {
		return "", nil, fmt.Errorf("catalogue %s: %w", name, err)
	}
	return strings.TrimSuffix(path.Base(name), ".toml"), f.Messages, nil
}

// standard are the catalogues of the program; a broken one does not pass the tests.
var standard = sync.OnceValue(func() *Catalog {
	sub, err := fs.Sub(files, "catalogues")
	if err == nil {
		var c *Catalog
		if c, err = Load(sub); err == nil {
			return c
		}
	}
	panic(err)
})

// Languages are those of the program, in the order of their tags.
func Languages() []Language { return standard().Languages() }

// In is the printer of the first of the tags for which there is a catalogue, and English otherwise.
func In(tags ...string) *Printer { return standard().In(tags...) }

// Choose is the printer for a person: by their setting, then by what their browser
// accepts, then by the instance's language.
func Choose(setting, accept, instance string) *Printer {
	return standard().Choose(setting, accept, instance)
}

// Languages are the languages there are, in the order of their tags.
func (c *Catalog) Languages() []Language {
	out := make([]Language, 0, len(c.tags))
	for _, tag := range c.tags {
		out = append(out, Language{tag, c.printers[tag].T("locale.name")})
	}
	return out
}

// In is the printer of the first of the tags for which there is a catalogue, and English otherwise.
func (c *Catalog) In(tags ...string) *Printer {
	for _, tag := range tags {
		if p := c.find(tag); p != nil {
			return p
		}
	}
	return c.printers[English]
}

// Choose is the printer for a person, as the function says.
func (c *Catalog) Choose(setting, accept, instance string) *Printer {
	if p := c.find(setting); p != nil {
		return p
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		wanted = nil // a header nobody can read wishes for nothing
	}
	for _, tag := range wanted {
		if p := c.find(tag.String()); p != nil {
			return p
		}
	}
	return c.In(instance)
}

// find takes de for de-AT, where there is no Austrian catalogue.
func (c *Catalog) find(tag string) *Printer {
	for tag != "" {
		if p := c.printers[tag]; p != nil {
			return p
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return nil
}

// Printer words things in one language.
type Printer struct {
	tag    string
	loc    *i18n.Localizer
	plain  map[string]string // texts without parameters
	known  map[string]bool
	locale locale
}

func (p *Printer) take(list []*i18n.Message) {
	for _, m := range list {
		p.known[m.ID] = true
		if m.One+m.Few+m.Many+m.Two+m.Zero == "" && !strings.Contains(m.Other, "{") {
			p.plain[m.ID] = m.Other
		}
	}
}

// Tag is the language's tag, for lang attributes.
func (p *Printer) Tag() string { return p.tag }

// Has says whether there is a text for key.
func (p *Printer) Has(key string) bool { return p.known[key] }

// T is the text of key. The pairs are names and values of its parameters; numbers
// are worded for the language. A key without a text is shown as it is.
func (p *Printer) T(key string, pairs ...any) string {
	if text, ok := p.plain[key]; ok {
		return text
	}
	return p.print(key, values{p: p, pairs: pairs})
}

// HTML is the text of key with everything escaped except values that are HTML
// already: markup gets into a text as a parameter only.
func (p *Printer) HTML(key string, pairs ...any) template.HTML {
	return template.HTML(p.print(key, values{p: p, pairs: pairs, html: true}))
}

func (p *Printer) print(key string, v values) string {
	lc := i18n.LocalizeConfig{MessageID: key, TemplateData: v, TemplateParser: braces{}}
	if n, ok := v.find("n"); ok {
		lc.PluralCount = whole(n)
	}
	text, _ := p.loc.Localize(&lc) // what one language lacks comes in English, with an error
	if text == "" {
		return v.escaped(key)
	}
	return text
}

// whole is the number that chooses a plural form; nil for what is none.
func whole(n any) any {
	switch n := n.(type) {
	case int:
		return n
	case int64:
		return n
	case float64:
		return fmt.Sprint(n)
	}
	return nil
}

// Slug is the last part of the key of a text that is known by its English only, such
// as what a service says when it refuses.
func Slug(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r != '\'' && b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String()[:min(b.Len(), 80)], "_")
}
