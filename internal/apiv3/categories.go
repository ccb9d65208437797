package apiv3

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
)

func categoryDoc(c category.Category) *hal.Object {
	o := hal.New("Category")
	o.Int("id", int64(c.ID))
	o.Str("name", c.Name)
	o.To("self", to(categories, c.ID), c.Name)
	o.To("project", to(projects, c.ProjectID), c.ProjectName)
	if c.AssigneeID != nil {
		o.To("defaultAssignee", hal.Path{Base: principalBase(c.AssigneeKind), ID: int64(*c.AssigneeID)}, c.AssigneeName())
	}
	return o
}

func (s *API) listProjectCategories(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	all, err := s.app.Categories.List(r.Context(), a, p.ID)
	if err != nil {
		return err
	}
	return list(w, r, all, categoryDoc)
}

func (s *API) showCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Category]("category", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	c, err := s.app.Categories.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, categoryDoc(*c))
}
