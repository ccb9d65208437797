package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Create makes a project. Its creator becomes a member, unless it is an
// administrator, who needs no membership.
//
// Faults: Forbidden without the right to add projects (or, with a parent,
// subprojects there), Invalid with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, p Patch) (*Project, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Project, error) {
		if err := mayCreate(ctx, tx, a, p); err != nil {
			return nil, err
		}
		d, err := s.draft(ctx, tx, a, nil, p)
		if err != nil {
			return nil, err
		}
		if err := d.errs.err(); err != nil {
			return nil, err
		}
		w := d.after
		w.Active = true
		if err := insert(ctx, tx, &w); err != nil {
			return nil, err
		}
		if !a.Admin {
			if err := s.creators.AddCreator(ctx, tx, a, w.ID, s.settings.NewProjectRole()); err != nil {
				return nil, err
			}
		}
		return &w, record(ctx, tx, a, &w, change{first: true})
	})
}

// mayCreate lets in who may add projects, or subprojects in the wanted parent.
func mayCreate(ctx context.Context, tx *db.Tx, a access.Actor, p Patch) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	ok, err := access.Allowed(ctx, tx, a, access.AddProject, 0)
	if ok || err != nil {
		return err
	}
	var parent id.Project
	if p.Parent.V != nil {
		parent = *p.Parent.V
	}
	ok, err = access.Allowed(ctx, tx, a, access.AddSubprojects, parent)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Forbidden("you are not allowed to add projects here")
	}
	if parent == 0 { // may somewhere, but not at the top
		return fault.InvalidField("parent", "blank")
	}
	return nil
}

// Form is what a form needs to know of a project that is being written.
type Form struct {
	// Draft is the project as it would be saved.
	Draft Project
	// Errors are the refused fields; none means that saving would succeed.
	Errors []fault.Field
	Schema Schema
}

// Schema is the contract of the fields for one actor and project.
type Schema struct {
	// Writable says by field name whether the actor may write it.
	Writable map[string]bool
	// Statuses are the codes a project can have, Modules the names.
	Statuses []string
	Modules  []string
}

// Preview is Update, or Create for project 0, without saving: it explains
// what saving would do and refuse.
//
// Faults: as Create and Update, but for Invalid.
func (s *Service) Preview(ctx context.Context, a access.Actor, n id.Project, p Patch) (*Form, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Form, error) {
		var before *Project
		var err error
		var denied []fault.Field
		if n == 0 {
			if err = mayCreate(ctx, tx, a, p); fault.Is(err, fault.KindInvalid) {
				denied, err = fault.Fields(err), nil
			}
		} else if before, err = visible(ctx, tx, a, n); err == nil {
			err = mayChange(ctx, tx, a, before)
		}
		if err != nil {
			return nil, err
		}
		d, err := s.draft(ctx, tx, a, before, p)
		if err != nil {
			return nil, err
		}
		return &Form{Draft: d.after, Errors: append(d.errs.fields, denied...), Schema: d.schema()}, nil
	})
}

// SchemaOf returns the schema of a project, or of a new one for 0.
//
// Faults: NotFound when actor may not see the project.
func (s *Service) SchemaOf(ctx context.Context, a access.Actor, n id.Project) (*Schema, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Schema, error) {
		d := &drafting{s: s, tx: tx, actor: a}
		if n != 0 {
			var err error
			if d.before, err = visible(ctx, tx, a, n); err != nil {
				return nil, err
			}
			if d.grants, err = access.Load(ctx, tx, a, []id.Project{n}); err != nil {
				return nil, err
			}
		}
		sc := d.schema()
		return &sc, nil
	})
}

func (d *drafting) schema() Schema {
	sc := Schema{Writable: map[string]bool{}, Modules: ModuleNames}
	for _, f := range Fields {
		sc.Writable[f.Name] = d.writable(f)
	}
	for _, st := range Statuses {
		sc.Statuses = append(sc.Statuses, st.Code)
	}
	return sc
}
