package version

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

const columns = `v.id, v.project_id, v.name, v.description, v.start_date, v.effective_date, v.status, v.sharing, v.created_at, v.updated_at,
	p.name AS project_name`

// rows is the query of versions as the actor sees them, open for a condition.
func rows(a access.Actor) db.Frag {
	return db.SQL(`SELECT ` + columns + `, (`).Append(access.VisibleEach("v.project_id", a, access.ViewProject)).
		Add(`) AS project_seen FROM versions v JOIN projects p ON p.id = v.project_id WHERE`)
}

// Find returns one version.
//
// Faults: NotFound when it is available in no project in which actor may see work
// packages or manage versions.
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Version) (*Version, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Version, error) { return find(ctx, tx, a, n) })
}

func find(ctx context.Context, tx *db.Tx, a access.Actor, n id.Version) (*Version, error) {
	v, err := db.Find[Version](ctx, tx, "version", rows(a).Add(`v.id = ? AND`, n).Append(visible(a)))
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// Filters are what versions can be filtered and sorted by. Names are sorted so that
// the numbers in them count.
var Filters = filter.Fields{
	"id":      {Kind: filter.Ref, Column: "v.id"},
	"name":    {Kind: filter.Text, Column: "v.name_folded"},
	"sharing": {Kind: filter.Text, Column: "v.sharing", SortBy: "-"},
	"status":  {Kind: filter.Text, Column: "v.status", SortBy: "-"},
	"project": {Kind: filter.Ref, Column: "v.project_id", SortBy: "-"},
}

// ListInput selects versions.
type ListInput struct {
	// Project asks for the versions that the project may plan for; 0 for all that
	// are visible.
	Project id.Project
	Filters []filter.Condition
	// Sort is by id or name; without it by finish, those without one last, and name.
	Sort []filter.Sort
	// Page selects a part; size 0 the number only.
	Page filter.Page
}

// Everything is the page that holds as many as there can be.
var Everything = filter.Page{Number: 1, Size: 10_000}

// Page is a page of versions, with what the actor may do in their projects.
type Page struct {
	Items []Version
	// Total counts everything the filters select, on all pages.
	Total  int
	Grants *access.Grants
}

// key is what a version is sorted by.
type key struct {
	ID   id.Version `db:"id"`
	Name string     `db:"name_folded"`
	Due  *db.Day    `db:"effective_date"`
}

// List returns a page of the versions that actor may see.
//
// Faults: NotFound when actor may neither see work packages nor manage versions in
// the project, Invalid for unknown filters and sort criteria.
func (s *Service) List(ctx context.Context, a access.Actor, in ListInput) (*Page, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		cond, err := Filters.Compile(in.Filters, filter.Env{Now: tx.Now(), Me: int64(a.ID)})
		if err != nil {
			return nil, err
		}
		if _, err := Filters.Order(in.Sort); err != nil {
			return nil, err
		}
		where := db.And(visible(a), cond)
		if in.Project != 0 {
			if err := mayList(ctx, tx, a, in.Project); err != nil {
				return nil, err
			}
			where = db.And(Available(in.Project), cond)
		}
		keys, err := db.All[key](ctx, tx, db.SQL(`SELECT v.id, v.name_folded, v.effective_date FROM versions v WHERE`).Append(where))
		if err != nil {
			return nil, err
		}
		arrange(keys, in.Sort)
		p := &Page{Total: len(keys)}
		from := min(max(in.Page.Start(), 0), len(keys))
		keys = keys[from:min(from+in.Page.Size, len(keys))]
		if err := p.load(ctx, tx, a, keys); err != nil {
			return nil, err
		}
		return p, p.grants(ctx, tx, a)
	})
}

// mayList is NotFound for those who cannot know which versions the project has.
func mayList(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) error {
	for _, p := range []access.Permission{access.ViewWorkPackages, access.ManageVersions} {
		ok, err := access.Allowed(ctx, tx, a, p, project)
		if ok || err != nil {
			return err
		}
	}
	return fault.NotFound("project")
}

// load reads the versions with the keys, in their order.
func (p *Page) load(ctx context.Context, tx *db.Tx, a access.Actor, keys []key) error {
	if len(keys) == 0 {
		return nil
	}
	ids, at := make([]id.Version, len(keys)), map[id.Version]int{}
	for i, k := range keys {
		ids[i], at[k.ID] = k.ID, i
	}
	found, err := db.All[Version](ctx, tx, rows(a).Append(db.In("v.id", ids)))
	slices.SortFunc(found, func(x, y Version) int { return at[x.ID] - at[y.ID] })
	p.Items = found
	return err
}

func (p *Page) grants(ctx context.Context, tx *db.Tx, a access.Actor) (err error) {
	var projects []id.Project
	for _, v := range p.Items {
		if !slices.Contains(projects, v.ProjectID) {
			projects = append(projects, v.ProjectID)
		}
	}
	p.Grants, err = access.Load(ctx, tx, a, projects)
	return err
}

func arrange(keys []key, sorts []filter.Sort) {
	slices.SortFunc(keys, func(x, y key) int {
		for _, s := range sorts {
			c := cmp.Compare(x.ID, y.ID)
			if s.Name == "name" {
				c = CompareNames(x.Name, y.Name)
			}
			if s.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		if len(sorts) == 0 {
			if c := CompareDays(x.Due, y.Due); c != 0 {
				return c
			}
		}
		return cmp.Or(CompareNames(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
}

// CompareDays puts what has no day last.
func CompareDays(x, y *db.Day) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	return cmp.Compare(*x, *y)
}

// CompareNames compares names as people do: digits in a row are a number, so that
// 1.9 comes before 1.10.
func CompareNames(x, y string) int {
	a, b := x, y
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			da, db := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(da), len(db)), cmp.Compare(da, db)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(x, y))
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// Progress is how much of a version is done, counted in work packages that the
// actor may see.
type Progress struct{ Open, Closed int }

// All is the number of work packages.
func (p Progress) All() int { return p.Open + p.Closed }

// Progress counts the work packages of versions.
func (s *Service) Progress(ctx context.Context, a access.Actor, versions []id.Version) (map[id.Version]Progress, error) {
	out := map[id.Version]Progress{}
	if len(versions) == 0 {
		return out, nil
	}
	type row struct {
		ID     id.Version `db:"version_id"`
		Closed bool       `db:"is_closed"`
		Count  int        `db:"n"`
	}
	counted, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](ctx, tx, db.SQL(`SELECT w.version_id, s.is_closed, COUNT(*) AS n FROM work_packages w
			JOIN statuses s ON s.id = w.status_id WHERE w.deleted_at IS NULL AND`).Append(db.In("w.version_id", versions)).
			Add(`AND`).Append(access.Visible("w.project_id", a, access.ViewWorkPackages)).Add(`GROUP BY w.version_id, s.is_closed`))
	})
	for _, r := range counted {
		p := out[r.ID]
		if r.Closed {
			p.Closed += r.Count
		} else {
			p.Open += r.Count
		}
		out[r.ID] = p
	}
	return out, err
}

// Projects returns the ids of the projects that may plan for a version and that
// actor may see.
//
// Faults: NotFound when actor may not see the version.
func (s *Service) Projects(ctx context.Context, a access.Actor, n id.Version) ([]id.Project, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]id.Project, error) {
		v, err := find(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		return db.All[id.Project](ctx, tx, access.Projects(a, access.ViewProject).Add(`AND p.active AND p.id IN (`).
			Append(reach(v)).Add(`) ORDER BY p.name_folded, p.id`))
	})
}
