package web

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const demoHref = "/admin/demo"

// demoBanner says on the first pages that the instance is a demo, and leads
// administrators to its removal.
func (s *Site) demoBanner(say reader, path string, a access.Actor) []ui.Alert {
	if path != "/" && path != "/projects" && path != "/admin" || !s.app.Settings.Get().DemoSeeded {
		return nil
	}
	b := ui.Alert{Tone: ui.Info, Title: say.T("demo.title"), Text: say.T("demo.text")}
	if a.Admin {
		b.Text = say.T("demo.admin_text")
		b.Actions = []ui.Button{ui.Link(say.T("demo.remove"), demoHref)}
	}
	return []ui.Alert{b}
}

// confirmDemo says what goes with the demo.
func (s *Site) confirmDemo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	e, people, groups, err := s.app.DemoExtent(r.Context(), a)
	if err != nil {
		return err
	}
	say := speak(r)
	what := say.T("demo.what", "projects", say.T("demo.projects", "n", e.Subprojects), "packages", say.T("settings.packages", "n", e.WorkPackages),
		"files", say.T("settings.files", "n", e.Files), "people", say.T("demo.people", "n", people), "groups", say.T("demo.groups", "n", groups))
	p := confirmPage{Page: s.adminFrame(r, a, say.T("demo.remove_title")), Cancel: "/", Submit: say.T("demo.remove"), Text: say.T("demo.goes", "what", what)}
	return s.confirmAdmin(w, r, a, p, nil)
}

func (s *Site) removeDemo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := s.app.RemoveDemo(r.Context(), a); err != nil {
		return err
	}
	return redirect(w, r, "/?done=demo_removed")
}
