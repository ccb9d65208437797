package retrieve

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// errEnough ends a walk that has found what it looked for.
var errEnough = errors.New("found")

// one finds the row with a number.
func one[T any](ctx context.Context, s *archive.Stored, table, what string, n int64, read func(archive.Row) T) (out T, err error) {
	err = s.Rows(ctx, table, archive.Ids{From: n, To: n}, func(r archive.Row) error {
		out = read(r)
		return errEnough
	})
	switch {
	case errors.Is(err, errEnough):
		return out, nil
	case err == nil:
		err = fault.NotFound(what + " in the snapshot")
	}
	return out, err
}

func number[T ~int64](r archive.Row, column string) T {
	n, _ := r.Int(column)
	return T(n)
}

func numberOr[T ~int64 | ~int](r archive.Row, column string) *T {
	n, ok := r.Int(column)
	if !ok {
		return nil
	}
	v := T(n)
	return &v
}

func text(r archive.Row, column string) string {
	s, _ := r.Text(column)
	return s
}

func textOr[T ~string](r archive.Row, column string) *T {
	s, ok := r.Text(column)
	if !ok {
		return nil
	}
	v := T(s)
	return &v
}

func instant(r archive.Row, column string) db.Time { return db.At(r.Instant(column)) }

// gone says whether the row was in the trash when the snapshot was taken.
func gone(r archive.Row) bool { return !r.Instant("deleted_at").IsZero() }

func packageOf(r archive.Row) workpackage.WorkPackage {
	return workpackage.WorkPackage{
		ID: number[id.WorkPackage](r, "id"), ProjectID: number[id.Project](r, "project_id"), TypeID: number[id.Type](r, "type_id"),
		StatusID: number[id.Status](r, "status_id"), PriorityID: number[id.Priority](r, "priority_id"),
		Subject: text(r, "subject"), Description: text(r, "description"), AuthorID: number[id.User](r, "author_id"),
		AssigneeID: numberOr[id.User](r, "assigned_to_id"), ResponsibleID: numberOr[id.User](r, "responsible_id"),
		VersionID: numberOr[id.Version](r, "version_id"), CategoryID: numberOr[id.Category](r, "category_id"),
		ParentID: numberOr[id.WorkPackage](r, "parent_id"), StartDate: textOr[db.Day](r, "start_date"), DueDate: textOr[db.Day](r, "due_date"),
		Duration: numberOr[int](r, "duration"), IgnoreNonWorkingDays: r.Bool("ignore_non_working_days"), ScheduleManually: r.Bool("schedule_manually"),
		DoneRatio: numberOr[int](r, "done_ratio"), EstimatedSeconds: numberOr[int64](r, "estimated_seconds"),
		RemainingSeconds: numberOr[int64](r, "remaining_seconds"), LockVersion: int(number[int64](r, "lock_version")),
		CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

func entryOf(r archive.Row) journal.Entry {
	return journal.Entry{
		ID: number[id.Journal](r, "id"), EntityType: text(r, "entity_type"), EntityID: number[int64](r, "entity_id"), Version: int(number[int64](r, "version")),
		UserID: number[id.User](r, "user_id"), Notes: text(r, "notes"), Internal: r.Bool("internal"), Cause: text(r, "cause"), Data: text(r, "data"),
		CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

func fileOf(r archive.Row) attachment.Attachment {
	return attachment.Attachment{
		ID: number[id.Attachment](r, "id"), ContainerType: textOr[string](r, "container_type"), ContainerID: numberOr[int64](r, "container_id"),
		AuthorID: number[id.User](r, "author_id"), FileName: text(r, "file_name"), ContentType: text(r, "content_type"), Size: number[int64](r, "size"),
		SHA256: text(r, "sha256"), MD5: text(r, "md5"), Description: text(r, "description"), CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

func projectOf(r archive.Row) project.Project {
	return project.Project{
		ID: number[id.Project](r, "id"), Identifier: text(r, "identifier"), Name: text(r, "name"), Description: text(r, "description"),
		Public: r.Bool("public"), Active: r.Bool("active"), Templated: r.Bool("templated"), ParentID: numberOr[id.Project](r, "parent_id"),
		Status: textOr[string](r, "status_code"), StatusExplanation: text(r, "status_explanation"),
		CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

func inTrash(what string) error {
	return &fault.Fault{Kind: fault.KindNotFound, What: what, Message: "the " + what + " was in the trash when the snapshot was taken"}
}

// saved reads a work package. Its history and its watchers are read only where it is
// gone: nothing but a purge takes those away, and that takes all of them.
func (r *run) saved(ctx context.Context, n id.WorkPackage) (workpackage.Saved, error) {
	type found struct {
		w     workpackage.WorkPackage
		trash bool
	}
	got, err := one(ctx, r.stored, "work_packages", "work package", int64(n), func(row archive.Row) found { return found{packageOf(row), gone(row)} })
	if err == nil && got.trash {
		err = inTrash("work package")
	}
	out := workpackage.Saved{WorkPackage: got.w}
	if err != nil {
		return out, err
	}
	all := map[id.WorkPackage]*workpackage.Saved{n: &out}
	return out, r.histories(ctx, all)
}

// histories fills in history and watchers of those that are not there any more.
func (r *run) histories(ctx context.Context, all map[id.WorkPackage]*workpackage.Saved) error {
	there, err := r.there(ctx, all)
	if err != nil {
		return err
	}
	lost := map[id.WorkPackage]*workpackage.Saved{}
	for n, w := range all {
		if !there[n] {
			lost[n] = w
		}
	}
	if len(lost) == 0 {
		return nil
	}
	err = r.stored.Rows(ctx, "journals", archive.All, func(row archive.Row) error {
		if text(row, "entity_type") != journal.WorkPackage {
			return nil
		}
		if w := lost[number[id.WorkPackage](row, "entity_id")]; w != nil {
			w.History = append(w.History, entryOf(row))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.stored.Rows(ctx, "watchers", archive.All, func(row archive.Row) error {
		if w := lost[number[id.WorkPackage](row, "work_package_id")]; w != nil {
			w.Watchers = append(w.Watchers, number[id.User](row, "user_id"))
		}
		return nil
	})
}

// there are the work packages of all that have a row, also in the trash.
func (r *run) there(ctx context.Context, all map[id.WorkPackage]*workpackage.Saved) (map[id.WorkPackage]bool, error) {
	ids := make([]id.WorkPackage, 0, len(all))
	for n := range all {
		ids = append(ids, n)
	}
	found, err := db.Read(ctx, r.DB, func(tx *db.Tx) ([]id.WorkPackage, error) {
		return db.All[id.WorkPackage](ctx, tx, db.SQL(`SELECT id FROM work_packages WHERE`).Append(db.In("id", ids)))
	})
	there := make(map[id.WorkPackage]bool, len(found))
	for _, n := range found {
		there[n] = true
	}
	return there, err
}

// filesOf calls fn with the files that the work packages had, other than in the trash.
func (r *run) filesOf(ctx context.Context, has func(id.WorkPackage) bool, fn func(attachment.Attachment) error) error {
	return r.stored.Rows(ctx, "attachments", archive.All, func(row archive.Row) error {
		if gone(row) || text(row, "container_type") != "WorkPackage" || !has(number[id.WorkPackage](row, "container_id")) {
			return nil
		}
		return fn(fileOf(row))
	})
}

func (r *run) file(ctx context.Context, n int64) (attachment.Attachment, error) {
	return one(ctx, r.stored, "attachments", "file", n, fileOf)
}

// savedProject reads a project with what belongs to itself.
func (r *run) savedProject(ctx context.Context) (project.Saved, error) {
	type found struct {
		p     project.Project
		trash bool
	}
	got, err := one(ctx, r.stored, "projects", "project", r.want.ID, func(row archive.Row) found { return found{projectOf(row), gone(row)} })
	if err == nil && got.trash {
		err = inTrash("project")
	}
	s := project.Saved{Project: got.p, Members: map[id.User][]id.Role{}}
	if err != nil {
		return s, err
	}
	mine := func(row archive.Row) bool { return number[int64](row, "project_id") == r.want.ID }
	members := map[int64]id.User{}
	for _, part := range []struct {
		table string
		take  func(archive.Row)
	}{
		{"enabled_modules", func(row archive.Row) {
			if mine(row) {
				s.Modules = append(s.Modules, text(row, "name"))
			}
		}},
		{"projects_types", func(row archive.Row) {
			if mine(row) {
				s.Types = append(s.Types, number[id.Type](row, "type_id"))
			}
		}},
		{"members", func(row archive.Row) {
			if mine(row) {
				members[number[int64](row, "id")] = number[id.User](row, "user_id")
			}
		}},
		{"member_roles", func(row archive.Row) {
			if u, ok := members[number[int64](row, "member_id")]; ok && numberOr[int64](row, "inherited_from") == nil {
				s.Members[u] = append(s.Members[u], number[id.Role](row, "role_id"))
			}
		}},
		{"journals", func(row archive.Row) {
			if text(row, "entity_type") == journal.Project && number[int64](row, "entity_id") == r.want.ID {
				s.History = append(s.History, entryOf(row))
			}
		}},
	} {
		if err := r.stored.Rows(ctx, part.table, archive.All, func(row archive.Row) error { part.take(row); return nil }); err != nil {
			return s, err
		}
	}
	return s, nil
}

// sorted are the keys in their order.
func sorted[V any](m map[id.WorkPackage]V) []id.WorkPackage {
	return slices.Sorted(maps.Keys(m))
}

// FindProject returns the number of a project by its number or identifier, as it was
// in the snapshot.
//
// Faults: as Preview.
func (s *Service) FindProject(ctx context.Context, a access.Actor, snapshot, ref string) (int64, error) {
	if n, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return n, nil
	}
	r, err := s.open(ctx, a, Wanted{Snapshot: snapshot})
	if err != nil {
		return 0, err
	}
	var n int64
	err = r.stored.Rows(ctx, "projects", archive.All, func(row archive.Row) error {
		if db.Fold(text(row, "identifier")) == db.Fold(ref) && (n == 0 || !gone(row)) {
			n = number[int64](row, "id")
		}
		return nil
	})
	if err == nil && n == 0 {
		err = fault.NotFound("project in the snapshot")
	}
	return n, err
}
