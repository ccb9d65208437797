package workpackage

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// drafting applies a patch to a work package and collects what is wrong with
// it. It reads and writes nothing.
type drafting struct {
	s      *Service
	tx     *db.Tx
	actor  access.Actor
	before *WorkPackage // nil for a new one
	after  WorkPackage
	patch  Patch
	grants *access.Grants
	errs   errorList

	// fromCategory is who gets a new work package that names nobody.
	fromCategory *id.User

	milestone bool
	isClosed  bool
	ratio     *int
}

// draft returns the work package after the patch. The second error is the
// list of refused fields; the first stops everything.
func (s *Service) draft(ctx context.Context, tx *db.Tx, a access.Actor, before *WorkPackage, p Patch) (*drafting, error) {
	d := &drafting{s: s, tx: tx, actor: a, before: before, patch: p}
	if before != nil {
		d.after = *before
	} else {
		d.after = WorkPackage{AuthorID: a.ID, ScheduleManually: true}
	}
	d.plain()
	if err := d.loadGrants(ctx); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{d.project, d.typ, d.status, d.priority, d.category, d.people, d.version, d.parent, d.dates}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	d.progress()
	d.errs.texts(&d.after)
	d.readOnly()
	return d, nil
}

// plain copies the values that need no look-up.
func (d *drafting) plain() {
	p, w := &d.patch, &d.after
	w.Subject = strings.TrimSpace(p.Subject.Or(w.Subject))
	w.Description = p.Description.Or(w.Description)
	w.ProjectID = p.Project.Or(w.ProjectID)
	w.IgnoreNonWorkingDays = p.IgnoreNonWorkingDays.Or(w.IgnoreNonWorkingDays)
	w.ScheduleManually = p.ScheduleManually.Or(w.ScheduleManually)
}

func (d *drafting) loadGrants(ctx context.Context) (err error) {
	projects := []id.Project{d.after.ProjectID}
	if d.before != nil && d.before.ProjectID != d.after.ProjectID {
		projects = append(projects, d.before.ProjectID)
	}
	d.grants, err = access.Load(ctx, d.tx, d.actor, projects)
	return err
}

// may says whether the actor holds p where the work package is now.
func (d *drafting) may(p access.Permission) bool {
	if d.before == nil {
		return d.grants.Has(access.AddWorkPackages, d.after.ProjectID) && (!apart(p) || d.grants.Has(p, d.after.ProjectID))
	}
	return d.grants.Has(p, d.before.ProjectID)
}

// apart says whether those who add work packages need the permission besides.
func apart(p access.Permission) bool {
	return p == access.ManageSubtasks || p == access.AssignVersions
}

// readOnly refuses changes of fields the actor may not write. Sending the
// value that is there already is no change: clients send whole documents.
func (d *drafting) readOnly() {
	if d.before == nil {
		if d.after.ParentID != nil && !d.may(access.ManageSubtasks) {
			d.errs.add("parent", "read_only")
		}
		if d.after.VersionID != nil && !d.may(access.AssignVersions) {
			d.errs.add("version", "read_only")
		}
		return
	}
	for _, f := range Fields {
		if f.set(&d.patch) && d.changed(f.Name) && !f.writable(d.may) {
			d.errs.add(f.Name, "read_only")
		}
	}
}

// changed says whether the field's value differs from the stored one.
func (d *drafting) changed(name string) bool {
	b, a := d.before.state(nil), d.after.state(nil)
	return fieldText(&b, name) != fieldText(&a, name)
}

func fieldText(s *State, name string) string {
	switch name {
	case "subject":
		return s.Subject
	case "description":
		return s.Description
	case "project":
		return fmt.Sprint(s.ProjectID)
	case "type":
		return fmt.Sprint(s.TypeID)
	case "status":
		return fmt.Sprint(s.StatusID)
	case "priority":
		return fmt.Sprint(s.PriorityID)
	case "assignee":
		return text(s.AssigneeID)
	case "responsible":
		return text(s.ResponsibleID)
	case "version":
		return text(s.VersionID)
	case "category":
		return text(s.CategoryID)
	case "parent":
		return text(s.ParentID)
	case "startDate":
		return text(s.StartDate)
	case "dueDate":
		return text(s.DueDate)
	case "duration":
		return text(s.Duration)
	case "ignoreNonWorkingDays":
		return fmt.Sprint(s.IgnoreNonWorkingDays)
	case "scheduleManually":
		return fmt.Sprint(s.ScheduleManually)
	case "estimatedTime":
		return text(s.EstimatedSeconds)
	case "remainingTime":
		return text(s.RemainingSeconds)
	case "percentageDone":
		return text(s.DoneRatio)
	}
	return ""
}

func text[T any](p *T) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

// project checks the target of a move; the project of a new work package was
// checked by Create.
func (d *drafting) project(ctx context.Context) error {
	if d.after.ProjectID == 0 {
		d.errs.add("project", "blank")
		return nil
	}
	if d.before == nil || d.before.ProjectID == d.after.ProjectID {
		return nil
	}
	if !d.grants.Has(access.MoveWorkPackages, d.after.ProjectID) {
		d.errs.add("project", "not_available")
	}
	return nil
}

type typeRow struct {
	ID        id.Type `db:"id"`
	Milestone bool    `db:"is_milestone"`
	Template  string  `db:"description"`
}

func (d *drafting) typ(ctx context.Context) error {
	w := &d.after
	w.TypeID = d.patch.Type.Or(w.TypeID)
	rows, err := db.All[typeRow](ctx, d.tx, db.SQL(`SELECT t.id, t.is_milestone, t.description FROM types t
		JOIN projects_types pt ON pt.type_id = t.id WHERE pt.project_id = ? ORDER BY t.position, t.id`, w.ProjectID))
	if err != nil {
		return err
	}
	moved := d.before != nil && d.before.ProjectID != w.ProjectID && !d.patch.Type.Set
	if len(rows) > 0 && (w.TypeID == 0 && !d.patch.Type.Set || moved && !hasType(rows, w.TypeID)) {
		w.TypeID = rows[0].ID
	}
	for _, t := range rows {
		if t.ID == w.TypeID {
			d.milestone = t.Milestone
			if d.before == nil && !d.patch.Description.Set {
				w.Description = t.Template
			}
			return nil
		}
	}
	if w.TypeID == 0 {
		d.errs.add("type", "blank")
	} else if d.before == nil || d.changed("type") || d.changed("project") {
		d.errs.add("type", "not_available")
	}
	return nil
}

func hasType(rows []typeRow, t id.Type) bool {
	for _, r := range rows {
		if r.ID == t {
			return true
		}
	}
	return false
}

func (d *drafting) priority(ctx context.Context) error {
	w := &d.after
	w.PriorityID = d.patch.Priority.Or(w.PriorityID)
	if w.PriorityID == 0 && !d.patch.Priority.Set {
		p, ok, err := db.One[id.Priority](ctx, d.tx, db.SQL(`SELECT id FROM priorities WHERE active ORDER BY is_default DESC, position, id LIMIT 1`))
		if err != nil {
			return err
		}
		if !ok {
			d.errs.add("priority", "blank")
		}
		w.PriorityID = p
		return nil
	}
	if d.before != nil && w.PriorityID == d.before.PriorityID {
		return nil
	}
	_, ok, err := db.One[id.Priority](ctx, d.tx, db.SQL(`SELECT id FROM priorities WHERE id = ? AND active`, w.PriorityID))
	if err == nil && !ok {
		d.errs.add("priority", "not_available")
	}
	return err
}

func (d *drafting) people(ctx context.Context) error {
	check := func(name string, to **id.User, v *id.User, set bool, old *id.User) error {
		if !set {
			return nil
		}
		*to = v
		if v == nil || old != nil && *old == *v && d.before.ProjectID == d.after.ProjectID {
			return nil
		}
		ok, err := assignable(ctx, d.tx, d.after.ProjectID, *v)
		if err == nil && !ok {
			d.errs.add(name, "not_available")
		}
		return err
	}
	var oldAssignee, oldResponsible *id.User
	if d.before != nil {
		oldAssignee, oldResponsible = d.before.AssigneeID, d.before.ResponsibleID
	}
	p := &d.patch
	if err := check("assignee", &d.after.AssigneeID, p.Assignee.V, p.Assignee.Set, oldAssignee); err != nil {
		return err
	}
	if d.fromCategory != nil {
		d.after.AssigneeID = d.fromCategory
	}
	return check("responsible", &d.after.ResponsibleID, p.Responsible.V, p.Responsible.Set, oldResponsible)
}

func assignable(ctx context.Context, tx *db.Tx, project id.Project, u id.User) (bool, error) {
	_, ok, err := db.One[id.User](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE u.id = ? AND`, u).Append(access.Assignable(project)))
	return ok, err
}

func (d *drafting) parent(ctx context.Context) error {
	w := &d.after
	if !d.patch.Parent.Set {
		return nil
	}
	w.ParentID = d.patch.Parent.V
	if w.ParentID == nil || d.before != nil && !d.changed("parent") {
		return nil
	}
	if d.before != nil && *w.ParentID == d.before.ID {
		d.errs.add("parent", "self")
		return nil
	}
	type row struct {
		ID        id.WorkPackage
		Milestone bool `db:"is_milestone"`
	}
	p, ok, err := db.One[row](ctx, d.tx, db.SQL(`SELECT w.id, t.is_milestone FROM work_packages w JOIN types t ON t.id = w.type_id
		WHERE w.id = ? AND w.deleted_at IS NULL AND`, *w.ParentID).Append(access.VisibleEach("w.project_id", d.actor, access.ViewWorkPackages)))
	switch {
	case err != nil:
		return err
	case !ok:
		d.errs.add("parent", "not_available")
		return nil
	case p.Milestone:
		d.errs.add("parent", "milestone")
		return nil
	case d.before == nil:
		return nil
	}
	below, err := descendants(ctx, d.tx, d.before.ID)
	for _, b := range below {
		if b == *w.ParentID {
			d.errs.add("parent", "descendant")
		}
	}
	return err
}
