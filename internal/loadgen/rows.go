package loadgen

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// maxValues bounds the parameters of one statement.
const maxValues = 4000

// table collects the rows of one table and writes many with one statement.
type table struct {
	into  string // INSERT INTO t (columns) VALUES
	width int
	args  []any
}

func into(text string) *table { return &table{into: text, width: strings.Count(text, ",") + 1} }

func (t *table) add(values ...any) { t.args = append(t.args, values...) }

func (t *table) write(ctx context.Context, tx *db.Tx) error {
	mark := "(" + db.Marks(t.width) + ")"
	for step := maxValues / t.width * t.width; len(t.args) > 0; {
		n := min(step, len(t.args))
		q := t.into + " VALUES " + strings.TrimSuffix(strings.Repeat(mark+",", n/t.width), ",")
		if _, err := db.Exec(ctx, tx, db.SQL(q, t.args[:n]...)); err != nil {
			return err
		}
		t.args = t.args[n:]
	}
	return nil
}

// next returns the first free id of a table. Ids are given by the generator
// and not by the engine, so that rows can name each other before they are written.
func next(ctx context.Context, tx *db.Tx, name string) (int64, error) {
	return db.Scalar[int64](ctx, tx, db.SQL(`SELECT COALESCE(MAX(id), 0) + 1 FROM `+name))
}

// given tells PostgreSQL's sequence of the ids that were given; SQLite notices by itself.
func given(ctx context.Context, tx *db.Tx, names ...string) error {
	if tx.Dialect() == db.SQLite {
		return nil
	}
	for _, n := range names {
		if _, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT setval(pg_get_serial_sequence('`+n+`', 'id'), (SELECT MAX(id) FROM `+n+`))`)); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) makeUsers(ctx context.Context, tx *db.Tx) error {
	first, err := next(ctx, tx, "users")
	if err != nil {
		return err
	}
	t := into(`INSERT INTO users (id, kind, login, login_folded, firstname, lastname, name_folded, mail, mail_folded, admin, created_at, updated_at)`)
	g.users = nil
	for i := range g.plan.Users {
		n, login := first+int64(i), Login(i+1)
		name, family := pick(g, firstNames), pick(g, words)
		mail := login + "@example.org"
		t.add(n, "User", login, login, name, family, db.Fold(name+" "+family), mail, mail, i == 0, db.At(g.now), db.At(g.now))
		g.users = append(g.users, n)
	}
	if err := t.write(ctx, tx); err != nil {
		return err
	}
	return given(ctx, tx, "users")
}

func (g *generator) makeProjects(ctx context.Context, tx *db.Tx) error {
	first, err := next(ctx, tx, "projects")
	if err != nil {
		return err
	}
	t := into(`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, description, public, created_at, updated_at)`)
	modules := into(`INSERT INTO enabled_modules (project_id, name)`)
	types := into(`INSERT INTO projects_types (project_id, type_id)`)
	g.projects = nil
	for i := range g.plan.Projects {
		n, ident := first+int64(i), fmt.Sprintf("bench-%03d", i+1)
		name := fmt.Sprintf("Project %d %s", i+1, pick(g, words))
		t.add(n, ident, ident, name, db.Fold(name), g.text(20), i%4 == 0, db.At(g.now), db.At(g.now))
		modules.add(n, "work_package_tracking", n, "wiki", n, "news", n, "gantt")
		for _, typ := range g.known.types {
			types.add(n, typ)
		}
		g.projects = append(g.projects, n)
	}
	for _, t := range []*table{t, modules, types} {
		if err := t.write(ctx, tx); err != nil {
			return err
		}
	}
	return given(ctx, tx, "projects")
}

// makeMembers makes everyone a member of about 60 % of the projects.
func (g *generator) makeMembers(ctx context.Context, tx *db.Tx) error {
	first, err := next(ctx, tx, "members")
	if err != nil {
		return err
	}
	members := into(`INSERT INTO members (id, user_id, project_id, created_at, updated_at)`)
	roles := into(`INSERT INTO member_roles (member_id, role_id)`)
	for i, u := range g.users {
		for j, p := range g.projects {
			if j > 0 && g.rnd.IntN(100) >= 60 { // everyone is in the first project
				continue
			}
			role := g.known.roles[0]
			if i > 1 && j > 0 {
				role = pick(g, g.known.roles)
			}
			members.add(first, u, p, db.At(g.now), db.At(g.now))
			roles.add(first, role)
			first++
		}
	}
	if err := members.write(ctx, tx); err != nil {
		return fmt.Errorf("members: %w", err)
	}
	if err := roles.write(ctx, tx); err != nil {
		return fmt.Errorf("member roles: %w", err)
	}
	return given(ctx, tx, "members")
}

// packages makes n work packages with their histories.
func (g *generator) packages(ctx context.Context, tx *db.Tx, from, n int) error {
	firstWP, err := next(ctx, tx, "work_packages")
	if err != nil {
		return err
	}
	wps := into(`INSERT INTO work_packages (id, project_id, type_id, status_id, priority_id, subject, subject_folded, description,
		author_id, assigned_to_id, parent_id, start_date, due_date, duration, estimated_seconds, remaining_seconds, lock_version, created_at, updated_at, description_folded)`)
	journals := into(`INSERT INTO journals (entity_type, entity_id, version, user_id, notes, notes_folded, data, created_at, updated_at)`)
	inProject := map[int64]int64{}
	for i := range n {
		w := g.workPackage(firstWP + int64(i))
		if up, ok := inProject[w.project]; ok && (from+i)%10 == 0 {
			w.parent = &up
		} else if !ok {
			inProject[w.project] = w.id
		}
		wps.add(w.id, w.project, w.typ, w.status, w.priority, w.subject, db.Fold(w.subject), w.description, w.author, w.assignee,
			w.parent, w.start, w.due, 5, w.work, w.work, g.plan.Journals-1, w.created, w.updated, db.Fold(w.description))
		if err := g.history(journals, w); err != nil {
			return err
		}
	}
	if err := wps.write(ctx, tx); err != nil {
		return err
	}
	if err := journals.write(ctx, tx); err != nil {
		return err
	}
	return given(ctx, tx, "work_packages")
}

type workRow struct {
	id, project, typ, status, priority, author int64
	assignee, parent                           *int64
	subject, description                       string
	start, due                                 db.Day
	work                                       int64
	created, updated                           db.Time
}

func (g *generator) workPackage(n int64) workRow {
	project := g.projects[0] // a tenth of all is in the first project
	if g.rnd.IntN(10) > 0 {
		project = pick(g, g.projects)
	}
	created := g.ago()
	w := workRow{
		id: n, project: project, typ: pick(g, g.known.types), status: pick(g, g.known.statuses), priority: pick(g, g.known.priorities),
		author: pick(g, g.users), subject: g.text(6), description: g.text(60), start: db.DayOf(created.Time), created: created,
		updated: db.At(created.Add(time.Duration(g.rnd.Int64N(int64(g.now.Sub(created.Time)) + 1)))), work: int64(1+g.rnd.IntN(40)) * 3600,
	}
	w.due = w.start.AddDays(4)
	if g.rnd.IntN(10) < 8 {
		u := pick(g, g.users)
		w.assignee = &u
	}
	return w
}

// history adds the entries of a work package: the first without a note, the others with one.
func (g *generator) history(t *table, w workRow) error {
	st := workpackage.State{
		ProjectID: id.Project(w.project), TypeID: id.Type(w.typ), StatusID: id.Status(g.known.statuses[0]), PriorityID: id.Priority(w.priority),
		Subject: w.subject, Description: w.description, AuthorID: id.User(w.author), ScheduleManually: true,
		StartDate: &w.start, DueDate: &w.due, EstimatedSeconds: &w.work, RemainingSeconds: &w.work,
	}
	who, note, at := w.author, "", w.created
	for v := 1; v <= g.plan.Journals; v++ {
		if v > 1 {
			who, note = pick(g, g.users), g.text(15)
			at = db.At(w.created.Add(w.updated.Sub(w.created.Time) / time.Duration(g.plan.Journals) * time.Duration(v)))
		}
		if v == g.plan.Journals {
			st.StatusID, st.AssigneeID, st.ParentID = id.Status(w.status), (*id.User)(w.assignee), (*id.WorkPackage)(w.parent)
		}
		data, err := json.Marshal(st)
		if err != nil {
			return err
		}
		t.add(journal.WorkPackage, w.id, v, who, note, db.Fold(note), string(data), at, at)
	}
	return nil
}
