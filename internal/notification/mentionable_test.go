package notification_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// more of a cast: members of project 1 who are invited or deleted, a member of project 2
// alone, one without the right to see work packages, and a group of project 2.
var extras = []string{
	`INSERT INTO users (id, kind, login, login_folded, firstname, lastname, name_folded, admin, status, created_at, updated_at, deleted_at) VALUES
		(31, 'User', 'ina', 'ina', 'Ina', 'Invited', 'ina invited', FALSE, 4, 0, 0, NULL), (32, 'User', NULL, NULL, 'Del', 'Eted', 'del eted', FALSE, 1, 0, 0, 5),
		(33, 'User', 'oda', 'oda', 'Oda', 'Other', 'oda other', FALSE, 1, 0, 0, NULL), (34, 'User', 'nil', 'nil', 'Nil', 'Sight', 'nil sight', FALSE, 1, 0, 0, NULL),
		(35, 'User', 'jörg', 'jörg', 'Jörg', 'Lang_Name', 'jörg lang_name', FALSE, 1, 0, 0, NULL), (21, 'Group', NULL, NULL, '', 'Others', 'others', FALSE, 1, 0, 0, NULL)`,
	`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES (9, 'Blind', 'ProjectRole', 0, 9, 0, 0)`,
	`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (31, 31, 1, 0, 0), (32, 32, 1, 0, 0), (33, 33, 2, 0, 0), (34, 34, 1, 0, 0), (35, 35, 1, 0, 0), (36, 21, 2, 0, 0)`,
	`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, public, created_at, updated_at) VALUES (3, 'three', 'three', 'Three', 'three', FALSE, 0, 0), (4, 'four', 'four', 'Four', 'four', FALSE, 0, 0)`,
	`INSERT INTO enabled_modules (project_id, name) VALUES (3, 'work_package_tracking')`,
	`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (37, 12, 3, 0, 0), (38, 12, 4, 0, 0), (39, 14, 4, 0, 0)`,
	`INSERT INTO member_roles (member_id, role_id) VALUES (37, 1), (38, 1), (39, 1)`,
	`INSERT INTO member_roles (member_id, role_id) VALUES (31, 1), (32, 1), (33, 1), (34, 9), (35, 2), (36, 1)`,
}

func (st stage) mentionable(a access.Actor, project id.Project, text string) []string {
	st.Helper()
	all, err := st.s.Mentionable(st.Context(), a, project, text)
	st.ok(err)
	var out []string
	for _, m := range all {
		out = append(out, m.Mark()+" "+m.Name)
	}
	return out
}

func TestWhoMayBeMentioned(t *testing.T) {
	each(t, func(st stage) {
		st.exec(extras...)
		for _, c := range []struct {
			name    string
			who     access.Actor
			project id.Project
			text    string
			want    []string
		}{
			{"people before groups, all but the one who asks", ann, 1, "", []string{"@eve Eve Ellis", "user#35 Jörg Lang_Name", "@rob Rob Reed", "group#20 All"}},
			{"all, for an administrator", zoe, 1, "", []string{"@ann Ann Adams", "@eve Eve Ellis", "user#35 Jörg Lang_Name", "@rob Rob Reed", "group#20 All"}},
			{"an administrator, who sees everything", rob, 3, "z", []string{"@zoe Zoe Zane"}},
			{"an administrator is not shown to who does not see them", ann, 1, "zoe", nil},
			{"by login", ann, 1, "RO", []string{"@rob Rob Reed"}},
			{"by the last name first, then anywhere", ann, 1, "el", []string{"@eve Eve Ellis"}},
			{"by scattered letters", ann, 1, "jrgln", []string{"user#35 Jörg Lang_Name"}},
			{"a wildcard is a character", ann, 1, "g_n", []string{"user#35 Jörg Lang_Name"}},
			{"a wildcard matches nothing else", ann, 1, "r_b", nil},
			{"a group by name", rob, 1, "al", []string{"group#20 All"}},
			{"nobody locked", ann, 1, "len", nil},
			{"nobody invited", ann, 1, "ina", nil},
			{"nobody deleted", ann, 1, "eted", nil},
			{"nobody of another project", rob, 1, "oda", nil},
			{"nobody who does not see work packages", ann, 1, "sight", nil},
			{"a public project, among those one sees", ann, 2, "o", []string{"@oda Oda Other", "group#21 Others", "@rob Rob Reed"}},
			{"nothing for a long text", ann, 1, strings.Repeat("a", 41), nil},
		} {
			if diff := cmp.Diff(c.want, st.mentionable(c.who, c.project, c.text)); diff != "" {
				st.Errorf("%s (-want +got)\n%s", c.name, diff)
			}
		}
		for name, a := range map[string]access.Actor{"a stranger": bob, "a visitor": access.Anonymous(""), "a member without the right": {Kind: access.Person, ID: 34}} {
			if got, err := st.s.Mentionable(st.Context(), a, 1, ""); !fault.Is(err, fault.KindNotFound) {
				st.Errorf("%s gets %v, %v", name, got, err)
			}
		}
		if _, err := st.s.Mentionable(st.Context(), ann, 99, ""); !fault.Is(err, fault.KindNotFound) {
			st.Errorf("a project that is not there: %v", err)
		}
	})
}

func TestWhoIsOfferedIsTold(t *testing.T) {
	each(t, func(st stage) {
		st.exec(extras...)
		w := st.create(workpackage.Patch{})
		for _, m := range st.mentionable(ann, 1, "") {
			mark, _, _ := strings.Cut(m, " ")
			_, err := st.wp.Comment(st.Context(), ann, w.ID, "See "+mark, false)
			st.ok(err)
		}
		st.tell()
		told := strings.Join(st.told(), " ")
		for _, login := range []string{"eve: mentioned", "jörg: mentioned", "rob: mentioned"} {
			if !strings.Contains(told, login) {
				st.Errorf("%q is missing in %q", login, told)
			}
		}
	})
}
