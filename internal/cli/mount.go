package cli

import (
	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/assets"
)

// mount adds the API and the pages to the router.
func mount(r chi.Router, a *app.App, edge *serve.Edge) error {
	r.Handle(assets.Prefix+"*", assets.Handler())
	return nil
}
