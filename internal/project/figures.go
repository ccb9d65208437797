package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// Figures are how much there is in a project. What the actor may not see counts
// nothing: Work and People say whether they may.
type Figures struct {
	Work, People  bool
	Open, Closed  int
	Members       int
	LatestChanged db.Time // of the project or of what is in it
}

// All is the number of work packages.
func (f Figures) All() int { return f.Open + f.Closed }

// allowed are the ids of the projects in which the actor holds the permission.
func allowed(ps []Project, g *access.Grants, p access.Permission) []id.Project {
	var out []id.Project
	for i := range ps {
		if g.Has(p, ps[i].ID) {
			out = append(out, ps[i].ID)
		}
	}
	return out
}

// figures counts what is in the projects of a page, by three statements for all of them.
func (p *Page) figures(ctx context.Context, tx *db.Tx) error {
	p.Figures = make(map[id.Project]Figures, len(p.Items))
	for i := range p.Items {
		p.Figures[p.Items[i].ID] = Figures{LatestChanged: p.Items[i].UpdatedAt}
	}
	if err := p.countWork(ctx, tx, allowed(p.Items, p.Grants, access.ViewWorkPackages)); err != nil {
		return err
	}
	return p.countPeople(ctx, tx, allowed(p.Items, p.Grants, access.ViewMembers))
}

func (p *Page) countWork(ctx context.Context, tx *db.Tx, in []id.Project) error {
	if len(in) == 0 {
		return nil
	}
	for _, n := range in {
		f := p.Figures[n]
		f.Work = true
		p.Figures[n] = f
	}
	type count struct {
		Project id.Project `db:"project_id"`
		Closed  bool       `db:"is_closed"`
		N       int        `db:"n"`
	}
	counts, err := db.All[count](ctx, tx, db.SQL(`SELECT w.project_id, s.is_closed, COUNT(*) AS n FROM work_packages w JOIN statuses s ON s.id = w.status_id
		WHERE w.deleted_at IS NULL AND`).Append(db.In("w.project_id", in)).Add(`GROUP BY w.project_id, s.is_closed`))
	if err != nil {
		return err
	}
	for _, c := range counts {
		f := p.Figures[c.Project]
		if c.Closed {
			f.Closed = c.N
		} else {
			f.Open = c.N
		}
		p.Figures[c.Project] = f
	}
	type change struct {
		Project id.Project `db:"id"`
		At      *db.Time   `db:"at"`
	}
	changes, err := db.All[change](ctx, tx, db.SQL(`SELECT p.id, `+latestWork+` AS at FROM projects p WHERE`).Append(db.In("p.id", in)))
	for _, c := range changes {
		if f := p.Figures[c.Project]; c.At != nil && c.At.After(f.LatestChanged.Time) {
			f.LatestChanged = *c.At
			p.Figures[c.Project] = f
		}
	}
	return err
}

func (p *Page) countPeople(ctx context.Context, tx *db.Tx, in []id.Project) error {
	if len(in) == 0 {
		return nil
	}
	type count struct {
		Project id.Project `db:"project_id"`
		N       int        `db:"n"`
	}
	counts, err := db.All[count](ctx, tx, db.SQL(`SELECT m.project_id, COUNT(*) AS n FROM members m WHERE`).Append(db.In("m.project_id", in)).
		Add(`GROUP BY m.project_id`))
	for _, n := range in {
		f := p.Figures[n]
		f.People = true
		p.Figures[n] = f
	}
	for _, c := range counts {
		f := p.Figures[c.Project]
		f.Members = c.N
		p.Figures[c.Project] = f
	}
	return err
}

// latestWork is when a work package of the project p changed last, by one step into an index.
const latestWork = `(SELECT MAX(w.updated_at) FROM work_packages w WHERE w.project_id = p.id AND w.deleted_at IS NULL)`

// order is the ORDER BY list of the criteria. Figures order by what the actor may see of them.
func order(a access.Actor, sorts []filter.Sort) (db.Frag, error) {
	var parts []db.Frag
	for _, s := range sorts {
		part, ok := byFigure(a, s.Name)
		if !ok {
			plain, err := Filters.Order([]filter.Sort{s})
			if err != nil {
				return db.Frag{}, err
			}
			parts = append(parts, plain)
			continue
		}
		if s.Desc {
			part = part.Add(`DESC`)
		}
		parts = append(parts, part.Add(`NULLS LAST`))
	}
	if len(parts) == 0 {
		parts = append(parts, db.SQL(`p.name_folded`))
	}
	return db.List(append(parts, db.SQL(`p.id`))...), nil
}

func byFigure(a access.Actor, name string) (db.Frag, bool) {
	work := func(closed string) db.Frag {
		return db.SQL(`CASE WHEN`).Append(access.Visible("p.id", a, access.ViewWorkPackages)).
			Add(`THEN (SELECT COUNT(*) FROM work_packages w JOIN statuses s ON s.id = w.status_id
				WHERE w.project_id = p.id AND w.deleted_at IS NULL AND ` + closed + `) END`)
	}
	switch name {
	case "open_work_packages":
		return work(`NOT s.is_closed`), true
	case "closed_work_packages":
		return work(`s.is_closed`), true
	case "members":
		return db.SQL(`CASE WHEN`).Append(access.Visible("p.id", a, access.ViewMembers)).
			Add(`THEN (SELECT COUNT(*) FROM members m WHERE m.project_id = p.id) END`), true
	case "latest_activity_at":
		return db.SQL(`(SELECT MAX(x.at) FROM (SELECT p.updated_at AS at UNION ALL SELECT ` + latestWork + ` WHERE`).
			Append(access.Visible("p.id", a, access.ViewWorkPackages)).Add(`) x)`), true
	case "favorited":
		return db.SQL(`CASE WHEN`).Append(favored(int64(a.ID))).Add(`THEN 1 ELSE 0 END`), true
	}
	return db.Frag{}, false
}
