package apiv3

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/hal/href"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func activityDoc(act workpackage.Activity) *hal.Object {
	kind := "Activity"
	if act.Notes != "" {
		kind = "Activity::Comment"
	}
	o := hal.New(kind)
	o.Int("id", int64(act.ID))
	o.Formattable("comment", hal.Markdown, act.Notes, string(markup.Render(act.Notes)))
	details := make([]*hal.Object, len(act.Changes))
	for i, c := range act.Changes {
		details[i] = detail(c)
	}
	o.Objects("details", details)
	o.Int("version", int64(act.Version))
	o.Bool("internal", act.Internal)
	o.Time("createdAt", act.CreatedAt.Time)
	o.Time("updatedAt", act.UpdatedAt.Time)
	o.To("self", to(activities, act.ID), "")
	o.To("workPackage", to(packages, act.WorkPackage), "")
	o.To("user", hal.Path{Base: users, ID: act.User.ID}, act.User.Name)
	o.To("attachments", below(activities, act.ID, "/attachments"), "")
	if act.Editable {
		o.Action("update", to(activities, act.ID), "patch")
	}
	return o
}

// detail words a change as clients show it.
func detail(c workpackage.FieldChange) *hal.Object {
	var raw, rich string
	esc := html.EscapeString
	switch {
	case c.Field == "description":
		raw, rich = "Description changed", "<strong>Description</strong> changed"
	case c.Old == "":
		raw = c.Label + " set to " + c.New
		rich = "<strong>" + esc(c.Label) + "</strong> set to <i>" + esc(c.New) + "</i>"
	case c.New == "":
		raw = c.Label + " deleted (" + c.Old + ")"
		rich = "<strong>" + esc(c.Label) + "</strong> deleted (<strike><i>" + esc(c.Old) + "</i></strike>)"
	default:
		raw = c.Label + " changed from " + c.Old + " to " + c.New
		rich = "<strong>" + esc(c.Label) + "</strong> changed from <i>" + esc(c.Old) + "</i> <strong>to</strong> <i>" + esc(c.New) + "</i>"
	}
	o := hal.New("")
	o.Str("format", hal.Custom)
	o.Str("raw", raw)
	o.Str("html", rich)
	return o
}

func activityID(r *http.Request) (id.Journal, error) {
	return id.Parse[id.Journal]("activity", chi.URLParam(r, "id"))
}

func (s *API) listActivities(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	acts, err := s.app.WorkPackages.Activities(r.Context(), a, n)
	if err != nil {
		return err
	}
	return list(w, r, acts, activityDoc)
}

func (s *API) showActivity(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := activityID(r)
	if err != nil {
		return err
	}
	act, err := s.app.WorkPackages.Activity(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, activityDoc(*act))
}

// commentIn reads {"comment": {"raw": "..."}} or {"comment": "..."}.
func commentIn(o object, a access.Actor) (text string, internal bool, err error) {
	p := newPayload(o, a)
	var t opt.Value[string]
	var in opt.Value[bool]
	p.formattable("comment", &t)
	p.boolean("internal", &in)
	return t.V, in.V, p.err()
}

func (s *API) createActivity(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	text, internal, err := commentIn(body, a)
	if err != nil {
		return err
	}
	act, err := s.app.WorkPackages.Comment(r.Context(), a, n, text, internal)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusCreated, activityDoc(*act))
}

func (s *API) updateActivity(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := activityID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Activity(r.Context(), a, n); err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	text, _, err := commentIn(body, a)
	if err != nil {
		return err
	}
	act, err := s.app.WorkPackages.EditComment(r.Context(), a, n, text)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, activityDoc(*act))
}

func (s *API) listWatchers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	people, err := s.app.WorkPackages.Watchers(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.principals(w, r, people)
}

func (s *API) availableWatchers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	people, err := s.app.WorkPackages.AvailableWatchers(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.principals(w, r, people)
}

func (s *API) addWatcher(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	user, err := watcherIn(body, a)
	if err != nil {
		return err
	}
	created, err := s.app.WorkPackages.Watch(r.Context(), a, n, user)
	if err != nil {
		return err
	}
	u, err := s.app.Accounts.Find(r.Context(), a, user)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.user(w, r, a, status, u)
}

// watcherIn reads {"user": {"href": ...}}, at the top or in _links.
func watcherIn(o object, a access.Actor) (id.User, error) {
	raw, ok := o["user"]
	if !ok {
		raw = newPayload(o, a).links["user"]
	}
	var l struct {
		Href string `json:"href"`
	}
	if raw == nil || json.Unmarshal(raw, &l) != nil {
		return 0, fault.InvalidField("user", "blank")
	}
	ref, err := href.ParseAs(l.Href, "users")
	switch {
	case err != nil:
		return 0, fault.Invalid(fault.Field{Name: "user", Code: codeMismatch, Params: map[string]any{"expected": "a link to users"}})
	case ref.Name == "me":
		return a.ID, nil
	}
	return id.User(ref.ID), nil
}

func (s *API) removeWatcher(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	user := a.ID
	if name := chi.URLParam(r, "user"); !strings.EqualFold(name, "me") {
		if user, err = id.Parse[id.User]("user", name); err != nil {
			return err
		}
	}
	if err := s.app.WorkPackages.Unwatch(r.Context(), a, n, user); err != nil {
		return err
	}
	return noContent(w)
}
