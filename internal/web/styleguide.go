package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// styleguide shows a page of the guide, in the looks that the address asks for.
func (s *Site) styleguide(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if s.guide == nil {
		return fault.NotFound("page")
	}
	name := chi.URLParam(r, "name")
	if name == "" {
		name = "components"
	}
	one := func(param string, values ...string) string {
		for _, v := range values {
			if r.URL.Query().Get(param) == v {
				return v
			}
		}
		return ""
	}
	theme, density, contrast := one("theme", "light", "dark"), one("density", "compact", "roomy"), one("contrast", "more")
	if p := guideList(speak(r), name, s.app.Settings.Get()); p != nil {
		p.Page = ui.GuideFrame(p.Title, theme, density, contrast)
		p.Page.Width = "full"
		return s.ui.Render(w, http.StatusOK, "list", p)
	}
	data := ui.GuidePage(name, theme, density, contrast)
	if data == nil {
		return fault.NotFound("page")
	}
	return s.guide.Render(w, http.StatusOK, name, data)
}
