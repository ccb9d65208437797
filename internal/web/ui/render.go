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
)

//go:embed templates/*.html
var parts embed.FS

// Renderer executes pages. It is made once at start and safe for concurrent use.
type Renderer struct{ pages map[string]*template.Template }

// New parses the layouts, the parts and every *.html file at the top of each of pages. Two pages of one
// name, or a file that does not parse, are errors of the program and refused here.
func New(pages ...fs.FS) (*Renderer, error) {
	base, err := template.New("").Funcs(funcs()).ParseFS(parts, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse layouts and parts: %w", err)
	}
	r := &Renderer{pages: map[string]*template.Template{}}
	for _, fsys := range pages {
		if err := r.add(base, fsys); err != nil {
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
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is its own affair
	return nil
}

// Bytes is the page called name.
func (r *Renderer) Bytes(name string, data any) ([]byte, error) {
	page := r.pages[name]
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
