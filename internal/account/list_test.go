package account_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

func names(us []account.User) string {
	var out []string
	for _, u := range us {
		out = append(out, orDefault(u.Login, u.Name()))
	}
	return strings.Join(out, " ")
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// town makes some people: ann and bob share the public project 1, cara and
// ann the group Crew, dan is locked and alone, project 2 is bob's alone.
func (w *world) town() map[string]account.User {
	w.t.Helper()
	m := map[string]account.User{}
	for _, n := range []string{"ann", "bob", "cara", "dan"} {
		m[n] = w.user(n)
	}
	m["root"] = w.admin("root")
	_, err := w.Lock(w.t.Context(), operator, m["dan"].ID)
	must(w.t, err)
	g, err := w.CreateGroup(w.t.Context(), operator, account.GroupInput{Name: "Crew", Members: []id.User{m["ann"].ID, m["cara"].ID}})
	must(w.t, err)
	m["Crew"] = g.User
	w.exec(`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES
		(1, 'a', 'a', 'A', 'a', 0, 0), (2, 'b', 'b', 'B', 'b', 0, 0)`)
	w.exec(`INSERT INTO members (user_id, project_id, created_at, updated_at) VALUES (?, 1, 0, 0), (?, 1, 0, 0), (?, 2, 0, 0)`,
		m["ann"].ID, m["bob"].ID, m["bob"].ID)
	return m
}

func TestPrincipalsAreFiltered(t *testing.T) {
	yes := true
	each(t, func(t *testing.T, w *world) {
		m := w.town()
		cases := []struct {
			name  string
			actor access.Actor
			f     account.Filter
			want  string
		}{
			{"everything, by name", operator, account.Filter{}, "ann bob cara Crew dan root"},
			{"whom a person knows", actor(m["ann"]), account.Filter{}, "ann bob cara Crew"},
			{"whom a loner knows", actor(m["dan"]), account.Filter{}, "dan"},
			{"whom a visitor knows", access.Anonymous(""), account.Filter{}, ""},
			{"groups only", operator, account.Filter{Kinds: account.Set[account.Kind]{Values: []account.Kind{account.KindGroup}}}, "Crew"},
			{"no groups", operator, account.Filter{Kinds: account.Set[account.Kind]{Values: []account.Kind{account.KindGroup}, Not: true}}, "ann bob cara dan root"},
			{"by id", operator, account.Filter{IDs: account.Set[id.User]{Values: []id.User{m["bob"].ID, m["bob"].ID, 99}}}, "bob"},
			{"by status", operator, account.Filter{Statuses: account.Set[account.Status]{Values: []account.Status{account.Locked}}}, "dan"},
			{"not by status", operator, account.Filter{Statuses: account.Set[account.Status]{Values: []account.Status{account.Active}, Not: true}}, "dan"},
			{"by login, ignoring case", operator, account.Filter{Login: account.Text{Values: []string{"ANN"}}}, "ann"},
			{"not that login, groups included", operator, account.Filter{Login: account.Text{Values: []string{"ann"}, Not: true}}, "bob cara Crew dan root"},
			{"part of a name", operator, account.Filter{Name: account.Text{Values: []string{"r"}, Contains: true}, Admin: &yes}, "root"},
			{"wildcards are letters", operator, account.Filter{Name: account.Text{Values: []string{"%"}, Contains: true}}, ""},
			{"no text at all", operator, account.Filter{AnyName: account.Text{Values: []string{"\x00", "\xff"}}}, ""},
			{"by address", operator, account.Filter{Mail: account.Text{Values: []string{"cara@"}, Contains: true}}, "cara"},
			{"any of them", operator, account.Filter{AnyName: account.Text{Values: []string{"dan@example"}, Contains: true}}, "dan"},
			{"an address one may not see finds nobody", actor(m["ann"]), account.Filter{AnyName: account.Text{Values: []string{"@example"}, Contains: true}}, "ann"},
			{"members of a project", operator, account.Filter{Member: &account.MemberOf{Projects: []id.Project{1}}}, "ann bob"},
			{"members of any project", operator, account.Filter{Member: &account.MemberOf{Any: true}}, "ann bob"},
			{"not members of a project", operator, account.Filter{Member: &account.MemberOf{Projects: []id.Project{2}, Not: true}}, "ann cara Crew dan root"},
			{"members of a project one cannot see", actor(m["ann"]), account.Filter{Member: &account.MemberOf{Projects: []id.Project{2}}}, ""},
			{"people of a group", operator, account.Filter{Groups: account.Set[id.User]{Values: []id.User{m["Crew"].ID}}}, "ann cara"},
			{"people outside a group", operator, account.Filter{Groups: account.Set[id.User]{Values: []id.User{m["Crew"].ID}, Not: true}}, "bob Crew dan root"},
			{"by login, backwards", operator, account.Filter{Sort: []account.Sort{{By: "login", Desc: true}}}, "root dan cara bob ann Crew"},
			{"by status, then id", operator, account.Filter{Sort: []account.Sort{{By: "status", Desc: true}, {By: "id"}}}, "dan ann bob cara root Crew"},
		}
		for _, tc := range cases {
			us, total, err := w.Principals(t.Context(), tc.actor, tc.f)
			must(t, err)
			if got := names(us); got != tc.want || total != len(us) {
				t.Errorf("%s: got %q of %d, want %q", tc.name, got, total, tc.want)
			}
		}
		_, _, err := w.List(t.Context(), operator, account.Filter{Sort: []account.Sort{{By: "hash; DROP"}}})
		wantKind(t, err, fault.KindInvalid)
	})
}

func TestListsComeInPagesWithFewStatements(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.town()
		var n atomic.Int64
		us, total, err := w.List(db.CountStatements(t.Context(), &n), actor(m["ann"]), account.Filter{Limit: 2, Offset: 1})
		must(t, err)
		if names(us) != "bob cara" || total != 3 {
			t.Errorf("got %q of %d", names(us), total)
		}
		if n.Load() > 7 {
			t.Errorf("%d statements", n.Load())
		}
		for _, u := range us {
			if u.Mail != "" || u.LastLoginAt != nil {
				t.Errorf("ann sees %+v", u)
			}
		}
		admins := read(w, func(tx *db.Tx) ([]account.User, error) { return w.ActiveAdmins(t.Context(), tx) })
		if names(admins) != "root" {
			t.Errorf("administrators %q", names(admins))
		}
	})
}

func TestGroups(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		m := w.town()
		crew := m["Crew"].ID
		ann, bob, cara := m["ann"].ID, m["bob"].ID, m["cara"].ID
		g, err := w.UpdateGroup(t.Context(), actor(m["root"]), crew, account.GroupPatch{Name: opt.Of("Ship's crew"), Members: opt.Of([]id.User{bob, ann, bob})})
		must(t, err)
		if g.Name() != "Ship's crew" || names(g.Members) != "ann bob" {
			t.Errorf("got %q with %q", g.Name(), names(g.Members))
		}
		if !slices.Equal(w.sync.added, []id.User{bob}) || !slices.Equal(w.sync.removed, []id.User{cara}) {
			t.Errorf("memberships were told +%v -%v", w.sync.added, w.sync.removed)
		}
		changed := read(w, func(tx *db.Tx) (account.User, error) { return w.Person(t.Context(), tx, bob) })
		if changed.RightsChangedAt == nil {
			t.Error("who joins a group has new rights")
		}
		g, err = w.AddToGroup(t.Context(), operator, crew, cara)
		must(t, err)
		if names(g.Members) != "ann bob cara" {
			t.Errorf("after adding: %q", names(g.Members))
		}
		g, err = w.RemoveFromGroup(t.Context(), operator, crew, ann)
		must(t, err)
		if names(g.Members) != "bob cara" {
			t.Errorf("after removing: %q", names(g.Members))
		}
		of := read(w, func(tx *db.Tx) ([]account.User, error) { return w.GroupsOf(t.Context(), tx, bob) })
		if names(of) != "Ship's crew" {
			t.Errorf("bob is in %q", names(of))
		}
		seen, err := w.FindGroup(t.Context(), actor(m["bob"]), crew)
		must(t, err)
		if names(seen.Members) != "bob cara" || seen.Members[1].Mail != "" {
			t.Errorf("bob sees %+v", seen.Members)
		}

		refused := []struct {
			in   account.GroupInput
			want string
		}{
			{account.GroupInput{Name: " "}, "name blank"},
			{account.GroupInput{Name: "SHIP'S CREW"}, "name taken"},
			{account.GroupInput{Name: strings.Repeat("x", 256)}, "name too_long"},
			{account.GroupInput{Name: "a\x00"}, "name invalid"},
			{account.GroupInput{Name: "New", Members: []id.User{crew}}, "members inclusion"},
			{account.GroupInput{Name: "New", Members: []id.User{9999}}, "members inclusion"},
		}
		for _, tc := range refused {
			_, err := w.CreateGroup(t.Context(), operator, tc.in)
			wantFields(t, err, tc.want)
		}
		for who, kind := range map[string]fault.Kind{"bob": fault.KindForbidden, "dan": fault.KindNotFound} {
			_, err = w.UpdateGroup(t.Context(), actor(m[who]), crew, account.GroupPatch{})
			wantKind(t, err, kind)
			_, err = w.AddToGroup(t.Context(), actor(m[who]), crew, cara)
			wantKind(t, err, kind)
			wantKind(t, w.DeleteGroup(t.Context(), actor(m[who]), crew), kind)
			_, err = w.CreateGroup(t.Context(), actor(m[who]), account.GroupInput{Name: "New"})
			wantKind(t, err, fault.KindForbidden)
		}
		must(t, w.DeleteGroup(t.Context(), operator, crew))
		_, err = w.FindGroup(t.Context(), operator, crew)
		wantKind(t, err, fault.KindNotFound)
		if !slices.Contains(w.sync.gone, crew) || w.number(`SELECT COUNT(*) FROM group_users`) != 0 {
			t.Error("members or memberships of the group are left")
		}
		_, err = w.CreateGroup(t.Context(), operator, account.GroupInput{Name: "Ship's crew"})
		must(t, err) // the name is free again
	})
}
