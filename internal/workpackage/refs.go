package workpackage

import (
	"context"
	"maps"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Named is what a document says of a record it links to.
type Named struct {
	ID   int64
	Name string
	// Kind is the principal's kind, such as "User" or "Group"; else empty.
	Kind string
	// Identifier is a project's; else empty.
	Identifier string
	Color      string
	// Closed and Milestone describe statuses, versions and types.
	Closed, Milestone bool
}

// Derived are the totals of a work package with children.
type Derived struct {
	Start, Due      *db.Day
	Work, Remaining *int64 // seconds, of itself and everything below
	Percent         *int
}

// Refs are the records that a number of work packages link to. They are
// loaded with a fixed number of statements, whatever the number of work packages.
type Refs struct {
	Projects   map[id.Project]Named
	Types      map[id.Type]Named
	Statuses   map[id.Status]Named
	Priorities map[id.Priority]Named
	Users      map[id.User]Named
	Versions   map[id.Version]Named
	Categories map[id.Category]Named
	// Ancestors are the visible work packages above, the root first.
	Ancestors map[id.WorkPackage][]Named
	// Children are the visible work packages directly below.
	Children map[id.WorkPackage][]Named
	Derived  map[id.WorkPackage]Derived
	Watching map[id.WorkPackage]bool
	// Grants say what the actor may do in the work packages' projects.
	Grants *access.Grants
}

// loadRefs loads everything the work packages link to, as the actor sees it.
func loadRefs(ctx context.Context, tx *db.Tx, a access.Actor, ws []WorkPackage) (*Refs, error) {
	r := &Refs{}
	var err error
	wps, projects, users := collect(ws)
	versions, categories := planned(ws)
	if err = r.loadCatalog(ctx, tx, versions, categories); err != nil {
		return nil, err
	}
	if err = r.loadProjects(ctx, tx, projects); err != nil {
		return nil, err
	}
	if r.Users, err = Principals(ctx, tx, users); err != nil {
		return nil, err
	}
	if err = r.loadAncestors(ctx, tx, a, ws); err != nil {
		return nil, err
	}
	if err = r.loadChildren(ctx, tx, a, wps); err != nil {
		return nil, err
	}
	if err = r.loadWatching(ctx, tx, a, wps); err != nil {
		return nil, err
	}
	r.Grants, err = access.Load(ctx, tx, a, projects)
	return r, err
}

func collect(ws []WorkPackage) ([]id.WorkPackage, []id.Project, []id.User) {
	wps := make([]id.WorkPackage, len(ws))
	seenP, seenU := map[id.Project]bool{}, map[id.User]bool{}
	var projects []id.Project
	var users []id.User
	user := func(u id.User) {
		if !seenU[u] {
			seenU[u] = true
			users = append(users, u)
		}
	}
	for i := range ws {
		w := &ws[i]
		wps[i] = w.ID
		if !seenP[w.ProjectID] {
			seenP[w.ProjectID] = true
			projects = append(projects, w.ProjectID)
		}
		user(w.AuthorID)
		if w.AssigneeID != nil {
			user(*w.AssigneeID)
		}
		if w.ResponsibleID != nil {
			user(*w.ResponsibleID)
		}
	}
	return wps, projects, users
}

// loadCatalog names types, statuses and priorities, which are few, and the given
// versions and categories, in one statement.
func (r *Refs) loadCatalog(ctx context.Context, tx *db.Tx, versions []id.Version, categories []id.Category) error {
	type row struct {
		Kind  string
		ID    int64
		Name  string
		Color string
		Flag  bool
	}
	query := db.SQL(`SELECT 't' AS kind, id, name, color, is_milestone AS flag FROM types
		UNION ALL SELECT 's', id, name, color, is_closed FROM statuses
		UNION ALL SELECT 'p', id, name, color, active FROM priorities`)
	if len(versions) > 0 {
		query = query.Add(`UNION ALL SELECT 'v', id, name, '', status = 'closed' FROM versions WHERE`).Append(db.In("id", versions))
	}
	if len(categories) > 0 {
		query = query.Add(`UNION ALL SELECT 'c', id, name, '', FALSE FROM categories WHERE`).Append(db.In("id", categories))
	}
	rows, err := db.All[row](ctx, tx, query)
	if err != nil {
		return err
	}
	r.Types, r.Statuses, r.Priorities = map[id.Type]Named{}, map[id.Status]Named{}, map[id.Priority]Named{}
	r.Versions, r.Categories = map[id.Version]Named{}, map[id.Category]Named{}
	for _, w := range rows {
		n := Named{ID: w.ID, Name: w.Name, Color: w.Color}
		switch w.Kind {
		case "t":
			n.Milestone = w.Flag
			r.Types[id.Type(w.ID)] = n
		case "s":
			n.Closed = w.Flag
			r.Statuses[id.Status(w.ID)] = n
		case "v":
			n.Closed = w.Flag
			r.Versions[id.Version(w.ID)] = n
		case "c":
			r.Categories[id.Category(w.ID)] = n
		default:
			r.Priorities[id.Priority(w.ID)] = n
		}
	}
	return nil
}

func (r *Refs) loadProjects(ctx context.Context, tx *db.Tx, ids []id.Project) error {
	r.Projects = map[id.Project]Named{}
	if len(ids) == 0 {
		return nil
	}
	type row struct {
		ID               id.Project
		Name, Identifier string
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT id, name, identifier FROM projects WHERE`).Append(db.In("id", ids)))
	for _, p := range rows {
		r.Projects[p.ID] = Named{ID: int64(p.ID), Name: p.Name, Identifier: p.Identifier}
	}
	return err
}

// Principals returns the names of people and groups, of deleted ones too.
func Principals(ctx context.Context, tx *db.Tx, ids []id.User) (map[id.User]Named, error) {
	out := map[id.User]Named{}
	if len(ids) == 0 {
		return out, nil
	}
	type row struct {
		ID                        id.User
		Kind, Firstname, Lastname string
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT id, kind, firstname, lastname FROM users WHERE`).Append(db.In("id", ids)))
	for _, u := range rows {
		name := u.Lastname
		if u.Firstname != "" {
			name = u.Firstname + " " + u.Lastname
		}
		out[u.ID] = Named{ID: int64(u.ID), Name: name, Kind: u.Kind}
	}
	return out, err
}

// loadAncestors walks up from the parents of the work packages.
func (r *Refs) loadAncestors(ctx context.Context, tx *db.Tx, a access.Actor, ws []WorkPackage) error {
	r.Ancestors = map[id.WorkPackage][]Named{}
	var parents []id.WorkPackage
	for i := range ws {
		if p := ws[i].ParentID; p != nil {
			parents = append(parents, *p)
		}
	}
	if len(parents) == 0 {
		return nil
	}
	type row struct {
		ID      id.WorkPackage
		Parent  *id.WorkPackage `db:"parent_id"`
		Subject string
		Visible bool
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`WITH RECURSIVE up (id, parent_id) AS (
		SELECT id, parent_id FROM work_packages WHERE deleted_at IS NULL AND`).Append(db.In("id", parents)).
		Add(`UNION SELECT w.id, w.parent_id FROM work_packages w JOIN up ON w.id = up.parent_id WHERE w.deleted_at IS NULL)
		SELECT w.id, w.parent_id, w.subject,`).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)).
		Add(`AS visible FROM work_packages w WHERE w.id IN (SELECT id FROM up)`))
	if err != nil {
		return err
	}
	byID := make(map[id.WorkPackage]row, len(rows))
	for _, w := range rows {
		byID[w.ID] = w
	}
	for i := range ws {
		var chain []Named
		for p, depth := ws[i].ParentID, 0; p != nil && depth < maxDepth; depth++ {
			w, ok := byID[*p]
			if !ok {
				break
			}
			if w.Visible {
				chain = append([]Named{{ID: int64(w.ID), Name: w.Subject}}, chain...)
			}
			p = w.Parent
		}
		r.Ancestors[ws[i].ID] = chain
	}
	return nil
}

// loadChildren loads the children with the totals over everything below.
func (r *Refs) loadChildren(ctx context.Context, tx *db.Tx, a access.Actor, wps []id.WorkPackage) error {
	r.Children, r.Derived = map[id.WorkPackage][]Named{}, map[id.WorkPackage]Derived{}
	if len(wps) == 0 {
		return nil
	}
	type row struct {
		ID      id.WorkPackage
		Parent  id.WorkPackage `db:"parent_id"`
		Subject string
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT w.id, w.parent_id, w.subject FROM work_packages w WHERE w.deleted_at IS NULL AND`).
		Append(db.In("w.parent_id", wps)).Add(`AND`).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)).Add(`ORDER BY w.id`))
	if err != nil || len(rows) == 0 {
		return err
	}
	var parents []id.WorkPackage
	for _, c := range rows {
		if r.Children[c.Parent] == nil {
			parents = append(parents, c.Parent)
		}
		r.Children[c.Parent] = append(r.Children[c.Parent], Named{ID: int64(c.ID), Name: c.Subject})
	}
	return r.loadDerived(ctx, tx, parents)
}

// loadDerived sums work over each work package and everything below it, and
// spans the dates of what is below. Statuses that do not count are left out.
func (r *Refs) loadDerived(ctx context.Context, tx *db.Tx, parents []id.WorkPackage) error {
	type row struct {
		Root            id.WorkPackage
		Start           *db.Day `db:"first"`
		Due             *db.Day `db:"last"`
		Work, Remaining *int64
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`WITH RECURSIVE below (root, id) AS (
		SELECT id, id FROM work_packages WHERE`).Append(db.In("id", parents)).
		Add(`UNION SELECT b.root, c.id FROM work_packages c JOIN below b ON c.parent_id = b.id WHERE c.deleted_at IS NULL)
		SELECT b.root, MIN(CASE WHEN b.id <> b.root THEN COALESCE(w.start_date, w.due_date) END) AS first,
		MAX(CASE WHEN b.id <> b.root THEN COALESCE(w.due_date, w.start_date) END) AS last,
		CAST(SUM(CASE WHEN NOT s.excluded_from_totals THEN w.estimated_seconds END) AS BIGINT) AS work,
		CAST(SUM(CASE WHEN NOT s.excluded_from_totals THEN w.remaining_seconds END) AS BIGINT) AS remaining
		FROM below b JOIN work_packages w ON w.id = b.id JOIN statuses s ON s.id = w.status_id GROUP BY b.root`))
	for _, d := range rows {
		v := Derived{Start: d.Start, Due: d.Due, Work: d.Work, Remaining: d.Remaining}
		if d.Work != nil && d.Remaining != nil {
			v.Percent = percentOf(*d.Work, min(*d.Remaining, *d.Work))
		}
		r.Derived[d.Root] = v
	}
	return err
}

func (r *Refs) loadWatching(ctx context.Context, tx *db.Tx, a access.Actor, wps []id.WorkPackage) error {
	r.Watching = map[id.WorkPackage]bool{}
	if len(wps) == 0 || !a.SignedIn() {
		return nil
	}
	rows, err := db.All[id.WorkPackage](ctx, tx, db.SQL(`SELECT work_package_id FROM watchers WHERE user_id = ? AND`, a.ID).
		Append(db.In("work_package_id", wps)))
	for _, w := range rows {
		r.Watching[w] = true
	}
	return err
}

// Merge adds what other refers to.
func (r *Refs) Merge(other *Refs) {
	r.Projects = merged(r.Projects, other.Projects)
	r.Users = merged(r.Users, other.Users)
	r.Versions = merged(r.Versions, other.Versions)
	r.Categories = merged(r.Categories, other.Categories)
	r.Ancestors = merged(r.Ancestors, other.Ancestors)
	r.Children = merged(r.Children, other.Children)
	r.Derived = merged(r.Derived, other.Derived)
	r.Watching = merged(r.Watching, other.Watching)
	r.Grants.Merge(other.Grants)
}

func merged[K comparable, V any](a, b map[K]V) map[K]V {
	if a == nil {
		return b
	}
	maps.Copy(a, b)
	return a
}
