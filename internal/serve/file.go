package serve

import (
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// File is stored content that is about to be sent.
type File struct {
	Name        string
	ContentType string
	// Tag identifies the content, such as its hash; it becomes the ETag.
	Tag      string
	Modified time.Time
	Content  io.ReadSeeker
}

// inline are the types that a browser may show in its own window. Anything
// that could carry script is sent to be saved.
var inline = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "application/pdf": true, "text/plain": true,
}

// Shown says whether a browser shows a type in its own window; the others are saved.
func Shown(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return inline[kind]
}

// Picture says whether a type is one of those pictures that pages show in place.
func Picture(contentType string) bool {
	return Shown(contentType) && strings.HasPrefix(contentType, "image/")
}

// SendFile answers with a file, or the ranges of it that were asked for. What
// people upload never runs: it is sandboxed, not sniffed, and mostly saved.
func SendFile(w http.ResponseWriter, r *http.Request, f File) {
	disposition := "attachment"
	if Shown(f.ContentType) {
		disposition = "inline"
	}
	f.headers(w.Header(), disposition)
	http.ServeContent(w, r, "", f.Modified, f.Content)
}

// SendStream answers with content that can only be read once, to be saved. Where it
// cannot be read to its end, the answer is cut off, so that nobody takes it for whole.
func SendStream(w http.ResponseWriter, f File, size int64, content io.Reader) {
	f.headers(w.Header(), "attachment")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if n, err := io.Copy(w, content); err != nil || n != size {
		panic(http.ErrAbortHandler)
	}
}

func (f File) headers(h http.Header, disposition string) {
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": strings.ToValidUTF8(f.Name, "_")}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-cache")
	if f.Tag != "" {
		h.Set("ETag", `"`+f.Tag+`"`)
	}
}
