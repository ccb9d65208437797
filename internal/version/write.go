package version

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Create makes a version in p.Project on behalf of actor.
//
// Faults: NotFound when actor may not see the project, Forbidden without the right
// to manage its versions, Invalid with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, p Patch) (*Version, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Version, error) {
		d, err := draft(ctx, tx, a, 0, p)
		if err != nil {
			return nil, err
		}
		return insert(ctx, tx, a, d, journal.Change{First: true})
	})
}

// insert saves a new version, or one that comes back under its number.
func insert(ctx context.Context, tx *db.Tx, a access.Actor, d *drafting, c journal.Change) (*Version, error) {
	if err := d.errs.err(); err != nil {
		return nil, err
	}
	v := &d.after
	v.CreatedAt, v.UpdatedAt = tx.Stamp(), tx.Stamp()
	cols, vals := "", db.SQL(``)
	if v.ID != 0 {
		cols, vals = "id, ", db.SQL(`?,`, v.ID)
	}
	var err error
	v.ID, err = db.Insert[id.Version](ctx, tx, db.SQL(`INSERT INTO versions (`+cols+`project_id, name, name_folded, description, start_date,
		effective_date, status, sharing, created_at, updated_at) VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		v.ProjectID, v.Name, db.Fold(v.Name), v.Description, v.StartDate, v.DueDate, v.Status, v.Sharing, v.CreatedAt, v.UpdatedAt))
	if err != nil {
		return nil, taken(err)
	}
	if err := record(ctx, tx, a, v, false, c); err != nil {
		return nil, err
	}
	return find(ctx, tx, a, v.ID)
}

// Update applies p on behalf of actor and returns the new state. Where sharing
// becomes narrower, work packages out of reach lose the version.
//
// Faults: NotFound when actor may not see the version, Forbidden without the right
// to manage it, Invalid with one entry per refused field.
func (s *Service) Update(ctx context.Context, a access.Actor, n id.Version, p Patch) (*Version, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Version, error) {
		d, err := draft(ctx, tx, a, n, p)
		if err != nil {
			return nil, err
		}
		return s.save(ctx, tx, a, d, journal.Change{})
	})
}

func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, d *drafting, c journal.Change) (*Version, error) {
	if err := d.errs.err(); err != nil {
		return nil, err
	}
	v := &d.after
	if d.same() {
		return v, nil // nothing to save: no history
	}
	v.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE versions SET name = ?, name_folded = ?, description = ?, start_date = ?,
		effective_date = ?, status = ?, sharing = ?, updated_at = ? WHERE id = ?`,
		v.Name, db.Fold(v.Name), v.Description, v.StartDate, v.DueDate, v.Status, v.Sharing, v.UpdatedAt, v.ID)); err != nil {
		return nil, taken(err)
	}
	if v.Sharing != d.before.Sharing {
		outside := db.Not(db.SQL(`w.project_id IN (`).Append(reach(v)).Add(`)`))
		if err := s.work.ReleaseVersion(ctx, tx, a, v.ID, outside); err != nil {
			return nil, err
		}
	}
	return v, record(ctx, tx, a, v, false, c)
}

// Delete removes a version that no work package is planned for. Those in the trash
// lose it.
//
// Faults: NotFound when actor may not see the version, Forbidden without the right
// to manage it, Invalid with the number of work packages while there are some.
func (s *Service) Delete(ctx context.Context, a access.Actor, n id.Version) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		v, err := managed(ctx, tx, a, n)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, a, v, journal.Change{Apart: true})
	})
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, a access.Actor, v *Version, c journal.Change) error {
	used, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages WHERE version_id = ? AND deleted_at IS NULL`, v.ID))
	if err != nil {
		return err
	}
	if used > 0 {
		return fault.Invalid(fault.Field{Name: "base", Code: "version_in_use", Params: map[string]any{"n": used}})
	}
	if err := s.work.ReleaseVersion(ctx, tx, a, v.ID, db.True); err != nil {
		return err
	}
	if err := record(ctx, tx, a, v, true, c); err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx, db.SQL(`DELETE FROM versions WHERE id = ?`, v.ID))
	return err
}

// managed returns the version when the actor may manage it.
func managed(ctx context.Context, tx *db.Tx, a access.Actor, n id.Version) (*Version, error) {
	v, err := find(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	return v, access.Require(ctx, tx, a, access.ManageVersions, v.ProjectID)
}

func record(ctx context.Context, tx *db.Tx, a access.Actor, v *Version, gone bool, c journal.Change) error {
	st := v.state()
	st.Deleted = gone
	c.EntityType, c.EntityID, c.UserID, c.State = journal.Version, int64(v.ID), a.ID, st
	_, err := journal.Record(ctx, tx, c)
	return err
}

// taken turns the violation of the unique name, met only in a race, into a fault.
func taken(err error) error {
	if db.IsUnique(err) {
		return fault.InvalidField("name", "taken")
	}
	return err
}

// drafting applies a patch to a version and collects what is wrong with it.
type drafting struct {
	before *Version // nil for a new one
	after  Version
	errs   errorList
	// sharings are those that the actor may choose.
	sharings []string
}

func (d *drafting) same() bool { return d.before != nil && equal(d.before.state(), d.after.state()) }

func equal(x, y state) bool {
	if CompareDays(x.StartDate, y.StartDate) != 0 || CompareDays(x.DueDate, y.DueDate) != 0 {
		return false
	}
	x.StartDate, x.DueDate, y.StartDate, y.DueDate = nil, nil, nil, nil
	return x == y
}

// draft returns the version after the patch, and Forbidden or NotFound for those
// who may not make it. It writes nothing.
func draft(ctx context.Context, tx *db.Tx, a access.Actor, n id.Version, p Patch) (*drafting, error) {
	d := &drafting{after: Version{Status: Open, Sharing: None}}
	if n != 0 {
		v, err := managed(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		d.before, d.after = v, *v
		if p.Project.Set && p.Project.V != v.ProjectID {
			d.errs.add("definingProject", "read_only")
		}
	} else if err := mayCreate(ctx, tx, a, p); err != nil {
		return nil, err
	} else if d.after.ProjectID = p.Project.V; d.after.ProjectID == 0 {
		d.errs.add("definingProject", "blank")
	}
	v := &d.after
	v.Name = strings.TrimSpace(p.Name.Or(v.Name))
	v.Description = p.Description.Or(v.Description)
	v.StartDate, v.DueDate = p.StartDate.Or(v.StartDate), p.DueDate.Or(v.DueDate)
	v.Status, v.Sharing = p.Status.Or(v.Status), p.Sharing.Or(v.Sharing)
	if err := d.chooseSharings(ctx, tx, a); err != nil {
		return nil, err
	}
	d.values()
	return d, d.name(ctx, tx)
}

// mayCreate lets in who manages versions in the project, or anywhere while none is named.
func mayCreate(ctx context.Context, tx *db.Tx, a access.Actor, p Patch) error {
	if p.Project.V != 0 {
		seen, err := access.Allowed(ctx, tx, a, access.ViewProject, p.Project.V)
		if err != nil {
			return err
		}
		if !seen {
			return fault.NotFound("project")
		}
	}
	return access.Require(ctx, tx, a, access.ManageVersions, p.Project.V)
}

// chooseSharings leaves out what would reach farther than the actor's rights: into
// other branches only for those who manage versions at the root, everywhere only for
// administrators.
func (d *drafting) chooseSharings(ctx context.Context, tx *db.Tx, a access.Actor) error {
	root, err := db.Scalar[int](ctx, tx, db.SQL(`WITH RECURSIVE up (id, parent_id) AS (SELECT id, parent_id FROM projects WHERE id = ?
		UNION SELECT p.id, p.parent_id FROM projects p JOIN up ON p.id = up.parent_id)
		SELECT COUNT(*) FROM up WHERE up.parent_id IS NULL AND`, d.after.ProjectID).Append(access.VisibleEach("up.id", a, access.ManageVersions)))
	if err != nil {
		return err
	}
	for _, s := range Sharings {
		ok := s == None || s == Descendants || s == System && a.Admin || (s == Hierarchy || s == Tree) && root > 0
		if ok || d.before != nil && d.before.Sharing == s {
			d.sharings = append(d.sharings, s)
		}
	}
	return nil
}

// values checks what needs no database.
func (d *drafting) values() {
	v := &d.after
	switch n := utf8.RuneCountInString(v.Name); {
	case n == 0:
		d.errs.add("name", "blank")
	case n > MaxName:
		d.errs.add("name", "too_long", "count", MaxName)
	}
	if utf8.RuneCountInString(v.Description) > MaxDescription {
		d.errs.add("description", "too_long", "count", MaxDescription)
	}
	if v.StartDate != nil && v.DueDate != nil && *v.DueDate < *v.StartDate {
		d.errs.add("endDate", "before_start_date")
	}
	if !slices.Contains(Statuses, v.Status) {
		d.errs.add("status", "not_available")
	}
	if !slices.Contains(d.sharings, v.Sharing) {
		d.errs.add("sharing", "not_available")
	}
}

// name refuses one that the project has already.
func (d *drafting) name(ctx context.Context, tx *db.Tx) error {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM versions WHERE project_id = ? AND name_folded = ? AND id <> ?`,
		d.after.ProjectID, db.Fold(d.after.Name), d.after.ID))
	if n > 0 {
		d.errs.add("name", "taken")
	}
	return err
}

// errorList collects refusals; the first of a field wins.
type errorList struct{ fields []fault.Field }

func (e *errorList) add(name, code string, params ...any) {
	if slices.ContainsFunc(e.fields, func(f fault.Field) bool { return f.Name == name }) {
		return
	}
	f := fault.Field{Name: name, Code: code}
	if len(params) == 2 {
		f.Params = map[string]any{params[0].(string): params[1]}
	}
	e.fields = append(e.fields, f)
}

func (e *errorList) err() error { return fault.Invalid(e.fields...) }

// Form is what a form needs to know of a version that is being written.
type Form struct {
	// Draft is the version as it would be saved.
	Draft Version
	// Errors are the refused fields; none means that saving would succeed.
	Errors []fault.Field
	// Sharings are the ways to share it that the actor may choose.
	Sharings []string
}

// Preview is Update, or Create for version 0, without saving: it explains what
// saving would do and refuse.
//
// Faults: as Create and Update, but for Invalid.
func (s *Service) Preview(ctx context.Context, a access.Actor, n id.Version, p Patch) (*Form, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Form, error) {
		d, err := draft(ctx, tx, a, n, p)
		if err != nil {
			return nil, err
		}
		if d.before == nil && d.after.ProjectID != 0 {
			if d.after.ProjectName, err = db.Scalar[string](ctx, tx, db.SQL(`SELECT name FROM projects WHERE id = ?`, d.after.ProjectID)); err != nil {
				return nil, err
			}
			d.after.ProjectSeen = true
		}
		return &Form{Draft: d.after, Errors: d.errs.fields, Sharings: d.sharings}, nil
	})
}

// MayManage lets in who manages versions anywhere.
//
// Faults: Forbidden, or Unauthenticated for visitors.
func (s *Service) MayManage(ctx context.Context, a access.Actor) error {
	_, err := db.Read(ctx, s.db, func(tx *db.Tx) (struct{}, error) {
		return struct{}{}, access.Require(ctx, tx, a, access.ManageVersions, 0)
	})
	return err
}

// MayKnow lets in who sees work packages or manages versions anywhere, and so may
// know what versions are made of.
//
// Faults: Forbidden, or Unauthenticated for visitors.
func (s *Service) MayKnow(ctx context.Context, a access.Actor) error {
	_, err := db.Read(ctx, s.db, func(tx *db.Tx) (struct{}, error) {
		ok, err := access.Allowed(ctx, tx, a, access.ViewWorkPackages, 0)
		if ok || err != nil {
			return struct{}{}, err
		}
		return struct{}{}, access.Require(ctx, tx, a, access.ManageVersions, 0)
	})
	return err
}
