package membership_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
)

var (
	ann     = access.Actor{Kind: access.Person, ID: 11} // manages the members of 1
	bob     = access.Actor{Kind: access.Person, ID: 12} // reads in 1, in group 20
	cat     = access.Actor{Kind: access.Person, ID: 14} // an outsider
	zoe     = access.Actor{Kind: access.Person, ID: 13, Admin: true}
	visitor = access.Anonymous("127.0.0.1")
)

type noted struct{ people []id.User }

func (n *noted) RightsChanged(_ context.Context, _ *db.Tx, people []id.User) error {
	n.people = append(n.people, people...)
	return nil
}

func each(t *testing.T, fn func(t *testing.T, s *membership.Service, d *db.DB, n *noted)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		run(t, d,
			`INSERT INTO users (id, kind, login, login_folded, lastname, name_folded, admin, created_at, updated_at) VALUES
				(11, 'User', 'ann', 'ann', 'Ann', 'ann', FALSE, 0, 0), (12, 'User', 'bob', 'bob', 'Bob', 'bob', FALSE, 0, 0),
				(13, 'User', 'zoe', 'zoe', 'Zoe', 'zoe', TRUE, 0, 0), (14, 'User', 'cat', 'cat', 'Cat', 'cat', FALSE, 0, 0),
				(20, 'Group', NULL, NULL, 'Crew', 'crew', FALSE, 0, 0)`,
			`INSERT INTO group_users (group_id, user_id) VALUES (20, 12), (20, 14)`,
			`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES
				(1, 'a', 'a', 'A', 'a', 0, 0), (2, 'b', 'b', 'B', 'b', 0, 0)`,
			`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES
				(1, 'Manager', 'ProjectRole', 0, 1, 0, 0), (2, 'Reader', 'ProjectRole', 0, 2, 0, 0), (3, 'Non member', 'ProjectRole', 1, 3, 0, 0),
				(4, 'Keeper', 'GlobalRole', 0, 4, 0, 0), (5, 'Standard', 'GlobalRole', 8, 5, 0, 0)`,
			`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'view_members'), (1, 'manage_members'), (2, 'view_work_packages'),
				(4, 'create_backup'), (5, 'view_all_principals')`,
			`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (1, 11, 1, 0, 0), (2, 12, 1, 0, 0)`,
			`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1), (2, 2)`)
		if _, pg := dialect(t, d); pg {
			for _, table := range []string{"users", "projects", "roles", "members"} {
				run(t, d, `ALTER TABLE `+table+` ALTER COLUMN id RESTART WITH 100`)
			}
		}
		n := &noted{}
		fn(t, membership.New(membership.Deps{DB: d, Audit: audit.New([]byte("k")), Rights: n}), d, n)
	})
}

func dialect(t *testing.T, d *db.DB) (db.Dialect, bool) {
	t.Helper()
	out, err := db.Read(t.Context(), d, func(tx *db.Tx) (db.Dialect, error) { return tx.Dialect(), nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, out == db.Postgres
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

// roles tells who plays what in a project (0: globally), as "11:1 12:2i": i is inherited.
func roles(t *testing.T, s *membership.Service, project id.Project) string {
	t.Helper()
	page, err := s.List(t.Context(), zoe, membership.ListInput{Page: filter.Page{Number: 1, Size: 100}, Sort: []filter.Sort{{Name: "principal"}}})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, m := range page.Items {
		if m.Project == nil && project != 0 || m.Project != nil && *m.Project != project {
			continue
		}
		for _, r := range m.Roles {
			out += fmt.Sprintf("%d:%d", m.Principal, r.Role)
			if r.Own {
				out += "o"
			}
			if r.Inherited {
				out += "i"
			}
			out += " "
		}
	}
	return out
}

func TestWhoMayManageMembers(t *testing.T) {
	const ok = fault.Kind(-1)
	type do func(ctx context.Context, s *membership.Service, a access.Actor) error
	create := func(p id.Project, who id.User, rs ...id.Role) do {
		return func(ctx context.Context, s *membership.Service, a access.Actor) error {
			in := membership.CreateInput{Principal: who, Project: p, Roles: rs}
			_, bad, err := s.Preview(ctx, a, in)
			if _, cerr := s.Create(ctx, a, in); err != nil || cerr == nil || len(bad) == 0 {
				return cerr
			}
			return fault.Invalid(bad...) // the preview and the refusal must agree
		}
	}
	update := func(n id.Member, rs ...id.Role) do {
		return func(ctx context.Context, s *membership.Service, a access.Actor) error {
			_, err := s.Update(ctx, a, n, rs)
			return err
		}
	}
	remove := func(n id.Member) do {
		return func(ctx context.Context, s *membership.Service, a access.Actor) error { return s.Delete(ctx, a, n) }
	}
	find := func(n id.Member) do {
		return func(ctx context.Context, s *membership.Service, a access.Actor) error {
			_, err := s.Find(ctx, a, n)
			return err
		}
	}
	newRole := func(ctx context.Context, s *membership.Service, a access.Actor) error {
		_, err := s.CreateRole(ctx, a, membership.RolePatch{Name: opt.Of("New")})
		return err
	}
	list := func(ctx context.Context, s *membership.Service, a access.Actor) error {
		_, err := s.Roles(ctx, a, membership.RoleFilter{})
		return err
	}
	cases := []struct {
		name  string
		actor access.Actor
		do    do
		want  fault.Kind
	}{
		{"a manager finds memberships", ann, find(2), ok},
		{"one finds one's own", bob, find(2), ok},
		{"a reader finds no others", bob, find(1), fault.KindNotFound},
		{"an outsider finds none", cat, find(1), fault.KindNotFound},
		{"a reader adds nobody", bob, create(1, 14, 2), fault.KindForbidden},
		{"an outsider learns nothing", cat, create(1, 14, 2), fault.KindNotFound},
		{"a manager gives no global roles", ann, create(0, 14, 4), fault.KindForbidden},
		{"a manager manages one project only", ann, create(2, 14, 2), fault.KindNotFound},
		{"nobody is a member twice", ann, create(1, 12, 1), fault.KindInvalid},
		{"a membership has roles", ann, create(1, 14), fault.KindInvalid},
		{"built-in roles are not given", ann, create(1, 14, 3), fault.KindInvalid},
		{"global roles are not given in projects", ann, create(1, 14, 4), fault.KindInvalid},
		{"an unknown person is refused", ann, create(1, 99, 2), fault.KindInvalid},
		{"a manager adds people", ann, create(1, 14, 2), ok},
		{"a reader changes nobody", bob, update(2, 1), fault.KindForbidden},
		{"a manager changes roles", ann, update(2, 1, 2), ok},
		{"a manager leaves nobody without a role", ann, update(1), fault.KindInvalid},
		{"an outsider removes nobody", visitor, remove(2), fault.KindNotFound},
		{"a manager removes people", ann, remove(2), ok},
		{"only administrators make roles", ann, newRole, fault.KindForbidden},
		{"visitors are asked to sign in", visitor, newRole, fault.KindUnauthenticated},
		{"an administrator makes roles", zoe, newRole, ok},
		{"managers see the roles", ann, list, ok},
		{"who manages nothing does not", bob, list, fault.KindForbidden},
	}
	each(t, func(t *testing.T, s *membership.Service, _ *db.DB, _ *noted) {
		for _, c := range cases {
			got, err := ok, c.do(t.Context(), s, c.actor)
			if err != nil {
				got = fault.KindOf(err)
			}
			if got != c.want {
				t.Errorf("%s: got %v (%v), want %v", c.name, got, err, c.want)
			}
		}
	})
}

func TestGroupsGiveTheirPeopleTheirRoles(t *testing.T) {
	each(t, func(t *testing.T, s *membership.Service, d *db.DB, n *noted) {
		ctx := t.Context()
		check := func(step, want string, p id.Project) {
			t.Helper()
			if got := roles(t, s, p); got != want {
				t.Errorf("%s: got %s, want %s", step, got, want)
			}
		}
		m, err := s.Create(ctx, zoe, membership.CreateInput{Principal: 20, Project: 1, Roles: []id.Role{1}})
		if err != nil {
			t.Fatal(err)
		}
		check("the group comes in", "11:1o 12:1i 12:2o 14:1i 20:1o ", 1)
		if _, err := s.Update(ctx, ann, m.ID, []id.Role{2}); err != nil {
			t.Fatal(err)
		}
		check("the group's role changes", "11:1o 12:2oi 14:2i 20:2o ", 1)
		page, err := s.List(ctx, zoe, membership.ListInput{
			Page:    filter.Page{Number: 1, Size: 9},
			Filters: []filter.Condition{{Name: "principal", Op: "=", Values: []string{"14"}}},
		})
		if err != nil || page.Total != 1 {
			t.Fatalf("cat's membership: %+v, %v", page, err)
		}
		if err := s.Delete(ctx, zoe, page.Items[0].ID); !fault.Is(err, fault.KindForbidden) || fault.Of(err).Code != membership.CodeInherited {
			t.Errorf("removing what a group gives: %v", err)
		}
		if _, err := s.Update(ctx, zoe, 2, []id.Role{}); err != nil {
			t.Errorf("own roles can go where a group gives some: %v", err)
		}
		check("bob keeps what the group gives", "11:1o 12:2i 14:2i 20:2o ", 1)
		err = db.Do(ctx, d, func(tx *db.Tx) error { return s.GroupUsersChanged(ctx, tx, 20, []id.User{11}, []id.User{14}) })
		if err != nil {
			t.Fatal(err)
		}
		check("ann comes, cat goes", "11:1o 11:2i 12:2i 20:2o ", 1)
		if len(n.people) != 0 {
			t.Errorf("project roles were noted as rights on the instance: %v", n.people)
		}
		if _, err := s.Create(ctx, zoe, membership.CreateInput{Principal: 20, Roles: []id.Role{4}}); err != nil {
			t.Fatal(err)
		}
		check("global roles are inherited as well", "12:4i 14:4i 20:4o ", 0)
		if !slices.Equal(n.people, []id.User{12, 14, 20}) {
			t.Errorf("noted %v", n.people)
		}
		err = db.Do(ctx, d, func(tx *db.Tx) error { return s.PrincipalRemoved(ctx, tx, 20) })
		if err != nil {
			t.Fatal(err)
		}
		check("the group is gone", "11:1o ", 1)
		check("the group is gone", "", 0)
	})
}

func TestRolesAreChecked(t *testing.T) {
	ps := func(list ...access.Permission) opt.Value[[]access.Permission] { return opt.Of(list) }
	each(t, func(t *testing.T, s *membership.Service, d *db.DB, n *noted) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			patch membership.RolePatch
			want  string
		}{
			"no name":                   {membership.RolePatch{}, "name blank"},
			"a name taken":              {membership.RolePatch{Name: opt.Of("reader")}, "name taken"},
			"an unknown permission":     {membership.RolePatch{Name: opt.Of("X"), Permissions: ps("fly")}, "permissions unknown_permission"},
			"a missing one":             {membership.RolePatch{Name: opt.Of("X"), Permissions: ps(access.EditWorkPackages)}, "permissions needs_permission"},
			"a global one":              {membership.RolePatch{Name: opt.Of("X"), Permissions: ps(access.CreateBackup)}, "permissions not_for_this_role"},
			"a project one in a global": {membership.RolePatch{Name: opt.Of("X"), Kind: opt.Of(membership.GlobalRole), Permissions: ps(access.ViewMembers)}, "permissions not_for_this_role"},
		} {
			_, err := s.CreateRole(ctx, zoe, c.patch)
			if fs := fault.Fields(err); len(fs) != 1 || fs[0].Name+" "+fs[0].Code != c.want {
				t.Errorf("%s: got %v, want %s", name, err, c.want)
			}
		}
		_, err := s.UpdateRole(ctx, zoe, 3, membership.RolePatch{Permissions: ps(access.ManageMembers, access.ViewMembers)})
		if fs := fault.Fields(err); len(fs) != 1 || fs[0].Code != "not_for_this_role" {
			t.Errorf("what only members may hold, for strangers: %v", err)
		}
		for n, code := range map[id.Role]string{3: "builtin", 2: "in_use"} {
			if fs := fault.Fields(s.DeleteRole(ctx, zoe, n)); len(fs) != 1 || fs[0].Code != code {
				t.Errorf("delete role %d: %v, want %s", n, fs, code)
			}
		}
		r, err := s.CreateRole(ctx, zoe, membership.RolePatch{Name: opt.Of("Copy"), CopyFrom: 1})
		if err != nil || !r.Has(access.ManageMembers) {
			t.Fatalf("copy: %+v, %v", r, err)
		}
		if err := s.MoveRole(ctx, zoe, r.ID, 1); err != nil {
			t.Error(err)
		}
		all, err := s.Roles(ctx, zoe, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
		if err != nil || len(all) != 3 || all[0].ID != r.ID {
			t.Errorf("order after moving: %+v, %v", all, err)
		}
		if err := s.DeleteRole(ctx, zoe, r.ID); err != nil {
			t.Error(err)
		}
		if _, err := s.Role(ctx, zoe, r.ID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("deleted role: %v", err)
		}
		n.people = nil
		if _, err := s.UpdateRole(ctx, zoe, 5, membership.RolePatch{Permissions: ps(access.CreateBackup)}); err != nil {
			t.Error(err)
		}
		if !slices.Equal(n.people, []id.User{11, 12, 13, 14}) {
			t.Errorf("giving everybody backups was noted for %v", n.people)
		}
	})
}

func TestTheCreatorBecomesAMember(t *testing.T) {
	each(t, func(t *testing.T, s *membership.Service, d *db.DB, _ *noted) {
		for _, role := range []id.Role{0, 3, 2} { // none, one that cannot be given, a good one
			run(t, d, `DELETE FROM members WHERE project_id = 2`)
			err := db.Do(t.Context(), d, func(tx *db.Tx) error { return s.AddCreator(t.Context(), tx, cat, 2, role) })
			want := "14:1o "
			if role == 2 {
				want = "14:2o "
			}
			if got := roles(t, s, 2); err != nil || got != want {
				t.Errorf("role %d: got %s, %v; want %s", role, got, err, want)
			}
		}
	})
}
