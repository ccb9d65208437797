package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// undoable is the query of a redirect after a change of a work package that can
// be undone: the next page says what was done and offers the way back.
func undoable(done string, n id.WorkPackage) string {
	return "?done=" + done + "&undo=" + strconv.FormatInt(int64(n), 10)
}

// undo takes the last change of a work package back, or brings it back from the trash.
func (s *Site) undo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	_, err = s.app.WorkPackages.Undo(r.Context(), a, n)
	if fault.Is(err, fault.KindNotFound) {
		if back := s.app.WorkPackages.Restore(r.Context(), a, n); back != nil {
			return back
		}
		return redirect(w, r, packageHref(n)+"?done=restored")
	}
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.packagePage(w, r, a, n, "", err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, packageHref(n)+undoable("undone", n))
}

// done is the message after a redirect, with the way back where there is one. The
// address carries only keys and numbers, so that nobody can put words into a page.
func (in reader) done(r *http.Request) []ui.Toast {
	q := r.URL.Query()
	key := "done." + q.Get("done")
	if !in.Has(key) {
		return nil
	}
	n, err := id.Parse[id.WorkPackage]("work package", q.Get("undo"))
	if err != nil {
		return []ui.Toast{{Text: in.T(key)}}
	}
	return []ui.Toast{in.undoToast(q.Get("done"), n)}
}

// undoToast says what was done to a work package, with the way back.
func (in reader) undoToast(done string, n id.WorkPackage) ui.Toast {
	t := ui.Toast{Text: in.T("done." + done), Action: packageHref(n) + "/undo", Label: in.T("undo.undo")}
	if done == "undone" {
		t.Label = in.T("undo.redo")
	}
	return t
}

// saying is a local address whose page says what was done to a work package, and
// offers the way back.
func saying(to, done string, n id.WorkPackage) string {
	u, err := url.Parse(to)
	if err != nil {
		return to + undoable(done, n)
	}
	q := u.Query()
	q.Set("done", done)
	q.Set("undo", strconv.FormatInt(int64(n), 10))
	u.RawQuery = q.Encode()
	return u.String()
}
