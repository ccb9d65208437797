package project

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// drafting applies a patch to a project and collects what is wrong with it.
// It writes nothing.
type drafting struct {
	s      *Service
	tx     *db.Tx
	actor  access.Actor
	before *Project // nil for a new one
	after  Project
	patch  Patch
	grants *access.Grants
	errs   errorList
}

// draft returns the project after the patch.
func (s *Service) draft(ctx context.Context, tx *db.Tx, a access.Actor, before *Project, p Patch) (*drafting, error) {
	d := &drafting{s: s, tx: tx, actor: a, before: before, patch: p}
	if before != nil {
		d.after = *before
		var err error
		if d.grants, err = access.Load(ctx, tx, a, []id.Project{before.ID}); err != nil {
			return nil, err
		}
	} else if err := d.defaults(ctx); err != nil {
		return nil, err
	}
	d.plain()
	for _, step := range []func(context.Context) error{d.identifier, d.parent, d.types} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	d.errs.texts(&d.after)
	d.readOnly()
	return d, nil
}

// defaults are what a new project has where the patch says nothing.
func (d *drafting) defaults(ctx context.Context) error {
	d.after = Project{Active: true, Public: d.s.settings.ProjectsPublic(), Modules: d.s.settings.ProjectModules()}
	if d.after.Modules == nil {
		d.after.Modules = DefaultModules
	}
	d.after.Modules = sorted(d.after.Modules)
	if d.patch.Template != 0 {
		return d.template(ctx)
	}
	var err error
	d.after.Types, err = db.All[id.Type](ctx, d.tx, db.SQL(`SELECT id FROM types WHERE is_default ORDER BY position, id`))
	return err
}

// template takes modules and types from a project that is marked as a template.
func (d *drafting) template(ctx context.Context) error {
	t, err := visible(ctx, d.tx, d.actor, d.patch.Template)
	switch {
	case fault.Is(err, fault.KindNotFound):
		d.errs.add("template", "does_not_exist")
		return nil
	case err != nil:
		return err
	case !t.Templated:
		d.errs.add("template", "not_available")
		return nil
	}
	d.after.Modules, d.after.Types = t.Modules, t.Types
	return nil
}

func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

// plain copies the values that need no look-up.
func (d *drafting) plain() {
	p, w := &d.patch, &d.after
	w.Name = strings.TrimSpace(p.Name.Or(w.Name))
	w.Identifier = strings.TrimSpace(p.Identifier.Or(w.Identifier))
	w.Description = p.Description.Or(w.Description)
	w.Public = p.Public.Or(w.Public)
	w.Active = p.Active.Or(w.Active)
	w.Templated = p.Templated.Or(w.Templated)
	w.Status = p.Status.Or(w.Status)
	w.StatusExplanation = p.StatusExplanation.Or(w.StatusExplanation)
	if p.Modules.Set {
		w.Modules = sorted(p.Modules.V)
	}
}

// identifier derives one from the name where a new project gives none, and
// refuses one that another project has.
func (d *drafting) identifier(ctx context.Context) error {
	w := &d.after
	if w.Identifier == "" && d.before == nil && w.Name != "" {
		free, err := freeIdentifier(ctx, d.tx, slug(w.Name))
		w.Identifier = free
		return err
	}
	if d.before != nil && d.before.Identifier == w.Identifier {
		return nil
	}
	_, ok, err := db.One[id.Project](ctx, d.tx, db.SQL(`SELECT id FROM projects WHERE identifier_folded = ? AND id <> ?`, db.Fold(w.Identifier), w.ID))
	if ok {
		d.errs.add("identifier", "taken")
	}
	return err
}

// freeIdentifier returns base, with a number when base is taken.
func freeIdentifier(ctx context.Context, tx *db.Tx, base string) (string, error) {
	used, err := db.All[string](ctx, tx, db.SQL(`SELECT identifier_folded FROM projects WHERE`).Append(db.HasPrefix("identifier_folded", base)))
	if err != nil || !slices.Contains(used, db.Fold(base)) {
		return base, err
	}
	for n := 2; ; n++ {
		if try := fmt.Sprintf("%s-%d", base, n); !slices.Contains(used, db.Fold(try)) {
			return try, nil
		}
	}
}

// parent checks the rights in the new parent and that there is no cycle.
func (d *drafting) parent(ctx context.Context) error {
	if !d.patch.Parent.Set {
		return nil
	}
	d.after.ParentID = d.patch.Parent.V
	if d.before != nil && text(d.before.ParentID) == text(d.after.ParentID) {
		return nil
	}
	d.after.Ancestors = nil
	if d.after.ParentID == nil {
		if d.before == nil {
			return nil
		}
		ok, err := access.Allowed(ctx, d.tx, d.actor, access.AddProject, 0)
		if !ok {
			d.errs.add("parent", "not_available")
		}
		return err
	}
	return d.under(ctx, *d.after.ParentID)
}

func (d *drafting) under(ctx context.Context, n id.Project) error {
	p, err := visible(ctx, d.tx, d.actor, n)
	if fault.Is(err, fault.KindNotFound) {
		d.errs.add("parent", "does_not_exist")
		return nil
	}
	if err != nil {
		return err
	}
	ok, err := access.Allowed(ctx, d.tx, d.actor, access.AddSubprojects, n)
	if err != nil {
		return err
	}
	if !ok {
		d.errs.add("parent", "not_available")
	}
	d.after.Ancestors = append(p.Ancestors, Ref{ID: p.ID, Identifier: p.Identifier, Name: p.Name, Active: p.Active})
	if d.before == nil {
		return nil
	}
	lower, err := below(ctx, d.tx, d.before.ID, inUse)
	if n == d.before.ID || slices.Contains(lower, n) {
		d.errs.add("parent", "cant_link_a_project_with_a_descendant")
	}
	return err
}

// types refuses unknown types and turning off one that work packages have.
func (d *drafting) types(ctx context.Context) error {
	if !d.patch.Types.Set {
		return nil
	}
	known, err := db.All[id.Type](ctx, d.tx, db.SQL(`SELECT id FROM types WHERE`).Append(db.In("id", d.patch.Types.V)).Add(`ORDER BY position, id`))
	if err != nil {
		return err
	}
	for _, t := range d.patch.Types.V {
		if !slices.Contains(known, t) {
			d.errs.add("types", "inclusion", "type", int64(t))
		}
	}
	d.after.Types = known
	if d.before == nil {
		return nil
	}
	used, err := db.All[id.Type](ctx, d.tx, db.SQL(`SELECT DISTINCT type_id FROM work_packages WHERE project_id = ? AND deleted_at IS NULL`, d.before.ID))
	for _, t := range used {
		if slices.Contains(d.before.Types, t) && !slices.Contains(known, t) {
			d.errs.add("types", "in_use_by_work_packages", "type", int64(t))
		}
	}
	return err
}

// readOnly refuses changes of fields the actor may not write. Sending the
// value that is there already is no change: clients send whole documents.
func (d *drafting) readOnly() {
	if d.before == nil {
		return
	}
	for _, f := range Fields {
		if f.set(&d.patch) && f.text(d.before) != f.text(&d.after) && !d.writable(f) {
			d.errs.add(f.Name, "read_only")
		}
	}
}

// writable says whether the actor may write the field of this project. Who
// may create a project gives it all its fields.
func (d *drafting) writable(f Field) bool {
	switch {
	case f.ReadOnly:
		return false
	case d.before == nil:
		return f.Name != "active"
	case f.Name == "active" && !d.before.Active:
		return d.actor.Admin
	case d.actor.Admin: // also what is archived
		return true
	}
	return d.grants.Has(f.Permission, d.before.ID)
}
