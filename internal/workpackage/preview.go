package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Form is what a form needs to know of a work package that is being written.
type Form struct {
	// Draft is the work package as it would be saved, with defaults and derived values.
	Draft WorkPackage
	// Errors are the refused fields; none means that saving would succeed.
	Errors []fault.Field
	Schema Schema
	Refs   *Refs
	// MayCommit says whether the actor may save at all.
	MayCommit bool
}

// Schema is the contract of the fields for one actor, project and type.
type Schema struct {
	Project id.Project
	Type    id.Type
	// Milestone says that the type has one date.
	Milestone bool
	// Writable says by field name whether the actor may write it.
	Writable map[string]bool
	// Allowed values of the small sets.
	Types      []Named
	Statuses   []Named
	Priorities []Named
	Versions   []Named
	Categories []Named
	// Assignees are filled for forms only.
	Assignees []Named
}

// Preview is Update, or Create for work package 0, without saving: it explains
// what saving would do and refuse.
//
// Faults: NotFound when actor may not see the work package or project,
// Conflict on a stale lock version.
func (s *Service) Preview(ctx context.Context, a access.Actor, wp id.WorkPackage, p Patch) (*Form, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Form, error) {
		var before *WorkPackage
		var err error
		if wp != 0 {
			if before, err = visible(ctx, tx, a, wp); err != nil {
				return nil, err
			}
			if p.LockVersion.Set && p.LockVersion.V != before.LockVersion {
				return nil, stale()
			}
		} else if p.Project.Set {
			if err := mayAdd(ctx, tx, a, p.Project.V); err != nil {
				return nil, err
			}
		}
		d, err := s.draft(ctx, tx, a, before, p)
		if err != nil {
			return nil, err
		}
		f := &Form{Draft: d.after, Errors: d.errs.fields, MayCommit: before == nil || s.mayChange(ctx, tx, a, before, &p) == nil}
		if f.Schema, err = s.schema(ctx, tx, a, before, &d.after, d.may); err != nil {
			return nil, err
		}
		f.Schema.Milestone = d.milestone
		if f.Schema.Assignees, err = people(ctx, tx, access.Assignable(d.after.ProjectID)); err != nil {
			return nil, err
		}
		f.Refs, err = loadRefs(ctx, tx, a, []WorkPackage{d.after})
		return f, err
	})
}

// SchemaOf returns the schema of a project's type, as for a new work package.
//
// Faults: NotFound when actor may not see the project or the type is not used in it.
func (s *Service) SchemaOf(ctx context.Context, a access.Actor, project id.Project, typ id.Type) (*Schema, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Schema, error) {
		g, err := access.Load(ctx, tx, a, []id.Project{project})
		if err != nil {
			return nil, err
		}
		if !g.Has(access.ViewWorkPackages, project) {
			return nil, fault.NotFound("schema")
		}
		milestone, err := db.Find[bool](ctx, tx, "schema", db.SQL(`SELECT t.is_milestone FROM types t JOIN projects_types pt ON pt.type_id = t.id
			WHERE pt.project_id = ? AND t.id = ?`, project, typ))
		if err != nil {
			return nil, err
		}
		all, err := statuses(ctx, tx)
		if err != nil {
			return nil, err
		}
		w := WorkPackage{ProjectID: project, TypeID: typ, StatusID: defaultStatus(all), AuthorID: a.ID}
		sc, err := s.schema(ctx, tx, a, nil, &w, func(p access.Permission) bool {
			return g.Has(p, project) || !apart(p) && g.Has(access.AddWorkPackages, project)
		})
		sc.Milestone = milestone
		return &sc, err
	})
}

// schema describes the fields; the statuses are those the actor can reach.
func (s *Service) schema(ctx context.Context, tx *db.Tx, a access.Actor, before, after *WorkPackage, may func(access.Permission) bool) (Schema, error) {
	sc := Schema{Project: after.ProjectID, Type: after.TypeID, Writable: map[string]bool{}}
	for _, f := range Fields {
		sc.Writable[f.Name] = f.writable(may)
	}
	if s.settings.StatusBasedProgress() {
		sc.Writable["percentageDone"], sc.Writable["remainingTime"] = false, false
	}
	from := after.StatusID
	if before != nil {
		from = before.StatusID
	}
	if before == nil {
		all, err := statuses(ctx, tx)
		if err != nil {
			return sc, err
		}
		from = defaultStatus(all)
	}
	next, err := reachable(ctx, tx, a, after, from)
	if err != nil {
		return sc, err
	}
	if err := sc.loadPlanning(ctx, tx, before); err != nil {
		return sc, err
	}
	return sc, sc.load(ctx, tx, next)
}

// load fills the allowed values of the small sets, in their order.
func (sc *Schema) load(ctx context.Context, tx *db.Tx, allowed []id.Status) error {
	type row struct {
		Kind  string
		ID    int64
		Name  string
		Color string
		Flag  bool
		Pos   int
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT 't' AS kind, t.id, t.name, t.color, t.is_milestone AS flag, t.position AS pos
		FROM types t JOIN projects_types pt ON pt.type_id = t.id WHERE pt.project_id = ?
		UNION ALL SELECT 's', id, name, color, is_closed, position FROM statuses WHERE`, sc.Project).Append(db.In("id", allowed)).
		Add(`UNION ALL SELECT 'p', id, name, color, FALSE, position FROM priorities WHERE active ORDER BY 6, 2`))
	for _, r := range rows {
		n := Named{ID: r.ID, Name: r.Name, Color: r.Color}
		switch r.Kind {
		case "t":
			n.Milestone = r.Flag
			sc.Types = append(sc.Types, n)
		case "s":
			n.Closed = r.Flag
			sc.Statuses = append(sc.Statuses, n)
		default:
			sc.Priorities = append(sc.Priorities, n)
		}
	}
	return err
}
