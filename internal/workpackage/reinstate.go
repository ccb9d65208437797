package workpackage

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/version"
)

// Saved is a work package as a backup holds it.
type Saved struct {
	WorkPackage
	History  []journal.Entry
	Watchers []id.User
}

// Comparison is what bringing a saved work package back changes, or has changed.
type Comparison struct {
	// Gone: there is no such work package any more; InTrash: it is in the trash.
	Gone, InTrash bool
	// Changes are the fields that differ: Old is now, New as saved.
	Changes []FieldChange
	// History and Watchers are how many entries and people come back.
	History, Watchers int
	// Notes say what cannot come back as it was, and what is used instead.
	Notes []string
	// LockVersion is that of the present state, for Reinstate; -1 where there is none.
	LockVersion int
}

// Same says that nothing would change.
func (c Comparison) Same() bool {
	return !c.Gone && !c.InTrash && len(c.Changes) == 0 && c.History == 0 && c.Watchers == 0
}

// Compare says what Reinstate would do. Only administrators may.
//
// Faults: Forbidden; Conflict where its project is not there.
func (s *Service) Compare(ctx context.Context, a access.Actor, saved Saved, only []string) (Comparison, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Comparison, error) {
		r, err := s.reinstating(ctx, tx, a, saved, only)
		if err != nil {
			return Comparison{}, err
		}
		return r.out, nil
	})
}

// Reinstate brings a saved work package back under its number: out of the trash, or
// anew where it is gone; fields (all, or those named in only) as they were saved, the
// entries of its history that are missing, and its watchers. What is there is not
// rewritten: the return is a change of its own, with cause. It may be done twice.
//
// Faults: as Compare; Conflict where the work package has another lock version than
// the one that was compared.
func (s *Service) Reinstate(ctx context.Context, a access.Actor, saved Saved, only []string, lockVersion int, cause string) (Comparison, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Comparison, error) {
		r, err := s.reinstating(ctx, tx, a, saved, only)
		if err != nil || r.out.Same() {
			return r.out, err
		}
		if r.out.LockVersion != lockVersion {
			return r.out, stale()
		}
		return r.out, r.apply(ctx, tx, a, cause)
	})
}

// reinstatement is one run of Reinstate.
type reinstatement struct {
	s        *Service
	saved    Saved
	now      *WorkPackage // nil when it is gone
	after    WorkPackage
	history  []journal.Entry
	watchers []id.User
	out      Comparison
}

func (s *Service) reinstating(ctx context.Context, tx *db.Tx, a access.Actor, saved Saved, only []string) (*reinstatement, error) {
	r := &reinstatement{s: s, saved: saved, after: saved.WorkPackage, out: Comparison{LockVersion: -1}}
	if a.Kind != access.Machine {
		if err := access.RequireAdmin(a); err != nil {
			return r, err
		}
	}
	for _, step := range []func(context.Context, *db.Tx) error{r.present, r.project, r.catalog, r.people, r.planning, r.parent} {
		if err := step(ctx, tx); err != nil {
			return r, err
		}
	}
	if r.now != nil {
		r.choose(only)
	}
	if err := r.compare(ctx, tx, a); err != nil {
		return r, err
	}
	return r, r.missing(ctx, tx)
}

func (r *reinstatement) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, args...))
}

func (r *reinstatement) present(ctx context.Context, tx *db.Tx) error {
	type row struct {
		WorkPackage
		InTrash bool `db:"in_trash"`
	}
	now, found, err := db.One[row](ctx, tx, db.SQL(`SELECT `+columns+`, w.deleted_at IS NOT NULL AS in_trash FROM work_packages w WHERE w.id = ?`, r.saved.ID))
	if r.out.Gone = !found; found {
		r.now, r.out.InTrash, r.out.LockVersion = &now.WorkPackage, now.InTrash, now.LockVersion
	}
	return err
}

func (r *reinstatement) project(ctx context.Context, tx *db.Tx) error {
	_, found, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM projects WHERE id = ? AND deleted_at IS NULL`, r.after.ProjectID))
	if err == nil && !found {
		err = fault.WithHint(fault.Conflict(fmt.Sprintf("its project %d is not there; bring that back first", r.after.ProjectID)), "retrieve the project")
	}
	return err
}

// catalog uses the first of a kind where the saved one has been deleted.
func (r *reinstatement) catalog(ctx context.Context, tx *db.Tx) error {
	for _, c := range []struct {
		table, what string
		n           int64
		set         func(int64)
	}{
		{"types", "type", int64(r.after.TypeID), func(n int64) { r.after.TypeID = id.Type(n) }},
		{"statuses", "status", int64(r.after.StatusID), func(n int64) { r.after.StatusID = id.Status(n) }},
		{"priorities", "priority", int64(r.after.PriorityID), func(n int64) { r.after.PriorityID = id.Priority(n) }},
	} {
		type row struct {
			ID   int64  `db:"id"`
			Name string `db:"name"`
		}
		got, found, err := db.One[row](ctx, tx, db.SQL(`SELECT id, name FROM `+c.table+` ORDER BY id = ? DESC, is_default DESC, position LIMIT 1`, c.n))
		if err != nil {
			return err
		}
		if !found {
			return fault.Conflict("there is no " + c.what + " at all")
		}
		if got.ID != c.n {
			r.note("its %s %d has been deleted; %s is used instead", c.what, c.n, got.Name)
			c.set(got.ID)
		}
	}
	return nil
}

// deletedUser stands for authors who are not there any more.
const deletedUser id.User = 3

func (r *reinstatement) people(ctx context.Context, tx *db.Tx) error {
	there, err := r.users(ctx, tx)
	if err != nil {
		return err
	}
	if !there[r.after.AuthorID] {
		r.note("its author, user %d, is not there any more", r.after.AuthorID)
		r.after.AuthorID = deletedUser
	}
	for what, who := range map[string]**id.User{"assignee": &r.after.AssigneeID, "person accountable": &r.after.ResponsibleID} {
		if *who != nil && !there[**who] {
			r.note("its %s, user %d, is not there any more and is left out", what, **who)
			*who = nil
		}
	}
	slices.Sort(r.out.Notes)
	for i := range r.saved.History {
		if e := &r.saved.History[i]; !there[e.UserID] {
			e.UserID = deletedUser
		}
	}
	r.saved.Watchers = slices.DeleteFunc(slices.Clone(r.saved.Watchers), func(u id.User) bool { return !there[u] })
	return nil
}

// users returns which of the people who are named are there.
func (r *reinstatement) users(ctx context.Context, tx *db.Tx) (map[id.User]bool, error) {
	named := append([]id.User{r.after.AuthorID}, r.saved.Watchers...)
	for _, u := range []*id.User{r.after.AssigneeID, r.after.ResponsibleID} {
		if u != nil {
			named = append(named, *u)
		}
	}
	for _, e := range r.saved.History {
		named = append(named, e.UserID)
	}
	found, err := db.All[id.User](ctx, tx, db.SQL(`SELECT id FROM users WHERE deleted_at IS NULL AND`).Append(db.In("id", unique(named))))
	there := map[id.User]bool{}
	for _, u := range found {
		there[u] = true
	}
	return there, err
}

// planning lets go of a version and a category that the project does not have any more.
func (r *reinstatement) planning(ctx context.Context, tx *db.Tx) error {
	if v := r.after.VersionID; v != nil {
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM versions v WHERE v.id = ? AND`, *v).Append(version.Available(r.after.ProjectID)))
		if err != nil {
			return err
		}
		if n == 0 {
			r.note("its version %d is not there any more, or not shared with its project, and is left out", *v)
			r.after.VersionID = nil
		}
	}
	if c := r.after.CategoryID; c != nil {
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM categories WHERE id = ? AND project_id = ?`, *c, r.after.ProjectID))
		if err != nil {
			return err
		}
		if n == 0 {
			r.note("its category %d is not there any more and is left out", *c)
			r.after.CategoryID = nil
		}
	}
	return nil
}

// parent lets go of a parent that is not there, or that is below it now.
func (r *reinstatement) parent(ctx context.Context, tx *db.Tx) error {
	if r.after.ParentID == nil {
		return nil
	}
	_, found, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM work_packages WHERE id = ? AND deleted_at IS NULL`, *r.after.ParentID))
	if err != nil {
		return err
	}
	below, err := descendants(ctx, tx, r.after.ID)
	if err != nil {
		return err
	}
	if !found || slices.Contains(below, *r.after.ParentID) {
		r.note("its parent #%d is not there, or below it now, and is left out", *r.after.ParentID)
		r.after.ParentID = nil
	}
	return nil
}

// choose keeps the present value of the fields that are not to be set back.
func (r *reinstatement) choose(only []string) {
	w := *r.now
	for _, f := range Fields {
		if len(only) == 0 || slices.Contains(only, f.Name) {
			take(&w, &r.after, f.Name)
		}
	}
	r.after = w
}

// take copies one field.
func take(to, from *WorkPackage, field string) {
	switch field {
	case "subject":
		to.Subject = from.Subject
	case "description":
		to.Description = from.Description
	case "project":
		to.ProjectID = from.ProjectID
	case "type":
		to.TypeID = from.TypeID
	case "status":
		to.StatusID = from.StatusID
	case "priority":
		to.PriorityID = from.PriorityID
	case "assignee":
		to.AssigneeID = from.AssigneeID
	case "responsible":
		to.ResponsibleID = from.ResponsibleID
	case "version":
		to.VersionID = from.VersionID
	case "category":
		to.CategoryID = from.CategoryID
	case "parent":
		to.ParentID = from.ParentID
	case "startDate":
		to.StartDate = from.StartDate
	case "dueDate":
		to.DueDate = from.DueDate
	case "duration":
		to.Duration = from.Duration
	case "ignoreNonWorkingDays":
		to.IgnoreNonWorkingDays = from.IgnoreNonWorkingDays
	case "scheduleManually":
		to.ScheduleManually = from.ScheduleManually
	case "estimatedTime":
		to.EstimatedSeconds = from.EstimatedSeconds
	case "remainingTime":
		to.RemainingSeconds = from.RemainingSeconds
	case "percentageDone":
		to.DoneRatio = from.DoneRatio
	}
}

func (r *reinstatement) compare(ctx context.Context, tx *db.Tx, a access.Actor) error {
	now := State{}
	if r.now != nil {
		now = r.now.state(nil)
	}
	after := r.after.state(nil)
	n, err := loadNames(ctx, tx, a, nil, []State{now, after})
	if err == nil {
		r.out.Changes = n.diff(now, after, r.now == nil)
	}
	return err
}

// missing finds the history and the watchers that are not there.
func (r *reinstatement) missing(ctx context.Context, tx *db.Tx) error {
	have, err := db.All[int](ctx, tx, db.SQL(`SELECT version FROM journals WHERE entity_type = ? AND entity_id = ?`, journal.WorkPackage, r.saved.ID))
	if err != nil {
		return err
	}
	for _, e := range r.saved.History {
		if !slices.Contains(have, e.Version) {
			r.history = append(r.history, e)
		}
	}
	watching, err := db.All[id.User](ctx, tx, db.SQL(`SELECT user_id FROM watchers WHERE work_package_id = ?`, r.saved.ID))
	for _, u := range r.saved.Watchers {
		if r.now == nil && !slices.Contains(watching, u) { // who stopped watching since, stopped
			r.watchers = append(r.watchers, u)
		}
	}
	r.out.History, r.out.Watchers = len(r.history), len(r.watchers)
	return err
}

func (r *reinstatement) apply(ctx context.Context, tx *db.Tx, a access.Actor, cause string) error {
	var before *id.WorkPackage
	if r.now == nil {
		if err := reinsert(ctx, tx, &r.after, r.saved.CreatedAt); err != nil {
			return err
		}
	} else {
		before = r.now.ParentID
		if err := update(ctx, tx, &r.after); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET deleted_at = NULL, deleted_by = NULL WHERE id = ?`, r.after.ID)); err != nil {
			return err
		}
	}
	if err := journal.Reinsert(ctx, tx, r.history); err != nil {
		return err
	}
	for _, u := range r.watchers {
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO watchers (work_package_id, user_id, created_at) VALUES (?, ?, ?)`, r.after.ID, u, tx.Stamp())); err != nil {
			return err
		}
	}
	if err := record(ctx, tx, a, &r.after, change{cause: cause, apart: true}); err != nil {
		return err
	}
	return r.s.rescheduleAncestors(ctx, tx, a, before, r.after.ParentID)
}

// reinsert puts a row back under its number.
func reinsert(ctx context.Context, tx *db.Tx, w *WorkPackage, created db.Time) error {
	w.LockVersion, w.CreatedAt, w.UpdatedAt = w.LockVersion+1, created, tx.Stamp()
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO work_packages
		(id, project_id, type_id, status_id, priority_id, subject, subject_folded, description, author_id, assigned_to_id,
		responsible_id, version_id, category_id, parent_id, start_date, due_date, duration, ignore_non_working_days, schedule_manually, done_ratio,
		estimated_seconds, remaining_seconds, lock_version, created_at, updated_at, description_folded)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.ID, w.ProjectID, w.TypeID, w.StatusID, w.PriorityID, w.Subject, db.Fold(w.Subject), w.Description, w.AuthorID, w.AssigneeID,
		w.ResponsibleID, w.VersionID, w.CategoryID, w.ParentID, w.StartDate, w.DueDate, w.Duration, w.IgnoreNonWorkingDays, w.ScheduleManually, w.DoneRatio,
		w.EstimatedSeconds, w.RemainingSeconds, w.LockVersion, w.CreatedAt, w.UpdatedAt, db.Fold(w.Description)))
	return err
}
