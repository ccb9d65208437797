package project

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// Find returns one project.
//
// Faults: NotFound when actor may not see it.
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Project) (*Project, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Project, error) { return visible(ctx, tx, a, n) })
}

// FindRef returns the project with an id or identifier, as addresses have them.
//
// Faults: NotFound when actor may not see it.
func (s *Service) FindRef(ctx context.Context, a access.Actor, ref string) (*Project, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Project, error) {
		if n, err := strconv.ParseInt(ref, 10, 64); err == nil { // identifiers are never numeric
			return visible(ctx, tx, a, id.Project(n))
		}
		return first(ctx, tx, a, db.SQL(`p.identifier_folded = ?`, db.Fold(ref)))
	})
}

// Grants returns what actor may do in the projects, for Capabilities.
func (s *Service) Grants(ctx context.Context, a access.Actor, ps ...Project) (*access.Grants, error) {
	ids := make([]id.Project, len(ps))
	for i := range ps {
		ids[i] = ps[i].ID
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (*access.Grants, error) { return access.Load(ctx, tx, a, ids) })
}

// ListInput selects a page of projects.
type ListInput struct {
	Filters []filter.Condition
	Sort    []filter.Sort
	Page    filter.Page
	// Location is where days begin for relative date filters; UTC when nil.
	Location *time.Location
	// Tree puts each project after its nearest ancestor in the list, siblings in the
	// order of Sort; what lies below the folded ones stays away.
	Tree   bool
	Folded []id.Project
	// Figures asks for the numbers of what is in each project.
	Figures bool
}

// Page is a page of a list, with what the actor may do in its projects.
type Page struct {
	Items []Project
	// Total counts everything the filters select, on all pages.
	Total  int
	Grants *access.Grants
	// Shown is how many rows all pages of a tree have, which folding makes fewer.
	Shown int
	// Places are where the items of a tree stand.
	Places map[id.Project]Place
	// Figures are there when asked for.
	Figures map[id.Project]Figures
}

// Place is where a project stands in a tree: how deep, and whether anything is below it.
type Place struct {
	Depth  int
	Parent bool
}

// Filters are what projects can be filtered and sorted by.
var Filters = filter.Fields{
	"id":                  {Kind: filter.Ref, Column: "p.id"},
	"active":              {Kind: filter.Bool, Column: "p.active"},
	"public":              {Kind: filter.Bool, Column: "p.public"},
	"templated":           {Kind: filter.Bool, Column: "p.templated"},
	"name":                {Kind: filter.Text, Column: "p.name_folded"},
	"identifier":          {Kind: filter.Text, Column: "p.identifier_folded"},
	"name_and_identifier": {Kind: filter.Special, SortBy: "p.name_folded", Compile: byName},
	"typeahead":           {Kind: filter.Special, SortBy: "-", Compile: byName},
	"search":              {Kind: filter.Special, SortBy: "-", Compile: byName},
	"parent":              {Kind: filter.Ref, Column: "p.parent_id"},
	"ancestor":            {Kind: filter.Special, SortBy: "-", Compile: byAncestor},
	"principal":           {Kind: filter.Special, SortBy: "-", Compile: byMember},
	"member":              {Kind: filter.Special, SortBy: "-", Compile: byMember},
	"type":                {Kind: filter.Special, SortBy: "-", Compile: byType},
	"project_status_code": {Kind: filter.Special, SortBy: "p.status_code", Compile: byStatus},
	"status":              {Kind: filter.Special, SortBy: "p.status_code", Compile: byStatus},
	"status_code":         {Kind: filter.Special, SortBy: "p.status_code", Compile: byStatus},
	"favorited":           {Kind: filter.Special, SortBy: "-", Compile: byFavorite},
	"created_at":          {Kind: filter.Instant, Column: "p.created_at"},
	"updated_at":          {Kind: filter.Instant, Column: "p.updated_at"},
}

// List returns a page of the projects that actor may see, archived ones for
// administrators included unless a filter says otherwise.
//
// Faults: Invalid for unknown filters and sort criteria.
func (s *Service) List(ctx context.Context, a access.Actor, in ListInput) (*Page, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		cond, err := Filters.Compile(in.Filters, filter.Env{Now: tx.Now(), Location: in.Location, Me: int64(a.ID)})
		if err != nil {
			return nil, err
		}
		by, err := order(a, in.Sort)
		if err != nil {
			return nil, err
		}
		where := db.And(access.Visible("p.id", a, access.ViewProject), cond)
		p := &Page{}
		if in.Tree {
			err = p.asTree(ctx, tx, where, by, in)
		} else {
			err = p.asList(ctx, tx, where, by, in.Page)
		}
		if err != nil {
			return nil, err
		}
		if err := p.complete(ctx, tx, a); err != nil || !in.Figures {
			return p, err
		}
		return p, p.figures(ctx, tx)
	})
}

func (p *Page) asList(ctx context.Context, tx *db.Tx, where, by db.Frag, page filter.Page) (err error) {
	if p.Total, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM projects p WHERE`).Append(where)); err != nil {
		return err
	}
	p.Shown = p.Total
	if page.Size > 0 && p.Total > page.Start() {
		p.Items, err = db.All[Project](ctx, tx, db.SQL(`SELECT `+columns+` FROM projects p WHERE`).Append(where).
			Add(`ORDER BY`).Append(by).Add(`LIMIT ? OFFSET ?`, page.Size, page.Start()))
	}
	return err
}

// asTree reads the ids of all projects, puts those that match in their places and reads
// the rest of the rows of one page.
func (p *Page) asTree(ctx context.Context, tx *db.Tx, where, by db.Frag, in ListInput) error {
	all, err := db.All[Node](ctx, tx, db.SQL(`SELECT p.id, p.parent_id, CASE WHEN`).Append(where).
		Add(`THEN TRUE ELSE FALSE END AS seen FROM projects p WHERE p.deleted_at IS NULL ORDER BY`).Append(by))
	if err != nil {
		return err
	}
	rows := arrange(all)
	p.Total, p.Places = len(rows), map[id.Project]Place{}
	rows = p.unfolded(rows, in.Folded)
	p.Shown = len(rows)
	rows = rows[min(in.Page.Start(), len(rows)):min(in.Page.Start()+in.Page.Size, len(rows))]
	at := make(map[id.Project]int, len(rows))
	ids := make([]id.Project, len(rows))
	for i, n := range rows {
		at[n.ID], ids[i] = i, n.ID
	}
	found, err := db.All[Project](ctx, tx, db.SQL(`SELECT `+columns+` FROM projects p WHERE`).Append(db.In("p.id", ids)))
	p.Items = make([]Project, len(rows))
	for i := range found {
		p.Items[at[found[i].ID]] = found[i]
	}
	return err
}

// unfolded notes the places of the rows and returns those that are below no folded one.
func (p *Page) unfolded(rows []Node, folded []id.Project) []Node {
	var out []Node
	under := -1 // depth of the folded row whose descendants come next
	for i, n := range rows {
		p.Places[n.ID] = Place{Depth: n.Depth, Parent: i+1 < len(rows) && rows[i+1].Depth > n.Depth}
		if under >= 0 && n.Depth > under {
			continue
		}
		under = -1
		if slices.Contains(folded, n.ID) {
			under = n.Depth
		}
		out = append(out, n)
	}
	return out
}

func (p *Page) complete(ctx context.Context, tx *db.Tx, a access.Actor) error {
	ids := make([]id.Project, len(p.Items))
	for i := range p.Items {
		ids[i] = p.Items[i].ID
	}
	var err error
	if p.Grants, err = access.Load(ctx, tx, a, ids); err != nil {
		return err
	}
	return fill(ctx, tx, a, p.Items)
}

// Node is a project in the tree of all that the actor may see.
type Node struct {
	ID         id.Project `db:"id"`
	Identifier string     `db:"identifier"`
	Name       string     `db:"name"`
	Public     bool       `db:"public"`
	Active     bool       `db:"active"`
	Status     *string    `db:"status_code"`
	// Parent is the nearest ancestor that the actor may see, nil at the top.
	Parent *id.Project `db:"-"`
	// Depth counts from 0 at the top.
	Depth   int         `db:"-"`
	Real    *id.Project `db:"parent_id"`
	Visible bool        `db:"seen"`
	// Favorited says that the actor marked it.
	Favorited bool `db:"favorited"`
	children  []int
}

// Tree returns the projects that actor may see, each after its parent and
// siblings by name. One whose parent is hidden stands under the nearest
// ancestor that is not. Archived projects are left out.
func (s *Service) Tree(ctx context.Context, a access.Actor) ([]Node, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Node, error) {
		rows, err := db.All[Node](ctx, tx, db.SQL(`SELECT p.id, p.identifier, p.name, p.public, p.active, p.status_code, p.parent_id,
			(p.active AND`).Append(access.Visible("p.id", a, access.ViewProject)).
			Add(`) AS seen,`).Append(favored(int64(a.ID))).Add(`AS favorited FROM projects p WHERE p.deleted_at IS NULL ORDER BY p.name_folded, p.id`))
		if err != nil {
			return nil, err
		}
		return arrange(rows), nil
	})
}

// arrange puts rows, sorted by name, into the order of the tree.
func arrange(rows []Node) []Node {
	at := make(map[id.Project]int, len(rows))
	for i := range rows {
		at[rows[i].ID] = i
	}
	var top []int
	for i := range rows {
		if !rows[i].Visible {
			continue
		}
		up, ok := nearest(rows, at, i)
		if !ok {
			top = append(top, i)
			continue
		}
		rows[i].Parent = &rows[up].ID
		rows[up].children = append(rows[up].children, i)
	}
	var out []Node
	var walk func(list []int, depth int)
	walk = func(list []int, depth int) {
		for _, i := range list {
			n := rows[i]
			n.Depth, n.children = depth, nil
			out = append(out, n)
			walk(rows[i].children, depth+1)
		}
	}
	walk(top, 0)
	return out
}

func nearest(rows []Node, at map[id.Project]int, i int) (int, bool) {
	for up := rows[i].Real; up != nil; {
		j, ok := at[*up]
		if !ok {
			return 0, false
		}
		if rows[j].Visible {
			return j, true
		}
		up = rows[j].Real
	}
	return 0, false
}

// AvailableParents returns the projects under which actor may put project n,
// or a new one for 0, by name.
//
// Faults: NotFound when actor may not see project n.
func (s *Service) AvailableParents(ctx context.Context, a access.Actor, n id.Project) ([]Project, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Project, error) {
		out := []id.Project{n}
		if n != 0 {
			if _, err := visible(ctx, tx, a, n); err != nil {
				return nil, err
			}
			lower, err := below(ctx, tx, n, inUse)
			if err != nil {
				return nil, err
			}
			out = slices.Concat(out, lower)
		}
		rows, err := db.All[Project](ctx, tx, db.SQL(`SELECT `+columns+` FROM projects p WHERE`).
			Append(db.And(access.Visible("p.id", a, access.AddSubprojects), db.Not(db.In("p.id", out)))).Add(`ORDER BY p.name_folded, p.id`))
		if err != nil {
			return nil, err
		}
		return rows, fill(ctx, tx, a, rows)
	})
}

// MayCreate says whether the actor may add projects somewhere.
func (s *Service) MayCreate(ctx context.Context, a access.Actor) (bool, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) {
		err := mayCreate(ctx, tx, a, Patch{})
		switch fault.KindOf(err) {
		case fault.KindInvalid: // may, but needs a parent
			return true, nil
		case fault.KindForbidden, fault.KindUnauthenticated:
			return false, nil
		default:
			return err == nil, err
		}
	})
}
