package catalog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

var (
	ann     = access.Actor{Kind: access.Person, ID: 11} // plays role 1 in project 1
	zoe     = access.Actor{Kind: access.Person, ID: 13, Admin: true}
	visitor = access.Anonymous("127.0.0.1")
)

func each(t *testing.T, fn func(t *testing.T, s *catalog.Service, d *db.DB)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		run(t, d,
			`INSERT INTO users (id, kind, login, login_folded, admin, created_at, updated_at) VALUES
				(11, 'User', 'ann', 'ann', FALSE, 0, 0), (13, 'User', 'zoe', 'zoe', TRUE, 0, 0)`,
			`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES (1, 'a', 'a', 'A', 'a', 0, 0)`,
			`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES
				(1, 'Member', 'ProjectRole', 0, 1, 0, 0), (2, 'Lead', 'ProjectRole', 0, 2, 0, 0)`,
			`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'work_package_assigned'), (2, 'work_package_assigned')`,
			`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (1, 11, 1, 0, 0)`,
			`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1)`)
		s := catalog.New(d)
		for _, name := range []string{"New", "Doing", "Done"} {
			if _, err := s.CreateStatus(t.Context(), zoe, catalog.StatusPatch{Name: opt.Of(name)}); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"Task", "Bug"} {
			if _, err := s.CreateType(t.Context(), zoe, catalog.TypePatch{Name: opt.Of(name)}); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"Low", "High"} {
			if _, err := s.CreatePriority(t.Context(), zoe, catalog.PriorityPatch{Name: opt.Of(name)}); err != nil {
				t.Fatal(err)
			}
		}
		fn(t, s, d)
	})
}

func run(t *testing.T, d *db.DB, stmts ...string) {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		for _, s := range stmts {
			if _, err := db.Exec(t.Context(), tx, db.SQL(s)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyAdministratorsChangeTheCatalog(t *testing.T) {
	writes := map[string]func(ctx context.Context, s *catalog.Service, a access.Actor) error{
		"create a type": func(ctx context.Context, s *catalog.Service, a access.Actor) error {
			_, err := s.CreateType(ctx, a, catalog.TypePatch{Name: opt.Of("X")})
			return err
		},
		"change a status": func(ctx context.Context, s *catalog.Service, a access.Actor) error {
			_, err := s.UpdateStatus(ctx, a, 2, catalog.StatusPatch{Color: opt.Of("#ff0000")})
			return err
		},
		"move a priority": func(ctx context.Context, s *catalog.Service, a access.Actor) error {
			return s.MovePriority(ctx, a, 2, 1)
		},
		"set a workflow": func(ctx context.Context, s *catalog.Service, a access.Actor) error {
			_, err := s.SetWorkflow(ctx, a, 1, 1, []catalog.Step{{From: 1, To: 2}})
			return err
		},
		"see a workflow": func(ctx context.Context, s *catalog.Service, a access.Actor) error {
			_, err := s.Workflow(ctx, a, 1, 1)
			return err
		},
		"delete a type": func(ctx context.Context, s *catalog.Service, a access.Actor) error { return s.DeleteType(ctx, a, 2) },
	}
	each(t, func(t *testing.T, s *catalog.Service, _ *db.DB) {
		for name, do := range writes {
			for actor, want := range map[*access.Actor]fault.Kind{&visitor: fault.KindUnauthenticated, &ann: fault.KindForbidden} {
				if err := do(t.Context(), s, *actor); !fault.Is(err, want) {
					t.Errorf("%s by %d: got %v, want kind %v", name, actor.ID, err, want)
				}
			}
			if err := do(t.Context(), s, zoe); err != nil {
				t.Errorf("%s by an administrator: %v", name, err)
			}
		}
		if all, err := s.Types(t.Context(), ann); err != nil || len(all) != 2 {
			t.Errorf("people read the types: %v, %v", all, err)
		}
		if _, err := s.Statuses(t.Context(), visitor); !fault.Is(err, fault.KindUnauthenticated) {
			t.Errorf("visitors who see no work packages read statuses: %v", err)
		}
		if _, err := s.ProjectTypes(t.Context(), access.Actor{Kind: access.Person, ID: 99}, 1); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("an outsider reads a project's types: %v", err)
		}
	})
}

func TestThereIsOneDefault(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, d *db.DB) {
		ctx := t.Context()
		if st, err := s.Status(ctx, ann, 1); err != nil || !st.Default {
			t.Errorf("the first status is the default: %+v, %v", st, err)
		}
		if _, err := s.UpdateStatus(ctx, zoe, 2, catalog.StatusPatch{Default: opt.Of(true)}); err != nil {
			t.Fatal(err)
		}
		if st, err := s.Status(ctx, ann, 1); err != nil || st.Default {
			t.Errorf("the default moved on: %+v, %v", st, err)
		}
		_, err := s.UpdateStatus(ctx, zoe, 2, catalog.StatusPatch{Default: opt.Of(false)})
		if fs := fault.Fields(err); len(fs) != 1 || fs[0].Code != "default_required" {
			t.Errorf("no default at all: %v", err)
		}
		for what, err := range map[string]error{"status": s.DeleteStatus(ctx, zoe, 2), "priority": s.DeletePriority(ctx, zoe, 1)} {
			if fs := fault.Fields(err); len(fs) != 1 || fs[0].Code != "default_required" {
				t.Errorf("delete the default %s: %v", what, err)
			}
		}
		err = db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`UPDATE statuses SET is_default = TRUE`))
			return err
		})
		if !db.IsUnique(err) {
			t.Errorf("the database allows several defaults: %v", err)
		}
	})
}

func TestRefusedValues(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, _ *db.DB) {
		_, err := s.CreateStatus(t.Context(), zoe, catalog.StatusPatch{Name: opt.Of("done"), Color: opt.Of("red"), DoneRatio: opt.Ptr(101)})
		got := ""
		for _, f := range fault.Fields(err) {
			got += f.Name + " " + f.Code + ";"
		}
		if want := "color invalid;name taken;defaultDoneRatio inclusion;"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestWhatIsInUseIsNotDeleted(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, d *db.DB) {
		run(t, d, `INSERT INTO work_packages (project_id, type_id, status_id, priority_id, subject, subject_folded, author_id, created_at, updated_at)
			VALUES (1, 1, 3, 2, 's', 's', 11, 0, 0)`)
		for what, err := range map[string]error{
			"type": s.DeleteType(t.Context(), zoe, 1), "status": s.DeleteStatus(t.Context(), zoe, 3), "priority": s.DeletePriority(t.Context(), zoe, 2),
		} {
			fs := fault.Fields(err)
			if len(fs) != 1 || fs[0].Code != "in_use" || fs[0].Params["work_packages"] != 1 {
				t.Errorf("delete a %s in use: %v", what, err)
			}
		}
		run(t, d, `DELETE FROM work_packages`)
		if _, err := s.SetWorkflow(t.Context(), zoe, 1, 1, []catalog.Step{{From: 1, To: 3}, {From: 1, To: 2}}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteStatus(t.Context(), zoe, 3); err != nil {
			t.Errorf("delete a status that only the workflow names: %v", err)
		}
		if steps, err := s.Workflow(t.Context(), zoe, 1, 0); err != nil || len(steps) != 1 {
			t.Errorf("steps left: %v, %v", steps, err)
		}
	})
}

func TestTransitions(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, d *db.DB) {
		ctx := t.Context()
		if _, err := s.SetWorkflow(ctx, zoe, 1, 1, []catalog.Step{{From: 1, To: 2}, {From: 2, To: 3, Assignee: true}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetWorkflow(ctx, zoe, 1, 2, []catalog.Step{{From: 1, To: 3}}); err != nil {
			t.Fatal(err)
		}
		if err := s.CopyWorkflow(ctx, zoe, 1, 1, []id.Type{2}, []id.Role{1}); err != nil {
			t.Fatal(err)
		}
		if err := s.MoveStatus(ctx, zoe, 3, 1); err != nil {
			t.Fatal(err)
		}
		cases := []struct {
			name     string
			actor    access.Actor
			typ      id.Type
			from     id.Status
			assignee bool
			want     string
		}{
			{"a new one takes the default and what follows", ann, 1, 0, false, "[1 2]"},
			{"a step for assignees is closed to others", ann, 1, 2, false, "[2]"},
			{"and open to the assignee, in the statuses' order", ann, 1, 2, true, "[3 2]"},
			{"an administrator acts with every assignable role", zoe, 1, 1, false, "[3 1 2]"},
			{"copied steps work for the other type", ann, 2, 1, false, "[1 2]"},
			{"somebody without a role stays", access.Actor{Kind: access.Person, ID: 99}, 1, 1, false, "[1]"},
		}
		for _, c := range cases {
			got, err := db.Read(ctx, d, func(tx *db.Tx) ([]id.Status, error) {
				return catalog.Transitions(ctx, tx, c.actor, catalog.Situation{Project: 1, Type: c.typ, From: c.from, IsAssignee: c.assignee})
			})
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("%s: got %v, %v; want %s", c.name, got, err, c.want)
			}
		}
		if _, err := s.SetWorkflow(ctx, zoe, 1, 1, []catalog.Step{{From: 1, To: 99}}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("a step to nowhere: %v", err)
		}
		if _, err := s.SetWorkflow(ctx, zoe, 1, 99, nil); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a workflow for nobody: %v", err)
		}
	})
}
