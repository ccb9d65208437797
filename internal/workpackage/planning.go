package workpackage

import (
	"cmp"
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/version"
)

// category checks the category, and finds the one of the same name after a move. It
// comes before people, because a category may name who gets new work.
func (d *drafting) category(ctx context.Context) error {
	w := &d.after
	w.CategoryID = d.patch.Category.Or(w.CategoryID)
	given := d.before == nil || text(d.before.CategoryID) != text(w.CategoryID)
	if w.CategoryID == nil || !given && !d.moved() {
		return nil
	}
	type row struct {
		ID       id.Category `db:"id"`
		Assignee *id.User    `db:"assigned_to_id"`
	}
	same := `c.id = o.id`
	if !given {
		same = `c.name_folded = o.name_folded`
	}
	c, ok, err := db.One[row](ctx, d.tx, db.SQL(`SELECT c.id, c.assigned_to_id FROM categories o JOIN categories c ON `+same+`
		WHERE o.id = ? AND c.project_id = ?`, *w.CategoryID, w.ProjectID))
	switch {
	case err != nil:
		return err
	case ok:
		w.CategoryID = &c.ID
	case given:
		d.errs.add("category", "not_available")
	default:
		w.CategoryID = nil
	}
	if d.before != nil || c.Assignee == nil || d.patch.Assignee.V != nil {
		return nil
	}
	may, err := assignable(ctx, d.tx, w.ProjectID, *c.Assignee)
	if may {
		d.fromCategory = c.Assignee
	}
	return err
}

// version checks the version: a new one must be open and available in the project;
// the one that is there may stay, after a move where it is shared with the project.
func (d *drafting) version(ctx context.Context) error {
	w := &d.after
	w.VersionID = d.patch.Version.Or(w.VersionID)
	given := d.before == nil || text(d.before.VersionID) != text(w.VersionID)
	if w.VersionID == nil || !given && !d.moved() {
		return nil
	}
	status, ok, err := db.One[string](ctx, d.tx, db.SQL(`SELECT v.status FROM versions v WHERE v.id = ? AND`, *w.VersionID).
		Append(version.Available(w.ProjectID)))
	switch {
	case err != nil:
		return err
	case !given && !ok:
		w.VersionID = nil
	case given && (!ok || status != version.Open):
		d.errs.add("version", "not_available")
	}
	return nil
}

// moved says whether the work package goes to another project.
func (d *drafting) moved() bool { return d.before != nil && d.before.ProjectID != d.after.ProjectID }

// reopening refuses to open again what was done in a version that is closed.
func (d *drafting) reopening(ctx context.Context, all []statusRow) error {
	if d.before == nil || d.before.VersionID == nil || text(d.patch.Version.Or(d.before.VersionID)) != text(d.before.VersionID) {
		return nil
	}
	was, _ := statusByID(all, d.before.StatusID)
	now, _ := statusByID(all, d.after.StatusID)
	if !was.Closed || now.Closed {
		return nil
	}
	closed, err := db.Scalar[int](ctx, d.tx, db.SQL(`SELECT COUNT(*) FROM versions WHERE id = ? AND status = ?`, *d.before.VersionID, version.Closed))
	if closed > 0 {
		d.errs.add("status", "version_closed")
	}
	return err
}

// planned are the versions and categories that work packages name.
func planned(ws []WorkPackage) (versions []id.Version, categories []id.Category) {
	for i := range ws {
		if v := ws[i].VersionID; v != nil {
			versions = append(versions, *v)
		}
		if c := ws[i].CategoryID; c != nil {
			categories = append(categories, *c)
		}
	}
	return unique(versions), unique(categories)
}

// loadPlanning fills in the versions that the project may plan for, next first, and
// its categories. The version that is there already stays among them.
func (sc *Schema) loadPlanning(ctx context.Context, tx *db.Tx, before *WorkPackage) error {
	var kept *id.Version
	if before != nil && before.ProjectID == sc.Project {
		kept = before.VersionID
	}
	type row struct {
		Kind   string
		ID     int64
		Name   string
		Closed bool
		Day    *db.Day
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT 'v' AS kind, v.id, v.name, v.status = 'closed' AS closed, v.effective_date AS day FROM versions v WHERE`).
		Append(db.Or(db.SQL(`v.id = ?`, kept), db.SQL(`v.status = 'open' AND`).Append(version.Available(sc.Project)))).
		Add(`UNION ALL SELECT 'c', id, name, FALSE, NULL FROM categories WHERE project_id = ?`, sc.Project))
	slices.SortFunc(rows, func(x, y row) int {
		return cmp.Or(version.CompareDays(x.Day, y.Day), version.CompareNames(db.Fold(x.Name), db.Fold(y.Name)), cmp.Compare(x.ID, y.ID))
	})
	for _, r := range rows {
		n := Named{ID: r.ID, Name: r.Name, Closed: r.Closed}
		if r.Kind == "v" {
			sc.Versions = append(sc.Versions, n)
		} else {
			sc.Categories = append(sc.Categories, n)
		}
	}
	return err
}

// byVersion selects by version, or by whether it is open or closed.
func byVersion(c filter.Condition, e filter.Env) (db.Frag, error) {
	switch c.Op {
	case "o":
		return db.SQL(`w.version_id IN (SELECT id FROM versions WHERE status = 'open')`), nil
	case "c":
		return db.SQL(`w.version_id IN (SELECT id FROM versions WHERE status = 'closed')`), nil
	}
	return filter.Field{Kind: filter.Ref, Column: "w.version_id"}.Condition(c, e)
}

// ReleaseVersion takes a version from the work packages w on which cond holds, for
// package version, which has checked the rights.
func (s *Service) ReleaseVersion(ctx context.Context, tx *db.Tx, a access.Actor, v id.Version, cond db.Frag) error {
	return s.replan(ctx, tx, a, db.And(db.SQL(`w.version_id = ?`, v), cond), func(w *WorkPackage) { w.VersionID = nil })
}

// ReplaceCategory gives the work packages of a category another one, or none, for
// package category, which has checked the rights.
func (s *Service) ReplaceCategory(ctx context.Context, tx *db.Tx, a access.Actor, from id.Category, to *id.Category) error {
	return s.replan(ctx, tx, a, db.SQL(`w.category_id = ?`, from), func(w *WorkPackage) { w.CategoryID = to })
}

// ReturnPlanning gives work packages back the version and the category that they had
// before the change e of one of those, as far as nobody has changed them since. It is
// for the packages version and category, which have checked the rights.
func (s *Service) ReturnPlanning(ctx context.Context, tx *db.Tx, a access.Actor, e journal.Entry) error {
	along, err := journal.Along[State](ctx, tx, e, journal.WorkPackage)
	if err != nil {
		return err
	}
	for _, l := range along {
		if l.Was == nil || l.Now == nil || text(l.Was.VersionID) == text(l.Now.VersionID) && text(l.Was.CategoryID) == text(l.Now.CategoryID) {
			continue
		}
		back := func(w *WorkPackage) { w.VersionID, w.CategoryID = l.Was.VersionID, l.Was.CategoryID }
		if err := s.replan(ctx, tx, a, db.SQL(`w.id = ?`, l.EntityID), back); err != nil {
			return err
		}
	}
	return nil
}

// replan changes the work packages on which cond holds, those in the trash included.
func (s *Service) replan(ctx context.Context, tx *db.Tx, a access.Actor, cond db.Frag, set func(*WorkPackage)) error {
	type row struct {
		WorkPackage
		InTrash bool `db:"in_trash"`
	}
	found, err := db.All[row](ctx, tx, db.SQL(`SELECT `+columns+`, w.deleted_at IS NOT NULL AS in_trash FROM work_packages w WHERE`).
		Append(cond).Add(`ORDER BY w.id`))
	if err != nil {
		return err
	}
	for i := range found {
		w := &found[i].WorkPackage
		set(w)
		if err := update(ctx, tx, w); err != nil {
			return err
		}
		if err := record(ctx, tx, a, w, change{deleted: found[i].InTrash, apart: true}); err != nil {
			return err
		}
	}
	return nil
}
