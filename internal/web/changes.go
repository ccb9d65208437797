package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type changesPage struct {
	ui.Page
	Tabs ui.Tabs
	Rows []ownChange
	None ui.EmptyState
}

// ownChange is a change of one's own: of what, and where it can be undone, where to.
type ownChange struct {
	Kind, Name, Href, Did, Undo string
	At                          time.Time
}

// shownChanges is how many changes the page has.
const shownChanges = 50

// myChanges lists what the person has changed last and nobody has changed since, whenever
// and wherever that was, with the way back.
func (s *Site) myChanges(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	own, err := s.app.Journal.Recent(r.Context(), a.ID, shownChanges)
	if err != nil {
		return err
	}
	people, err := s.principals(r, a, own)
	if err != nil {
		return err
	}
	if own, err = s.seen(r, a, own, people); err != nil {
		return err
	}
	types, err := s.app.Catalog.Types(r.Context(), a)
	if err != nil {
		return err
	}
	for _, t := range types { // a workflow is called as its type
		people[workflowOf(t.ID)] = t.Name
	}
	say := speak(r)
	p := changesPage{Page: s.frame(r, a, say.T("undo.changes")), Tabs: say.accountTabs("/my/changes")}
	p.Lead, p.Width = say.T("undo.changes_lead"), "medium"
	names := map[string]string{}
	for name, kind := range s.undoKinds() {
		if kind.entity != "" { // what the journal has no entries of its own for is undone where it stands
			names[kind.entity] = name
		}
	}
	for _, c := range own {
		if kind := names[c.EntityType]; kind != "" {
			p.Rows = append(p.Rows, say.ownChange(kind, c, people))
		}
	}
	p.None = ui.EmptyState{Icon: "history", Title: say.T("undo.no_changes"), Text: say.T("undo.no_changes_text"), Actions: []ui.Button{ui.Link(say.T("common.work_packages"), "/work_packages")}}
	return s.ui.Render(w, http.StatusOK, "changes", p)
}

// named are names by what they belong to.
type named map[string]string

func principalOf(n id.User) string { return undoOf(undoAccount, n).String() }
func workflowOf(n id.Type) string  { return undoOf(undoWorkflow, n).String() }

// principals names those whose memberships were changed, and who were changed themselves.
func (s *Site) principals(r *http.Request, a access.Actor, own []journal.Own) (named, error) {
	var ids []id.User
	for _, c := range own {
		if c.Principal != 0 {
			ids = append(ids, c.Principal)
		} else if c.EntityType == journal.User {
			ids = append(ids, id.User(c.EntityID))
		}
	}
	out := named{}
	if len(ids) == 0 {
		return out, nil
	}
	found, _, err := s.app.Accounts.Principals(r.Context(), a, account.Filter{IDs: account.Set[id.User]{Values: ids}, Limit: len(ids)})
	for _, u := range found {
		out[principalOf(u.ID)] = u.Name()
	}
	return out, err
}

// seen leaves out what the person may not see any more: rights may have gone since.
func (s *Site) seen(r *http.Request, a access.Actor, own []journal.Own, people named) ([]journal.Own, error) {
	var in []project.Project
	for i := range own {
		if own[i].EntityType == journal.Project {
			own[i].Project = id.Project(own[i].EntityID)
		}
		in = append(in, project.Project{ID: own[i].Project})
	}
	grants, err := s.app.Projects.Grants(r.Context(), a, in...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(own, func(c journal.Own) bool {
		known := people[principalOf(id.User(c.EntityID))] != ""
		switch {
		case c.EntityType == journal.Switches:
			return false
		case c.EntityType == journal.User:
			return !known && !a.Admin
		case c.Project == 0 || c.EntityType == journal.Project && c.Gone: // for administrators, also from the trash
			return !a.Admin
		case c.EntityType == journal.WorkPackage:
			return !grants.Has(access.ViewWorkPackages, c.Project)
		case c.EntityType == journal.Member:
			return !grants.Has(access.ViewMembers, c.Project)
		}
		return !grants.Has(access.ViewProject, c.Project)
	}), nil
}

func (in reader) ownChange(kind string, c journal.Own, names named) ownChange {
	u := undoOf(kind, c.EntityID)
	row := ownChange{Kind: in.T("changed." + kind), Name: c.Name, At: c.UpdatedAt.In(in.loc), Did: in.T("undo.changed")}
	if row.Name == "" {
		row.Name = names[u.String()]
	}
	if c.Principal != 0 {
		row.Name = names[principalOf(c.Principal)]
	}
	made := c.Made && kind != undoSwitches // of which everybody has some before
	final := kind == undoType || kind == undoRole || kind == undoAccount
	switch {
	case c.Gone:
		row.Did = in.T("undo.deleted")
	case made:
		row.Did = in.T("undo.created")
	case c.Cause == journal.CauseUndo:
		row.Did = in.T("undo.undone")
	}
	if kind == undoPackage && !c.Gone {
		row.Href = packageHref(id.WorkPackage(c.EntityID))
	}
	if !made && !(c.Gone && final) { // what was made is deleted where it is, which asks first
		row.Undo = "/undo/" + u.String()
	}
	return row
}
