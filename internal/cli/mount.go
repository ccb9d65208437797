package cli

import (
	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web"
)

// mount adds the API and the pages to the router.
func mount(r chi.Router, a *app.App, edge *serve.Edge) error {
	site, err := web.New(a, edge)
	if err != nil {
		return err
	}
	apiv3.New(a, edge).Mount(r)
	site.Mount(r)
	return nil
}
