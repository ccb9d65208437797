package apiv3

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
)

// list answers with all of a small set.
func list[T any](w http.ResponseWriter, r *http.Request, items []T, doc func(T) *hal.Object) error {
	c := hal.NewCollection(hal.TypeCollection)
	for _, it := range items {
		c.Add(doc(it))
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.Path))
}

func color(o *hal.Object, c string) { o.StrOrNull("color", c) }

func typeDoc(t catalog.Type) *hal.Object {
	o := hal.New("Type")
	o.Int("id", int64(t.ID))
	o.Str("name", t.Name)
	color(o, t.Color)
	o.Int("position", int64(t.Position))
	o.Bool("isDefault", t.Default)
	o.Bool("isMilestone", t.Milestone)
	o.Time("createdAt", t.CreatedAt.Time)
	o.Time("updatedAt", t.UpdatedAt.Time)
	o.To("self", to(types, t.ID), t.Name)
	return o
}

func statusDoc(t catalog.Status) *hal.Object {
	o := hal.New("Status")
	o.Int("id", int64(t.ID))
	o.Str("name", t.Name)
	o.Bool("isClosed", t.Closed)
	color(o, t.Color)
	o.Bool("isDefault", t.Default)
	o.Bool("isReadonly", t.ReadOnly)
	o.Bool("excludedFromTotals", t.ExcludedFromTotals)
	o.IntOrNull("defaultDoneRatio", t.DoneRatio)
	o.Int("position", int64(t.Position))
	o.To("self", to(statuses, t.ID), t.Name)
	return o
}

func priorityDoc(p catalog.Priority) *hal.Object {
	o := hal.New("Priority")
	o.Int("id", int64(p.ID))
	o.Str("name", p.Name)
	o.Int("position", int64(p.Position))
	color(o, p.Color)
	o.Bool("isDefault", p.Default)
	o.Bool("isActive", p.Active)
	o.To("self", to(priorities, p.ID), p.Name)
	return o
}

func (s *API) listTypes(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	all, err := s.app.Catalog.Types(r.Context(), a)
	if err != nil {
		return err
	}
	return list(w, r, all, typeDoc)
}

func (s *API) listProjectTypes(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	all, err := s.app.Catalog.ProjectTypes(r.Context(), a, p.ID)
	if err != nil {
		return err
	}
	return list(w, r, all, typeDoc)
}

func (s *API) showType(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Type]("type", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	t, err := s.app.Catalog.Type(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, typeDoc(*t))
}

func (s *API) listStatuses(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	all, err := s.app.Catalog.Statuses(r.Context(), a)
	if err != nil {
		return err
	}
	return list(w, r, all, statusDoc)
}

func (s *API) showStatus(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Status]("status", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	t, err := s.app.Catalog.Status(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, statusDoc(*t))
}

func (s *API) listPriorities(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	all, err := s.app.Catalog.Priorities(r.Context(), a)
	if err != nil {
		return err
	}
	return list(w, r, all, priorityDoc)
}

func (s *API) showPriority(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Priority]("priority", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	p, err := s.app.Catalog.Priority(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, priorityDoc(*p))
}
