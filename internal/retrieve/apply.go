package retrieve

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func (r *run) previewPackage(ctx context.Context, p *Preview) error {
	saved, err := r.saved(ctx, id.WorkPackage(r.want.ID))
	if err != nil {
		return err
	}
	c, err := r.WorkPackages.Compare(ctx, r.a, saved, nil)
	if err != nil {
		return err
	}
	p.Title, p.Gone, p.InTrash, p.History, p.Watchers, p.Notes, p.LockVersion = saved.Subject, c.Gone, c.InTrash, c.History, c.Watchers, c.Notes, c.LockVersion
	for _, f := range c.Changes {
		p.Changes = append(p.Changes, Change{f.Field, f.Label, f.Old, f.New})
	}
	return r.previewFiles(ctx, p, only(saved.ID))
}

func only(n id.WorkPackage) func(id.WorkPackage) bool {
	return func(w id.WorkPackage) bool { return w == n }
}

// previewFiles finds the files that are not there any more.
func (r *run) previewFiles(ctx context.Context, p *Preview, has func(id.WorkPackage) bool) error {
	return r.filesOf(ctx, has, func(f attachment.Attachment) error {
		p.FileCount++
		c, err := r.Attachments.Compare(ctx, r.a, f)
		switch {
		case fault.Is(err, fault.KindNotFound): // what holds it is not there either
			p.Files = append(p.Files, FileState{int64(f.ID), f.FileName, "gone"})
		case err != nil:
			return err
		case !c.Same():
			p.Files = append(p.Files, FileState{int64(f.ID), f.FileName, why(c)})
		}
		return nil
	})
}

func why(c attachment.Comparison) string {
	switch {
	case c.Gone:
		return "gone"
	case c.InTrash:
		return "in the trash"
	}
	return "damaged"
}

func (r *run) retrievePackage(ctx context.Context, c Choice, out *Result) error {
	saved, err := r.saved(ctx, id.WorkPackage(r.want.ID))
	if err != nil {
		return err
	}
	if err := r.reinstate(ctx, saved, c.Fields, c.LockVersion, out); err != nil {
		return err
	}
	return r.filesOf(ctx, only(saved.ID), func(f attachment.Attachment) error { return r.reinstateFile(ctx, f, out) })
}

func (r *run) reinstate(ctx context.Context, saved workpackage.Saved, fields []string, lock int, out *Result) error {
	c, err := r.WorkPackages.Reinstate(ctx, r.a, saved, fields, lock, r.cause())
	if err != nil || c.Same() {
		return err
	}
	out.WorkPackages++
	out.Entries += c.History
	for _, n := range c.Notes {
		if r.want.Kind == Project && strings.HasPrefix(n, "its parent") && *saved.ParentID > saved.ID {
			continue // adopt comes later, and tells it where it cannot
		}
		out.Notes = append(out.Notes, fmt.Sprintf("#%d: %s", saved.ID, n))
	}
	return nil
}

func (r *run) reinstateFile(ctx context.Context, f attachment.Attachment, out *Result) error {
	c, err := r.Attachments.Reinstate(ctx, r.a, f, func() (io.ReadCloser, error) { return r.stored.File(ctx, f.SHA256) })
	if err != nil {
		if ctx.Err() != nil || !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindInternal) {
			return err
		}
		out.Failed = append(out.Failed, fmt.Sprintf("file %d, %s: %v", f.ID, f.FileName, err))
		return nil
	}
	if !c.Same() {
		out.Files++
	}
	return nil
}

func (r *run) previewFile(ctx context.Context, p *Preview) error {
	f, err := r.file(ctx, r.want.ID)
	if err != nil {
		return err
	}
	p.Title, p.Size, p.FileCount = f.FileName, f.Size, 1
	c, err := r.Attachments.Compare(ctx, r.a, f)
	if fault.Is(err, fault.KindNotFound) {
		return fault.Conflict("what the file belongs to is not there; bring that back first, or save the file elsewhere")
	}
	if err != nil {
		return err
	}
	p.Gone, p.InTrash = c.Gone, c.InTrash
	if !c.Same() {
		p.Files = append(p.Files, FileState{int64(f.ID), f.FileName, why(c)})
	}
	return nil
}

func (r *run) retrieveFile(ctx context.Context, out *Result) error {
	f, err := r.file(ctx, r.want.ID)
	if err != nil {
		return err
	}
	return r.reinstateFile(ctx, f, out)
}

// standing is where a work package is now.
type standing struct {
	ID      id.WorkPackage `db:"id"`
	Lock    int            `db:"lock_version"`
	Updated db.Time        `db:"updated_at"`
	InTrash bool           `db:"in_trash"`
}

// contents calls fn with the work packages that the project had, and where each is
// now; nil where it is gone.
func (r *run) contents(ctx context.Context, fn func(workpackage.WorkPackage, *standing) error) error {
	batch := make([]workpackage.WorkPackage, 0, contentBatch)
	flush := func() error {
		ids := make([]id.WorkPackage, len(batch))
		for i := range batch {
			ids[i] = batch[i].ID
		}
		rows, err := db.Read(ctx, r.DB, func(tx *db.Tx) ([]standing, error) {
			return db.All[standing](ctx, tx, db.SQL(`SELECT id, lock_version, updated_at, deleted_at IS NOT NULL AS in_trash FROM work_packages WHERE`).Append(db.In("id", ids)))
		})
		if err != nil {
			return err
		}
		now := map[id.WorkPackage]*standing{}
		for i := range rows {
			now[rows[i].ID] = &rows[i]
		}
		for _, w := range batch {
			if err := fn(w, now[w.ID]); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	err := r.stored.Rows(ctx, "work_packages", archive.All, func(row archive.Row) error {
		if gone(row) || number[int64](row, "project_id") != r.want.ID {
			return nil
		}
		if batch = append(batch, packageOf(row)); len(batch) < contentBatch {
			return nil
		}
		return flush()
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return err
}

// contentBatch bounds how many work packages are held with their histories.
const contentBatch = 500

func (r *run) previewProject(ctx context.Context, p *Preview) error {
	saved, err := r.savedProject(ctx)
	if err != nil {
		return err
	}
	c, err := r.Projects.Compare(ctx, r.a, saved)
	if err != nil {
		return err
	}
	p.Title, p.Gone, p.InTrash, p.Members, p.Notes = saved.Name, c.Gone, c.InTrash, len(c.Members), c.Notes
	for _, f := range c.Changes {
		p.Changes = append(p.Changes, Change{"", f.Label, f.Old, f.New})
	}
	lost, err := r.planning(ctx)
	if err != nil {
		return err
	}
	p.Versions, p.Categories = len(lost.versions), len(lost.categories)
	mine := map[id.WorkPackage]bool{}
	err = r.contents(ctx, func(w workpackage.WorkPackage, now *standing) error {
		mine[w.ID] = true
		p.Contents.All++
		switch {
		case now == nil:
			p.Contents.Gone++
		case now.InTrash:
			p.Contents.InTrash++
		case !now.Updated.Equal(w.UpdatedAt.Time):
			p.Contents.Changed++
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.previewFiles(ctx, p, func(n id.WorkPackage) bool { return mine[n] })
}

func (r *run) retrieveProject(ctx context.Context, c Choice, out *Result, progress func(done int)) error {
	saved, err := r.savedProject(ctx)
	if err != nil {
		return err
	}
	compared, err := r.Projects.Compare(ctx, r.a, saved)
	if err != nil {
		return err
	}
	if compared.Gone || compared.InTrash || c.Everything {
		if compared, err = r.Projects.Reinstate(ctx, r.a, saved, r.cause()); err != nil {
			return err
		}
		if !compared.Same() {
			out.Projects++
		}
	}
	out.Notes = append(out.Notes, compared.Notes...)
	r.members(ctx, saved, compared, out)
	if err := r.plan(ctx, out); err != nil {
		return err
	}
	if err := r.packages(ctx, c, out, progress); err != nil {
		return err
	}
	mine := map[id.WorkPackage]bool{}
	if err := r.contents(ctx, func(w workpackage.WorkPackage, now *standing) error {
		mine[w.ID] = now != nil && !now.InTrash
		return nil
	}); err != nil {
		return err
	}
	return r.filesOf(ctx, func(n id.WorkPackage) bool { return mine[n] }, func(f attachment.Attachment) error { return r.reinstateFile(ctx, f, out) })
}

func (r *run) members(ctx context.Context, saved project.Saved, c project.Comparison, out *Result) {
	for u, roles := range c.Members {
		if _, err := r.Memberships.Create(ctx, r.a, membership.CreateInput{Principal: u, Project: saved.ID, Roles: roles}); err != nil {
			out.Failed = append(out.Failed, fmt.Sprintf("member %d: %v", u, err))
			continue
		}
		out.Members++
	}
}

// packages brings back the work packages of a project. Those whose parent comes
// after them get it when all are there.
func (r *run) packages(ctx context.Context, c Choice, out *Result, progress func(done int)) error {
	batch, late := map[id.WorkPackage]*workpackage.Saved{}, map[id.WorkPackage]workpackage.WorkPackage{}
	locks := map[id.WorkPackage]int{}
	flush := func() error {
		err := r.reinstateAll(ctx, batch, locks, out)
		clear(batch)
		clear(locks)
		return err
	}
	done := 0
	err := r.contents(ctx, func(w workpackage.WorkPackage, now *standing) error {
		done++
		progress(done)
		if now != nil && !now.InTrash && !(c.Everything && !now.Updated.Equal(w.UpdatedAt.Time)) {
			return nil
		}
		if locks[w.ID] = -1; now != nil {
			locks[w.ID] = now.Lock
		}
		if w.ParentID != nil && *w.ParentID > w.ID {
			late[w.ID] = workpackage.WorkPackage{ID: w.ID, ProjectID: w.ProjectID, ParentID: w.ParentID}
		}
		batch[w.ID] = &workpackage.Saved{WorkPackage: w}
		if len(batch) < contentBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	for _, n := range sorted(late) {
		if err := r.adopt(ctx, late[n], out); err != nil {
			return err
		}
	}
	return nil
}

// adopt gives a work package that came back the parent that came back after it.
func (r *run) adopt(ctx context.Context, w workpackage.WorkPackage, out *Result) error {
	now, err := r.WorkPackages.Find(ctx, access.System("retrieve"), w.ID)
	if fault.Is(err, fault.KindNotFound) {
		return nil // it did not come back, which has been told
	}
	if err != nil || now.ParentID != nil && *now.ParentID == *w.ParentID {
		return err
	}
	saved := workpackage.Saved{WorkPackage: *now}
	saved.ParentID = w.ParentID
	c, err := r.WorkPackages.Reinstate(ctx, r.a, saved, []string{"parent"}, now.LockVersion, r.cause())
	for _, n := range c.Notes {
		out.Notes = append(out.Notes, fmt.Sprintf("#%d: %s", w.ID, n))
	}
	if err != nil && ctx.Err() == nil {
		out.Failed = append(out.Failed, fmt.Sprintf("the parent of work package #%d: %v", w.ID, err))
		err = nil
	}
	return err
}

func (r *run) reinstateAll(ctx context.Context, batch map[id.WorkPackage]*workpackage.Saved, locks map[id.WorkPackage]int, out *Result) error {
	if len(batch) == 0 {
		return nil
	}
	if err := r.histories(ctx, batch); err != nil {
		return err
	}
	for _, n := range sorted(batch) {
		err := r.reinstate(ctx, *batch[n], nil, locks[n], out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.Failed = append(out.Failed, fmt.Sprintf("work package #%d: %v", n, err))
		}
	}
	return nil
}
