// Package assets serves the style sheet, scripts, icons and marks that are part of the program.
//
// Every asset has one address that contains the hash of its content, so browsers may keep it for
// ever and a new release is seen at once. The style sheet is one response made from one file per
// component, in the order of sheets, and app.js likewise from scripts; nothing outside this package
// needs to know the parts. Nothing here carries inline scripts or styles, so pages can forbid both.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the path under which Handler expects to be mounted.
const Prefix = "/assets/"

//go:embed css/*.css js/*.js js/vendor/*.js icons.svg mark.svg
var files embed.FS

// sheets are the parts of app.css. The first declares the layers; the rest may come in any order
// as far as the cascade is concerned and is kept in reading order.
var sheets = []string{
	"layers", "tokens", "reset", "base", "shell", "page", "button", "form", "table", "grid", "board", "calendar", "gantt", "tabs", "chip", "avatar",
	"card", "list", "fold", "checklist", "progress", "alert", "activity", "file", "prose", "editor", "auth", "palette", "toast", "live", "pages", "utilities", "print",
}

// scripts are the parts of app.js, one module of one file per behaviour. start comes first.
var scripts = []string{"start", "menu", "side", "toast", "keys", "ahead"}

// modules are scripts that are loaded by those pages or persons that need them, in the order of their imports.
var modules = []string{"palette", "admin", "send", "combobox", "grid", "board", "gantt", "work", "days", "drafts", "slug", "walk", "live", "editor"}

// further are the parts of modules that are more than one file, in their order behind the file of the module's name.
var further = map[string][]string{"editor": {"editor_marks", "editor_pickers", "editor_files", "editor_drafts"}}

// asset is one response body in both encodings.
type asset struct {
	address, contentType, etag string
	plain, zipped              []byte
}

// library finds assets by name ("app.css") and by address ("app-0123456789ab.css").
type library struct{ byName, byAddress map[string]*asset }

var load = sync.OnceValue(build)

func build() library {
	lib := library{map[string]*asset{}, map[string]*asset{}}
	lib.add("app.css", "text/css; charset=utf-8", styleSheet())
	lib.add("icons.svg", "image/svg+xml", mustRead("icons.svg"))
	lib.add("mark.svg", "image/svg+xml", mustRead("mark.svg"))
	for _, name := range []string{"turbo.js", "stimulus.js"} {
		lib.add(name, javaScript, mustRead("js/vendor/"+name))
	}
	for _, name := range modules {
		text := mustRead("js/" + name + ".js")
		for _, part := range further[name] {
			text = append(text, mustRead("js/"+part+".js")...)
		}
		lib.add(name+".js", javaScript, lib.script(text))
	}
	var b bytes.Buffer
	for _, name := range scripts {
		b.Write(mustRead("js/" + name + ".js"))
	}
	lib.add("app.js", javaScript, lib.script(b.Bytes()))
	return lib
}

const javaScript = "text/javascript; charset=utf-8"

var (
	assetImport = regexp.MustCompile(`"asset:([a-z.]+)"`)
	comment     = regexp.MustCompile(`(?m)^ *(//.*)?\n`)
)

// script is a module as it is served: without comments, which stand on lines of their own, and with
// imports by the hashed addresses of assets added before.
func (l library) script(source []byte) []byte {
	source = comment.ReplaceAll(source, nil)
	return assetImport.ReplaceAllFunc(source, func(m []byte) []byte {
		a := l.byName[string(assetImport.FindSubmatch(m)[1])]
		if a == nil {
			panic("assets: a script imports " + string(m) + ", which is not there yet")
		}
		return []byte(strconv.Quote("./" + a.address))
	})
}

func styleSheet() []byte {
	var b bytes.Buffer
	for _, s := range sheets {
		b.Write(mustRead("css/" + s + ".css"))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func mustRead(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("assets: %s is not embedded: %v", name, err))
	}
	return data
}

func (l library) add(name, contentType string, data []byte) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	a := &asset{
		address:     strings.TrimSuffix(name, ext) + "-" + hash + ext,
		contentType: contentType,
		etag:        `"` + hash + `"`,
		plain:       data,
		zipped:      zip(data),
	}
	l.byName[name], l.byAddress[a.address] = a, a
}

func zip(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(data)                                  // memory does not fail
	_ = w.Close()
	return b.Bytes()
}

// URL is the address of the asset called name. A name that does not exist panics: it is a misspelling
// in a template, and every template is executed by a test.
func URL(name string) string {
	a, ok := load().byName[name]
	if !ok {
		panic("assets: no asset is called " + name)
	}
	return Prefix + a.address
}

// Handler answers GET and HEAD below Prefix. Addresses with a hash may be cached for ever; plain
// names work too, for /favicon.svg and the like, and are asked for again each time.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, Prefix)
	a, cache := load().byAddress[name], "public, max-age=31536000, immutable"
	if a == nil {
		a, cache = load().byName[name], "no-cache"
	}
	if a == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("ETag", a.etag)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	a.write(w, r)
}

func (a *asset) write(w http.ResponseWriter, r *http.Request) {
	body, h := a.plain, w.Header()
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body = a.zipped
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // a client that went away is its own affair
	}
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, q, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(part, " ", "")), ";")
		if coding == "gzip" || coding == "*" {
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}
