package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Update applies p on behalf of actor and returns the new state; all of p is
// applied or none of it. Active false archives, true revives.
//
// Faults: NotFound when actor may not see the project, Forbidden when it may
// change nothing of it, Invalid with one entry per refused field.
func (s *Service) Update(ctx context.Context, a access.Actor, n id.Project, p Patch) (*Project, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Project, error) {
		before, err := visible(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		if err := mayChange(ctx, tx, a, before); err != nil {
			return nil, err
		}
		d, err := s.draft(ctx, tx, a, before, p)
		if err != nil {
			return nil, err
		}
		if err := d.errs.err(); err != nil {
			return nil, err
		}
		return s.save(ctx, tx, a, before, &d.after, change{})
	})
}

// mayChange returns Forbidden when the actor may change nothing of a project.
func mayChange(ctx context.Context, tx *db.Tx, a access.Actor, p *Project) error {
	if err := access.RequireSignedIn(a); err != nil || a.Admin {
		return err
	}
	g, err := access.Load(ctx, tx, a, []id.Project{p.ID})
	if err != nil {
		return err
	}
	for _, f := range Fields {
		if g.Has(f.Permission, p.ID) {
			return nil
		}
	}
	return fault.Forbidden("you are not allowed to change this project")
}

func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, before, after *Project, c change) (*Project, error) {
	changed, flipped := false, before.Active != after.Active
	for _, f := range Fields {
		changed = changed || f.Name != "active" && f.text(before) != f.text(after)
	}
	if changed {
		if err := update(ctx, tx, before, after); err != nil {
			return nil, err
		}
		still := *after
		still.Active = before.Active
		if err := record(ctx, tx, a, &still, c); err != nil {
			return nil, err
		}
	}
	switch {
	case flipped && after.Active:
		return s.unarchive(ctx, tx, a, before.ID, c)
	case flipped:
		if _, err := s.archive(ctx, tx, a, before.ID, c); err != nil {
			return nil, err
		}
		return after, nil // who archived it may see it no more
	case !changed:
		return before, nil
	}
	return visible(ctx, tx, a, before.ID)
}

// Archive hides a project and its descendants from everybody but administrators.
//
// Faults: NotFound when actor may not see it, Forbidden when it may not
// archive it or one of its descendants, Conflict when it is archived already.
func (s *Service) Archive(ctx context.Context, a access.Actor, n id.Project) (*Project, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Project, error) { return s.archive(ctx, tx, a, n, change{}) })
}

func (s *Service) archive(ctx context.Context, tx *db.Tx, a access.Actor, n id.Project, c change) (*Project, error) {
	p, err := visible(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	if !p.Active {
		return nil, fault.Conflict("the project is archived already")
	}
	if err := access.Require(ctx, tx, a, access.ArchiveProject, n); err != nil {
		return nil, err
	}
	lower, err := below(ctx, tx, n, inUse+` AND c.active`)
	if err != nil {
		return nil, err
	}
	all := append([]id.Project{n}, lower...)
	denied, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM projects q WHERE`).Append(db.In("q.id", all)).
		Add(`AND NOT (`).Append(access.Visible("q.id", a, access.ArchiveProject)).Add(`)`))
	if err != nil {
		return nil, err
	}
	if denied > 0 {
		return nil, fault.Forbidden("some of its subprojects may not be archived by you")
	}
	rows, err := s.setActive(ctx, tx, a, all, false, c)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].ID == n {
			*p = rows[i]
		}
	}
	return p, s.auditAct(ctx, tx, a, "project.archive", p)
}

// setActive writes the flag and journals each project.
func (s *Service) setActive(ctx context.Context, tx *db.Tx, a access.Actor, all []id.Project, active bool, c change) ([]Project, error) {
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET active = ?, updated_at = ? WHERE`, active, tx.Stamp()).
		Append(db.In("id", all))); err != nil {
		return nil, err
	}
	rows, err := byIDs(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	c.apart = true
	return rows, recordAll(ctx, tx, a, rows, c)
}

// byIDs loads projects with all that belongs to them, whoever may see them.
func byIDs(ctx context.Context, tx *db.Tx, ids []id.Project) ([]Project, error) {
	rows, err := db.All[Project](ctx, tx, db.SQL(`SELECT `+columns+` FROM projects p WHERE`).Append(db.In("p.id", ids)).Add(`ORDER BY p.id`))
	if err != nil {
		return nil, err
	}
	return rows, fill(ctx, tx, access.System("projects"), rows)
}

// Unarchive revives an archived project, without its descendants.
//
// Faults: NotFound when actor may not see it, Forbidden for everyone but
// administrators, Conflict when it is active or an ancestor is archived.
func (s *Service) Unarchive(ctx context.Context, a access.Actor, n id.Project) (*Project, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Project, error) { return s.unarchive(ctx, tx, a, n, change{}) })
}

func (s *Service) unarchive(ctx context.Context, tx *db.Tx, a access.Actor, n id.Project, c change) (*Project, error) {
	p, err := visible(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	if err := access.RequireAdmin(a); err != nil {
		return nil, err
	}
	if p.Active {
		return nil, fault.Conflict("the project is active already")
	}
	for _, up := range p.Ancestors {
		if !up.Active {
			return nil, fault.Conflict("the project above it is archived: " + up.Name)
		}
	}
	rows, err := s.setActive(ctx, tx, a, []id.Project{n}, true, c)
	if err != nil {
		return nil, err
	}
	return &rows[0], s.auditAct(ctx, tx, a, "project.unarchive", &rows[0])
}
