package project

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Saved is a project as a backup holds it.
type Saved struct {
	Project
	History []journal.Entry
	// Members are the roles that people and groups had in it, without those that
	// came from groups.
	Members map[id.User][]id.Role
}

// Comparison is what bringing a saved project back changes, or has changed.
type Comparison struct {
	// Gone: there is no such project any more; InTrash: it is in the trash.
	Gone, InTrash bool
	// Changes are the fields that differ, by their labels: now, and as saved.
	Changes []Changed
	// Members are to get these roles back, which is for package membership to do.
	Members map[id.User][]id.Role
	Notes   []string
}

// Changed is one field of a Comparison.
type Changed struct{ Label, Old, New string }

// Same says that nothing would change.
func (c Comparison) Same() bool { return !c.Gone && !c.InTrash && len(c.Changes) == 0 }

// Compare says what Reinstate would do. Only administrators may.
//
// Faults: Forbidden.
func (s *Service) Compare(ctx context.Context, a access.Actor, saved Saved) (Comparison, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Comparison, error) {
		r, err := s.reinstating(ctx, tx, a, saved)
		if err != nil {
			return Comparison{}, err
		}
		return r.out, nil
	})
}

// Reinstate brings a saved project back under its number: out of the trash, or anew
// where it is gone; and its fields as they were saved. The return is a change of its own, with cause. What
// is in it comes back through the services of its own. It may be done twice.
//
// Faults: Forbidden.
func (s *Service) Reinstate(ctx context.Context, a access.Actor, saved Saved, cause string) (Comparison, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Comparison, error) {
		r, err := s.reinstating(ctx, tx, a, saved)
		if err != nil || r.out.Same() {
			return r.out, err
		}
		return r.out, r.apply(ctx, tx, a, cause)
	})
}

// reinstatement is one run of Reinstate.
type reinstatement struct {
	s     *Service
	saved Saved
	now   *Project // nil when it is gone
	after Project
	out   Comparison
}

func (s *Service) reinstating(ctx context.Context, tx *db.Tx, a access.Actor, saved Saved) (*reinstatement, error) {
	r := &reinstatement{s: s, saved: saved, after: saved.Project}
	if a.Kind != access.Machine {
		if err := access.RequireAdmin(a); err != nil {
			return r, err
		}
	}
	for _, step := range []func(context.Context, *db.Tx) error{r.present, r.place, r.types, r.people} {
		if err := step(ctx, tx); err != nil {
			return r, err
		}
	}
	var now Project
	if r.now != nil {
		now = *r.now
	}
	for _, f := range Fields {
		if old, to := f.text(&now), f.text(&r.after); old != to {
			r.out.Changes = append(r.out.Changes, Changed{f.Label, old, to})
		}
	}
	return r, nil
}

func (r *reinstatement) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, args...))
}

func (r *reinstatement) present(ctx context.Context, tx *db.Tx) error {
	trashed, found, err := db.One[bool](ctx, tx, db.SQL(`SELECT deleted_at IS NOT NULL FROM projects WHERE id = ?`, r.saved.ID))
	if err != nil {
		return err
	}
	if r.out.Gone, r.out.InTrash = !found, trashed; !found {
		return nil
	}
	rows, err := byIDs(ctx, tx, []id.Project{r.saved.ID})
	if err != nil {
		return err
	}
	r.now = &rows[0]
	return nil
}

// place gives it another identifier where its own is taken, and lets go of a parent
// that is not there or below it now.
func (r *reinstatement) place(ctx context.Context, tx *db.Tx) error {
	taken, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM projects WHERE identifier_folded = ? AND id <> ?`, db.Fold(r.after.Identifier), r.saved.ID))
	if err != nil {
		return err
	}
	if taken > 0 {
		free, err := freeIdentifier(ctx, tx, r.after.Identifier)
		if err != nil {
			return err
		}
		r.note("its identifier %s is taken; it gets %s", r.after.Identifier, free)
		r.after.Identifier = free
	}
	if r.after.ParentID == nil {
		return nil
	}
	_, found, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM projects WHERE id = ? AND deleted_at IS NULL`, *r.after.ParentID))
	if err != nil {
		return err
	}
	lower, err := below(ctx, tx, r.saved.ID, inUse)
	if err != nil {
		return err
	}
	if !found || slices.Contains(lower, *r.after.ParentID) {
		r.note("its parent, project %d, is not there, or below it now, and is left out", *r.after.ParentID)
		r.after.ParentID = nil
	}
	return nil
}

func (r *reinstatement) types(ctx context.Context, tx *db.Tx) error {
	there, err := db.All[id.Type](ctx, tx, db.SQL(`SELECT id FROM types ORDER BY position, id`))
	if err != nil {
		return err
	}
	var kept []id.Type
	for _, t := range there {
		if slices.Contains(r.after.Types, t) {
			kept = append(kept, t)
		}
	}
	if len(kept) < len(r.after.Types) {
		r.note("%d of its types have been deleted", len(r.after.Types)-len(kept))
	}
	r.after.Types = kept
	return nil
}

// people are the members that a project which is gone gets back. In one that is
// there, or in the trash, whoever was a member still is; rights taken since stay so.
func (r *reinstatement) people(ctx context.Context, tx *db.Tx) error {
	if r.now != nil || len(r.saved.Members) == 0 {
		return nil
	}
	active, err := db.All[id.User](ctx, tx, db.SQL(`SELECT id FROM users WHERE deleted_at IS NULL AND (kind = 'Group' OR kind = 'User' AND status <> 3)`))
	if err != nil {
		return err
	}
	roles, err := db.All[id.Role](ctx, tx, db.SQL(`SELECT id FROM roles`))
	if err != nil {
		return err
	}
	back := map[id.User][]id.Role{}
	for u, had := range r.saved.Members {
		had = slices.DeleteFunc(slices.Clone(had), func(n id.Role) bool { return !slices.Contains(roles, n) })
		if slices.Contains(active, u) && len(had) > 0 {
			back[u] = had
		}
	}
	if lost := len(r.saved.Members) - len(back); lost > 0 {
		r.note("%d of its members are locked or not there any more, or their roles are not", lost)
	}
	r.out.Members = back
	return nil
}

func (r *reinstatement) apply(ctx context.Context, tx *db.Tx, a access.Actor, cause string) error {
	p := &r.after
	if r.now == nil {
		if err := reinsert(ctx, tx, p); err != nil {
			return err
		}
		if err := r.history(ctx, tx); err != nil {
			return err
		}
	} else {
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET deleted_at = NULL, deleted_by = NULL, active = ? WHERE id = ?`, p.Active, p.ID)); err != nil {
			return err
		}
		if err := update(ctx, tx, r.now, p); err != nil {
			return err
		}
	}
	if err := record(ctx, tx, a, p, change{cause: cause, apart: true}); err != nil {
		return err
	}
	return r.s.auditAct(ctx, tx, a, "project.retrieve", p)
}

// history puts back the entries that the purge has taken.
func (r *reinstatement) history(ctx context.Context, tx *db.Tx) error {
	there, err := db.All[id.User](ctx, tx, db.SQL(`SELECT id FROM users`))
	if err != nil {
		return err
	}
	entries := slices.Clone(r.saved.History)
	for i := range entries {
		if !slices.Contains(there, entries[i].UserID) {
			entries[i].UserID = 3 // stands for deleted users
		}
	}
	return journal.Reinsert(ctx, tx, entries)
}

// reinsert puts a row back under its number.
func reinsert(ctx context.Context, tx *db.Tx, p *Project) error {
	p.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, description,
		public, active, templated, parent_id, status_code, status_explanation, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.Identifier, db.Fold(p.Identifier), p.Name, db.Fold(p.Name), p.Description, p.Public, p.Active, p.Templated,
		p.ParentID, p.Status, p.StatusExplanation, p.CreatedAt, p.UpdatedAt)); err != nil {
		return taken(err)
	}
	if err := addModules(ctx, tx, p.ID, p.Modules); err != nil {
		return err
	}
	return addTypes(ctx, tx, p.ID, p.Types)
}
