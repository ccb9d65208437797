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
	"sync"

	"github.com/holdfast/holdfast/internal/message"
)

//go:embed templates/*.html
var parts embed.FS

// Renderer executes pages. It is made once at start and safe for concurrent use.
//
// html/template keeps a copy of all layouts and parts for each page, in each language. So pages are
// put together when they are asked for first: an instance holds in memory what its people look at.
type Renderer struct {
	base  *template.Template // the layouts and parts
	pages map[string]string  // what the files of pages say, by name
	mu    sync.Mutex
	in    map[string]map[string]*template.Template // by language and name
}

// New reads the layouts, the parts and every *.html file at the top of each of pages. Two pages of one
// name, or a file that does not parse, are errors of the program and refused here.
func New(pages ...fs.FS) (*Renderer, error) {
	base, err := template.New("").Funcs(funcs(message.In())).ParseFS(parts, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse layouts and parts: %w", err)
	}
	r := &Renderer{base: base, pages: map[string]string{}, in: map[string]map[string]*template.Template{}}
	for _, fsys := range pages {
		if err := r.add(fsys); err != nil {
			return nil, err
		}
	}
	for _, l := range message.Languages() {
		r.in[l.Tag] = map[string]*template.Template{}
	}
	return r, nil
}

func (r *Renderer) add(fsys fs.FS) error {
	files, err := fs.Glob(fsys, "*.html")
	if err != nil {
		return fmt.Errorf("list pages: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if _, twice := r.pages[name]; twice {
			return fmt.Errorf("page %q exists twice", name)
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return fmt.Errorf("page %q: %w", name, err)
		}
		if _, err := template.New(file).Funcs(funcs(message.In())).Parse(string(text)); err != nil {
			return fmt.Errorf("page %q: %w", name, err)
		}
		r.pages[name] = string(text)
	}
	return nil
}

// page is the page called name in a language, whose functions word things in it.
func (r *Renderer) page(lang, name string) (*template.Template, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made := r.in[lang][name]; made != nil {
		return made, nil
	}
	text, ok := r.pages[name]
	if !ok {
		return nil, fmt.Errorf("no page is called %q", name)
	}
	set, err := r.base.Clone()
	if err != nil {
		return nil, fmt.Errorf("page %q: %w", name, err)
	}
	made, err := set.Funcs(funcs(message.In(lang))).New(name + ".html").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("page %q: %w", name, err)
	}
	r.in[lang][name] = made
	return made, nil
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
	page, err := r.page(languageOf(data), name)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	buf.Grow(16 << 10)
	if err := page.Execute(&buf, data); err != nil {
		return nil, fmt.Errorf("render page %q: %w", name, err)
	}
	if p, ok := data.(interface{ WrittenFor() int64 }); ok && p.WrittenFor() != 0 {
		return stamp(buf.Bytes(), p.WrittenFor()), nil
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
