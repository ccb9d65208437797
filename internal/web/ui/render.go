package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/message"
)

//go:embed templates/*.html
var parts embed.FS

// Renderer executes pages. It is made once at start and safe for concurrent use.
type Renderer struct {
	pages map[string]*template.Template            // as parsed, in English
	in    map[string]map[string]*template.Template // by language and name
}

// New parses the layouts, the parts and every *.html file at the top of each of pages. Two pages of one
// name, or a file that does not parse, are errors of the program and refused here.
func New(pages ...fs.FS) (*Renderer, error) {
	base, err := template.New("").Funcs(funcs(message.In())).ParseFS(parts, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse layouts and parts: %w", err)
	}
	r := &Renderer{pages: map[string]*template.Template{}, in: map[string]map[string]*template.Template{}}
	for _, fsys := range pages {
		if err := r.add(base, fsys); err != nil {
			return nil, err
		}
	}
	for _, l := range message.Languages() {
		if err := r.speak(message.In(l.Tag)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Renderer) add(base *template.Template, fsys fs.FS) error {
	files, err := fs.Glob(fsys, "*.html")
	if err != nil {
		return fmt.Errorf("list pages: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if r.pages[name] != nil {
			return fmt.Errorf("page %q exists twice", name)
		}
		set, err := base.Clone()
		if err != nil {
			return fmt.Errorf("page %q: %w", name, err)
		}
		if set, err = set.ParseFS(fsys, file); err != nil {
			return fmt.Errorf("page %q: %w", name, err)
		}
		r.pages[name] = set.Lookup(file)
	}
	return nil
}

// speak makes the pages of one language: each a copy whose functions word things in it.
func (r *Renderer) speak(p *message.Printer) error {
	pages := make(map[string]*template.Template, len(r.pages))
	for name, page := range r.pages {
		own, err := page.Clone()
		if err != nil {
			return fmt.Errorf("page %q in %s: %w", name, p.Tag(), err)
		}
		pages[name] = own.Funcs(funcs(p))
	}
	r.in[p.Tag()] = pages
	return nil
}

// Names are the pages there are; tests use it to make sure that each is executed.
func (r *Renderer) Names() []string {
	names := make([]string, 0, len(r.pages))
	for n := range r.pages {
		names = append(names, n)
	}
	return names
}

// Render writes the page called name. Nothing reaches w before the whole page has been made, so on an
// error the caller can still answer with another page.
func (r *Renderer) Render(w http.ResponseWriter, status int, name string, data any) error {
	body, err := r.Bytes(name, data)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", languageOf(data))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own affair
	return nil
}

// Bytes is the page called name.
func (r *Renderer) Bytes(name string, data any) ([]byte, error) {
	page := r.in[languageOf(data)][name]
	if page == nil {
		return nil, fmt.Errorf("no page is called %q", name)
	}
	var buf bytes.Buffer
	buf.Grow(16 << 10)
	if err := page.Execute(&buf, data); err != nil {
		return nil, fmt.Errorf("render page %q: %w", name, err)
	}
	return buf.Bytes(), nil
}

// languageOf is the language of a page's data, which is English when it does not say.
func languageOf(data any) string {
	if l, ok := data.(interface{ Language() string }); ok {
		return message.In(l.Language()).Tag()
	}
	return message.English
}
