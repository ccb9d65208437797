package project_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
)

var (
	ann     = access.Actor{Kind: access.Person, ID: 11, Login: "ann"} // project admin of 1 and 2
	bob     = access.Actor{Kind: access.Person, ID: 12, Login: "bob"} // reader of 1
	cat     = access.Actor{Kind: access.Person, ID: 14, Login: "cat"} // outsider who may add projects
	zoe     = access.Actor{Kind: access.Person, ID: 13, Login: "zoe", Admin: true}
	visitor = access.Anonymous("127.0.0.1")
)

// cast: project 1 (private) with child 2 and grandchild 3; 4 is public.
func cast(t *testing.T, d *db.DB) {
	t.Helper()
	stmts := []string{
		`INSERT INTO users (id, kind, login, login_folded, admin, created_at, updated_at) VALUES
			(11, 'User', 'ann', 'ann', FALSE, 0, 0), (12, 'User', 'bob', 'bob', FALSE, 0, 0),
			(13, 'User', 'zoe', 'zoe', TRUE, 0, 0), (14, 'User', 'cat', 'cat', FALSE, 0, 0)`,
		`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, public, parent_id, created_at, updated_at) VALUES
			(1, 'top', 'top', 'Top', 'top', FALSE, NULL, 0, 0), (2, 'mid', 'mid', 'Mid', 'mid', FALSE, 1, 0, 0),
			(3, 'low', 'low', 'Low', 'low', FALSE, 2, 0, 0), (4, 'open', 'open', 'Open', 'open', TRUE, NULL, 0, 0)`,
		`INSERT INTO enabled_modules (project_id, name) VALUES (1, 'work_package_tracking'), (2, 'wiki')`,
		`INSERT INTO types (id, name, position, is_default, created_at, updated_at) VALUES (1, 'Task', 1, TRUE, 0, 0), (2, 'Bug', 2, FALSE, 0, 0)`,
		`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES
			(1, 'Project admin', 'ProjectRole', 0, 1, 0, 0), (2, 'Reader', 'ProjectRole', 0, 2, 0, 0),
			(3, 'Adder', 'GlobalRole', 0, 3, 0, 0)`,
		`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'edit_project'), (1, 'archive_project'), (1, 'add_subprojects'),
			(1, 'view_members'), (2, 'view_work_packages'), (3, 'add_project')`,
		`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES
			(1, 11, 1, 0, 0), (2, 11, 2, 0, 0), (3, 12, 1, 0, 0), (4, 14, NULL, 0, 0)`,
		`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1), (2, 1), (3, 2), (4, 3)`,
	}
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		for _, s := range stmts {
			if _, err := db.Exec(t.Context(), tx, db.SQL(s)); err != nil {
				return err
			}
		}
		if tx.Dialect() == db.Postgres { // the ids above were given by hand
			for _, table := range []string{"users", "projects", "types", "roles", "members"} {
				if _, err := db.Exec(t.Context(), tx, db.SQL(`ALTER TABLE `+table+` ALTER COLUMN id RESTART WITH 100`)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

type settings struct{}

func (settings) NewProjectRole() id.Role  { return 1 }
func (settings) ProjectModules() []string { return nil }
func (settings) ProjectsPublic() bool     { return false }

type creators struct{}

func (creators) AddCreator(ctx context.Context, tx *db.Tx, a access.Actor, n id.Project, role id.Role) error {
	m, err := db.Insert[id.Member](ctx, tx, db.SQL(`INSERT INTO members (user_id, project_id, created_at, updated_at)
		VALUES (?, ?, 0, 0) RETURNING id`, a.ID, n))
	if err == nil {
		_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO member_roles (member_id, role_id) VALUES (?, ?)`, m, role))
	}
	return err
}

func each(t *testing.T, fn func(t *testing.T, s *project.Service, d *db.DB, c *dbtest.Clock)) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		cast(t, d)
		fn(t, project.New(project.Deps{DB: d, Audit: audit.New([]byte("k")), Settings: settings{}, Creators: creators{}}), d, c)
	})
}

func name(s string) project.Patch { return project.Patch{Name: opt.Of(s)} }

func TestWhoMayDoWhatWithAProject(t *testing.T) {
	const ok = fault.Kind(-1)
	type do func(ctx context.Context, s *project.Service, a access.Actor) error
	update := func(n id.Project, p project.Patch) do {
		return func(ctx context.Context, s *project.Service, a access.Actor) error {
			_, err := s.Update(ctx, a, n, p)
			return err
		}
	}
	find := func(ctx context.Context, s *project.Service, a access.Actor) error {
		_, err := s.Find(ctx, a, 1)
		return err
	}
	create := func(p project.Patch) do {
		return func(ctx context.Context, s *project.Service, a access.Actor) error {
			_, err := s.Create(ctx, a, p)
			return err
		}
	}
	archive := func(ctx context.Context, s *project.Service, a access.Actor) error {
		_, err := s.Archive(ctx, a, 1)
		return err
	}
	archiveLeaf := func(ctx context.Context, s *project.Service, a access.Actor) error {
		_, err := s.Archive(ctx, a, 2)
		return err
	}
	remove := func(ctx context.Context, s *project.Service, a access.Actor) error { return s.Delete(ctx, a, 1) }
	trash := func(ctx context.Context, s *project.Service, a access.Actor) error {
		_, err := s.Trash(ctx, a)
		return err
	}
	restore := func(ctx context.Context, s *project.Service, a access.Actor) error {
		_, err := s.Restore(ctx, a, 1)
		return err
	}
	sub := project.Patch{Name: opt.Of("Sub"), Parent: opt.Ptr(id.Project(1))}
	cases := []struct {
		name  string
		actor access.Actor
		do    do
		want  fault.Kind
	}{
		{"a member finds it", bob, find, ok},
		{"an outsider does not", cat, find, fault.KindNotFound},
		{"a visitor does not", visitor, find, fault.KindNotFound},
		{"a project admin edits", ann, update(1, name("New")), ok},
		{"a reader may not edit", bob, update(1, name("New")), fault.KindForbidden},
		{"an outsider who edits learns nothing", cat, update(1, name("New")), fault.KindNotFound},
		{"a stranger may not edit a public project", bob, update(4, name("New")), fault.KindForbidden},
		{"a visitor is asked to sign in at a public project", visitor, update(4, name("New")), fault.KindUnauthenticated},
		{"an administrator edits everything", zoe, update(3, name("New")), ok},
		{"modules need their own permission", ann, update(1, project.Patch{Modules: opt.Of([]string{"wiki"})}), fault.KindInvalid},
		{"types need their own permission", ann, update(1, project.Patch{Types: opt.Of([]id.Type{1})}), fault.KindInvalid},
		{"moving to the top needs the global right", ann, update(2, project.Patch{Parent: opt.Null[id.Project]()}), fault.KindInvalid},
		{"the holder of the global right adds projects", cat, create(name("Mine")), ok},
		{"others do not", bob, create(name("Mine")), fault.KindForbidden},
		{"visitors are asked to sign in", visitor, create(name("Mine")), fault.KindUnauthenticated},
		{"a project admin adds subprojects", ann, create(sub), ok},
		{"a project admin adds none at the top", ann, create(name("Mine")), fault.KindInvalid},
		{"a reader adds no subprojects", bob, create(sub), fault.KindForbidden},
		{"a parent one cannot see does not exist", cat, create(sub), fault.KindInvalid},
		{"an archive needs the right in all descendants", ann, archive, fault.KindForbidden},
		{"an archive of a reader is refused", bob, archive, fault.KindForbidden},
		{"an administrator archives", zoe, archiveLeaf, ok},
		{"only administrators delete", ann, remove, fault.KindForbidden},
		{"an outsider who deletes learns nothing", cat, remove, fault.KindNotFound},
		{"an administrator deletes", zoe, remove, ok},
		{"only administrators see the trash", ann, trash, fault.KindForbidden},
		{"only administrators restore", ann, restore, fault.KindForbidden},
		{"what is not in the trash is not restored", zoe, restore, fault.KindNotFound},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		s := project.New(project.Deps{DB: d, Audit: audit.New([]byte("k")), Settings: settings{}, Creators: creators{}})
		for _, c := range cases {
			err := c.do(t.Context(), s, c.actor)
			if got := kind(err); got != c.want {
				t.Errorf("%s: got %v (%v), want %v", c.name, got, err, c.want)
			}
			if err == nil {
				reset(t, d)
			}
		}
	})
}

func kind(err error) fault.Kind {
	if err == nil {
		return -1
	}
	return fault.KindOf(err)
}

// reset brings the cast's projects back after a case that succeeded.
func reset(t *testing.T, d *db.DB) {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE projects SET deleted_at = NULL, active = TRUE WHERE id <= 4`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, d *db.DB, _ *dbtest.Clock) {
		p, err := s.Create(t.Context(), cat, name("  Größe & Übersicht! "))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(p.Identifier, p.Name, p.Modules, p.Types, p.Public, p.Active)
		want := fmt.Sprint("grosse-ubersicht", "Größe & Übersicht!",
			[]string{"board_view", "calendar", "costs", "gantt", "news", "wiki", "work_package_tracking"}, []id.Type{1}, false, true)
		if got != want {
			t.Errorf("new project: got %s, want %s", got, want)
		}
		if _, err := s.Update(t.Context(), cat, p.ID, name("Other")); err != nil {
			t.Errorf("the creator became no project admin: %v", err)
		}
		again, err := s.Create(t.Context(), zoe, name("Grosse Ubersicht"))
		if err != nil || again.Identifier != "grosse-ubersicht-2" {
			t.Errorf("second of the name: got %v, %v", again, err)
		}
		entries, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]journal.Entry, error) {
			return journal.List(t.Context(), tx, journal.Project, int64(p.ID))
		})
		if err != nil || len(entries) != 1 {
			t.Errorf("history: got %d entries, %v; want the creation with the change merged into it", len(entries), err)
		}
	})
}

func TestRefusedFields(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'a'
	}
	cases := []struct {
		name  string
		patch project.Patch
		want  string
	}{
		{"no name", project.Patch{}, "name blank"},
		{"a long name and identifier", project.Patch{Name: opt.Of(string(long)), Identifier: opt.Of(string(long))}, "name too_long identifier too_long"},
		{"an identifier with blanks", project.Patch{Name: opt.Of("A"), Identifier: opt.Of("a b")}, "identifier invalid"},
		{"a numeric identifier", project.Patch{Name: opt.Of("A"), Identifier: opt.Of("42")}, "identifier invalid"},
		{"a reserved identifier", project.Patch{Name: opt.Of("A"), Identifier: opt.Of("New")}, "identifier exclusion"},
		{"an identifier taken in another case", project.Patch{Name: opt.Of("A"), Identifier: opt.Of("TOP")}, "identifier taken"},
		{"an unknown status", project.Patch{Name: opt.Of("A"), Status: opt.Ptr("great")}, "status inclusion"},
		{"an unknown module and type", project.Patch{Name: opt.Of("A"), Modules: opt.Of([]string{"fun"}), Types: opt.Of([]id.Type{9})}, "types inclusion modules inclusion"},
		{"a parent that is not there", project.Patch{Name: opt.Of("A"), Parent: opt.Ptr(id.Project(99))}, "parent does_not_exist"},
	}
	each(t, func(t *testing.T, s *project.Service, _ *db.DB, _ *dbtest.Clock) {
		for _, c := range cases {
			_, err := s.Create(t.Context(), zoe, c.patch)
			if got := codes(fault.Fields(err)); got != c.want && !(c.name == "no name" && got == "name blank identifier blank") {
				t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
			}
			form, err := s.Preview(t.Context(), zoe, 0, c.patch)
			if err != nil || len(form.Errors) == 0 {
				t.Errorf("%s: the preview says %v, %v", c.name, form, err)
			}
		}
		_, err := s.Update(t.Context(), zoe, 1, project.Patch{Parent: opt.Ptr(id.Project(3))})
		if got := codes(fault.Fields(err)); got != "parent cant_link_a_project_with_a_descendant" {
			t.Errorf("a cycle: got %q", got)
		}
	})
}

func codes(fs []fault.Field) string {
	out := ""
	for _, f := range fs {
		out += " " + f.Name + " " + f.Code
	}
	if out == "" {
		return out
	}
	return out[1:]
}

func TestUpdateModulesTypesAndStatus(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, _ *db.DB, _ *dbtest.Clock) {
		p, err := s.Update(t.Context(), zoe, 2, project.Patch{
			Modules: opt.Of([]string{"wiki", "news", "wiki"}), Types: opt.Of([]id.Type{2, 1}), Status: opt.Ptr(project.AtRisk),
			StatusExplanation: opt.Of("Late."), Parent: opt.Ptr(id.Project(4)), Public: opt.Of(true),
		})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%v %v %s %s %d %v %d", p.Modules, p.Types, *p.Status, p.StatusExplanation, *p.ParentID, p.Public, len(p.Ancestors))
		if want := "[news wiki] [1 2] at_risk Late. 4 true 1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		same, err := s.Update(t.Context(), zoe, 2, project.Patch{Name: opt.Of("Mid")})
		if err != nil || same.UpdatedAt != p.UpdatedAt {
			t.Errorf("saving what is there changed it: %v, %v", same, err)
		}
	})
}

func TestArchiveTakesDescendantsAndUnarchiveNeedsAncestors(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, _ *db.DB, _ *dbtest.Clock) {
		if _, err := s.Archive(t.Context(), zoe, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(t.Context(), ann, 2); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a member still finds an archived project: %v", err)
		}
		if _, err := s.Archive(t.Context(), zoe, 1); !fault.Is(err, fault.KindConflict) {
			t.Errorf("archiving twice: %v", err)
		}
		if _, err := s.Unarchive(t.Context(), zoe, 2); !fault.Is(err, fault.KindConflict) {
			t.Errorf("unarchiving below an archived project: %v", err)
		}
		p, err := s.Update(t.Context(), zoe, 1, project.Patch{Active: opt.Of(true)})
		if err != nil || !p.Active {
			t.Errorf("unarchive: %v, %v", p, err)
		}
		if _, err := s.Unarchive(t.Context(), zoe, 2); err != nil {
			t.Errorf("unarchive the child: %v", err)
		}
		form, err := s.Preview(t.Context(), ann, 1, project.Patch{})
		if err != nil || !form.Schema.Writable["name"] || !form.Schema.Writable["active"] || form.Schema.Writable["modules"] {
			t.Errorf("what a project admin may write: %+v, %v", form, err)
		}
	})
}

func TestTrashFreesTheIdentifierAndRestoreFindsAnother(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, d *db.DB, c *dbtest.Clock) {
		ctx := t.Context()
		if err := s.Delete(ctx, zoe, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(ctx, zoe, 3); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a grandchild is still there: %v", err)
		}
		trash, err := s.Trash(ctx, zoe)
		if err != nil || len(trash) != 1 || trash[0].Descendants != 2 {
			t.Errorf("trash: %+v, %v", trash, err)
		}
		if _, err := s.Create(ctx, zoe, project.Patch{Name: opt.Of("Top"), Identifier: opt.Of("top")}); err != nil {
			t.Errorf("the identifier is not free: %v", err)
		}
		p, err := s.Restore(ctx, zoe, 1)
		if err != nil || p.Identifier != "top-2" {
			t.Fatalf("restore: %+v, %v", p, err)
		}
		if p, err := s.FindRef(ctx, ann, "MID"); err != nil || p.ID != 2 || len(p.Ancestors) != 1 {
			t.Errorf("the child came back as %+v, %v", p, err)
		}
		if err := s.Delete(ctx, zoe, 2); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Purge(ctx, time.Hour); n != 0 || err != nil {
			t.Errorf("purge before its time: %d, %v", n, err)
		}
		c.Advance(2 * time.Hour)
		if n, err := s.Purge(ctx, time.Hour); n != 2 || err != nil {
			t.Errorf("purge: %d, %v", n, err)
		}
		left, err := db.Read(ctx, d, func(tx *db.Tx) (int, error) {
			return db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM journals WHERE entity_type = 'Project' AND entity_id IN (2, 3)`))
		})
		if left != 0 || err != nil {
			t.Errorf("history left behind: %d, %v", left, err)
		}
	})
}

func TestListShowsWhatOneMaySee(t *testing.T) {
	cond := func(name, op string, values ...string) []filter.Condition {
		return []filter.Condition{{Name: name, Op: op, Values: values}}
	}
	cases := []struct {
		name  string
		actor access.Actor
		conds []filter.Condition
		want  []id.Project
	}{
		{"a project admin sees hers and public ones, by name", ann, nil, []id.Project{2, 4, 1}},
		{"a visitor sees public ones", visitor, nil, []id.Project{4}},
		{"an administrator sees all", zoe, nil, []id.Project{3, 2, 4, 1}},
		{"by part of the name", zoe, cond("typeahead", "**", "MI"), []id.Project{2}},
		{"by identifier", zoe, cond("name_and_identifier", "=", "low"), []id.Project{3}},
		{"by parent", zoe, cond("parent", "=", "1"), []id.Project{2}},
		{"by ancestor", zoe, cond("ancestor", "=", "1"), []id.Project{3, 2}},
		{"by member", zoe, cond("principal", "=", "12"), []id.Project{1}},
		{"by not being public", ann, cond("public", "=", "f"), []id.Project{2, 1}},
		{"by activity", zoe, cond("active", "=", "f"), nil},
		{"by status", zoe, cond("project_status_code", "!*"), []id.Project{3, 2, 4, 1}},
	}
	each(t, func(t *testing.T, s *project.Service, _ *db.DB, _ *dbtest.Clock) {
		for _, c := range cases {
			page, err := s.List(t.Context(), c.actor, project.ListInput{Filters: c.conds, Page: filter.Page{Number: 1, Size: 10}})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			var got []id.Project
			for _, p := range page.Items {
				got = append(got, p.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || page.Total != len(c.want) {
				t.Errorf("%s: total %d, %s", c.name, page.Total, diff)
			}
		}
		if _, err := s.List(t.Context(), zoe, project.ListInput{Filters: cond("colour", "=", "red")}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("an unknown filter: %v", err)
		}
	})
}

func TestTreeAndAvailableParents(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, d *db.DB, _ *dbtest.Clock) {
		nodes, err := s.Tree(t.Context(), zoe)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range nodes {
			got += fmt.Sprintf("%d@%d ", n.ID, n.Depth)
		}
		if want := "4@0 1@0 2@1 3@2 "; got != want {
			t.Errorf("tree: got %s, want %s", got, want)
		}
		err = db.Do(t.Context(), d, func(tx *db.Tx) error { // ann sees 1 and 3, but not 2 between them
			_, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE members SET project_id = 3 WHERE id = 2`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Find(t.Context(), ann, 3)
		if err != nil || len(p.Ancestors) != 1 || p.Ancestors[0].ID != 1 {
			t.Errorf("visible ancestors: %+v, %v", p, err)
		}
		if _, ok := p.Parent(); ok {
			t.Error("a hidden parent is shown")
		}
		nodes, err = s.Tree(t.Context(), ann)
		if err != nil || len(nodes) != 3 || *nodes[2].Parent != 1 || nodes[2].Depth != 1 {
			t.Errorf("tree with a gap: %+v, %v", nodes, err)
		}
		parents, err := s.AvailableParents(t.Context(), ann, 3)
		if err != nil || len(parents) != 1 || parents[0].ID != 1 {
			t.Errorf("available parents: %+v, %v", parents, err)
		}
		if may, err := s.MayCreate(t.Context(), ann); !may || err != nil {
			t.Errorf("ann may create somewhere: %v, %v", may, err)
		}
		if may, err := s.MayCreate(t.Context(), bob); may || err != nil {
			t.Errorf("bob may create nowhere: %v, %v", may, err)
		}
	})
}

func TestCapabilities(t *testing.T) {
	each(t, func(t *testing.T, s *project.Service, _ *db.DB, _ *dbtest.Clock) {
		p, err := s.Find(t.Context(), ann, 1)
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.Grants(t.Context(), ann, *p)
		if err != nil {
			t.Fatal(err)
		}
		want := project.Capabilities{Edit: true, AddSubproject: true, Archive: true, ViewMembers: true}
		if diff := cmp.Diff(want, p.Capabilities(ann, g)); diff != "" {
			t.Error(diff)
		}
	})
}
