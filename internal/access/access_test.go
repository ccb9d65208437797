package access_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// The cast of the tests below: project 1 private, 2 public, 3 archived, 4 in
// the trash, 5 public without the module. Ann (11) is a member of 1 to 5 with
// role 1, Bob (12) of nothing, Zoe (13) is an administrator.
func cast(t *testing.T, d *db.DB) {
	t.Helper()
	stmts := []string{
		`INSERT INTO users (id, kind, login, login_folded, admin, created_at, updated_at) VALUES
			(11, 'User', 'ann', 'ann', FALSE, 0, 0), (12, 'User', 'bob', 'bob', FALSE, 0, 0), (13, 'User', 'zoe', 'zoe', TRUE, 0, 0)`,
		`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, public, active, created_at, updated_at, deleted_at) VALUES
			(1, 'a', 'a', 'A', 'a', FALSE, TRUE, 0, 0, NULL), (2, 'b', 'b', 'B', 'b', TRUE, TRUE, 0, 0, NULL),
			(3, 'c', 'c', 'C', 'c', TRUE, FALSE, 0, 0, NULL), (4, 'd', 'd', 'D', 'd', TRUE, TRUE, 0, 0, 1),
			(5, 'e', 'e', 'E', 'e', TRUE, TRUE, 0, 0, NULL)`,
		`INSERT INTO enabled_modules (project_id, name) VALUES (1, 'work_package_tracking'), (2, 'work_package_tracking'),
			(3, 'work_package_tracking'), (4, 'work_package_tracking')`,
		`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES
			(1, 'Member', 'ProjectRole', 0, 1, 0, 0), (2, 'Non member', 'ProjectRole', 1, 2, 0, 0),
			(3, 'Anonymous', 'ProjectRole', 2, 3, 0, 0), (4, 'Keeper', 'GlobalRole', 0, 4, 0, 0),
			(5, 'Standard', 'GlobalRole', 8, 5, 0, 0)`,
		`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'view_work_packages'), (1, 'edit_work_packages'),
			(2, 'view_work_packages'), (2, 'edit_work_packages'), (3, 'view_work_packages'), (4, 'create_backup'), (5, 'add_project')`,
		`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES
			(1, 11, 1, 0, 0), (2, 11, 2, 0, 0), (3, 11, 3, 0, 0), (4, 11, 4, 0, 0), (5, 11, 5, 0, 0), (6, 12, NULL, 0, 0)`,
		`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 4)`,
	}
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

var (
	ann     = access.Actor{Kind: access.Person, ID: 11}
	bob     = access.Actor{Kind: access.Person, ID: 12}
	zoe     = access.Actor{Kind: access.Person, ID: 13, Admin: true}
	visitor = access.Anonymous("127.0.0.1")
)

func TestWhoHoldsWhatWhere(t *testing.T) {
	cases := []struct {
		name  string
		actor access.Actor
		perm  access.Permission
		want  string // the projects, in order
	}{
		{"a member holds her role's permissions in active projects with the module", ann, access.EditWorkPackages, "12"},
		{"a member holds public permissions in active projects", ann, access.ViewProject, "125"},
		{"a stranger sees public projects through Non member", bob, access.ViewWorkPackages, "2"},
		{"a stranger never holds what members only may hold", bob, access.EditWorkPackages, ""},
		{"a stranger sees that public projects exist", bob, access.ViewProject, "25"},
		{"a visitor sees public projects through Anonymous", visitor, access.ViewWorkPackages, "2"},
		{"a visitor never holds what needs a login", visitor, access.CopyWorkPackages, ""},
		{"an administrator holds everything where the module is on", zoe, access.DeleteWorkPackages, "12"},
		{"an administrator finds archived projects", zoe, access.ViewProject, "1235"},
		{"an administrator is not assignable by being one", zoe, access.WorkPackageAssigned, ""},
		{"a permission nobody declared is held nowhere", zoe, "fly", ""},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		for _, c := range cases {
			_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
				ids, err := db.All[id.Project](t.Context(), tx, access.Projects(c.actor, c.perm).Add(`ORDER BY p.id`))
				if err != nil {
					return 0, err
				}
				grants, err := access.Load(t.Context(), tx, c.actor, []id.Project{1, 2, 3, 4, 5})
				if err != nil {
					return 0, err
				}
				var listed, loaded string
				for _, p := range ids {
					listed += string(rune('0' + p))
				}
				for p := id.Project(1); p <= 5; p++ {
					if grants.Has(c.perm, p) {
						loaded += string(rune('0' + p))
					}
					ok, err := access.Allowed(t.Context(), tx, c.actor, c.perm, p)
					if err != nil {
						return 0, err
					}
					if ok != grants.Has(c.perm, p) {
						t.Errorf("%s: Allowed and Load disagree on project %d", c.name, p)
					}
				}
				if listed != c.want || loaded != c.want {
					t.Errorf("%s: the query finds %q, the grants say %q, want %q", c.name, listed, loaded, c.want)
				}
				return 0, nil
			})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
	})
}

func TestGlobalPermissions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		check := func(a access.Actor, p access.Permission, want fault.Kind) {
			t.Helper()
			_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) { return 0, access.Require(t.Context(), tx, a, p, 0) })
			got := fault.KindOf(err)
			if (err == nil) != (want == 0) || got != want {
				t.Errorf("%s for %d: got %v, want kind %d", p, a.ID, err, want)
			}
		}
		check(bob, access.CreateBackup, 0)
		check(ann, access.CreateBackup, fault.KindForbidden)
		check(zoe, access.CreateBackup, 0)
		check(visitor, access.CreateBackup, fault.KindUnauthenticated)
		check(ann, access.AddProject, 0) // through the standard global role
	})
}

func TestVisiblePrincipals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		count := func(a access.Actor) int {
			n, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
				cond, err := access.VisiblePrincipals(t.Context(), tx, a, "u.id")
				if err != nil {
					return 0, err
				}
				return db.Scalar[int](t.Context(), tx, db.SQL(`SELECT COUNT(*) FROM users u WHERE u.kind = 'User' AND`).Append(cond.Paren()))
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if a, b, z, v := count(ann), count(bob), count(zoe), count(visitor); a != 1 || b != 1 || z != 3 || v != 0 {
			t.Errorf("ann sees %d, bob %d, zoe %d, a visitor %d people; want 1, 1, 3, 0", a, b, z, v)
		}
	})
}
