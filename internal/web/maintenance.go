package web

import (
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/web/assets"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type maintenancePage struct {
	ui.Page
	Progress ui.Progress
}

// unavailable is what clients of the API get while the instance is being restored.
const unavailable = `{"_type":"Error","errorIdentifier":"urn:openproject-org:api:v3:errors:InternalServerError","message":"The instance is being restored. Try again in a few seconds."}`

// Maintenance answers for an instance that is being restored: with the progress for
// people, an error document for clients of the API, and to what asks whether the
// process lives.
func Maintenance(progress func() archive.Progress) (http.Handler, error) {
	pages, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	r, err := ui.New(pages)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(assets.Prefix, assets.Handler())
	mux.HandleFunc("/health/alive", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		say := speak(req)
		w.Header().Set("Retry-After", "2")
		w.Header().Set("Cache-Control", "no-store")
		if strings.HasPrefix(req.URL.Path, "/api/") || strings.HasPrefix(req.URL.Path, "/health/") {
			w.Header().Set("Content-Type", "application/hal+json; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, unavailable) // to a client that may have gone
			return
		}
		w.Header().Set("Refresh", "2; url="+after(req.URL.Path))
		p := maintenancePage{Page: ui.Page{Lang: say.Tag(), Reloads: true, Title: say.T("restore.being_restored"), Lead: say.T("restore.nothing_can_be_read_or")}, Progress: restoreProgress(speak(req), progress())}
		if err := r.Render(w, http.StatusServiceUnavailable, "maintenance", p); err != nil {
			http.Error(w, p.Title, http.StatusServiceUnavailable)
		}
	})
	return mux, nil
}

// after is where a page that waited goes: what was asked for, but not back to a
// form that has been sent, or to a setup link that is used up.
func after(path string) string {
	if strings.HasPrefix(path, "/setup") {
		return "/login"
	}
	if strings.HasPrefix(path, "/admin/backups") {
		return "/admin/backups"
	}
	return (&url.URL{Path: local(path)}).EscapedPath()
}

// restoreProgress words how far a restore is.
func restoreProgress(say reader, g archive.Progress) ui.Progress {
	p := ui.Progress{Label: say.T("restore.preparing"), Value: -1}
	switch g.Step {
	case "":
		return p
	case "verify":
		p.Label = say.T("restore.comparing_every_row")
	case "files":
		p.Label = say.T("restore.bringing_back_files")
	case "safety":
		p.Label = say.T("restore.keeping_what_is_there_now")
	default:
		p.Label = say.T("restore.bringing_back", "what", say.step(g.Step))
	}
	if total := archive.Work(g.RowsTotal, g.BytesTotal); total > 0 {
		p.Value, p.Max = min(archive.Work(g.Rows, g.Bytes), total), total
		p.Note = say.progress(g.Rows, g.RowsTotal, g.Bytes, g.BytesTotal)
	}
	return p
}

// step names a table that is being brought back.
func (in reader) step(name string) string {
	if key := "restore.table." + name; in.Has(key) {
		return in.T(key)
	}
	return strings.ReplaceAll(name, "_", " ")
}

// progress is how much of the rows and bytes is done.
func (in reader) progress(rows, allRows, bytes, allBytes int64) string {
	return in.T("restore.progress", "rows", rows, "n", allRows, "size", in.Bytes(bytes), "total", in.Bytes(allBytes))
}
