package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// cast is who takes part in the tests of undoing, on the instance of the demo story.
type cast struct {
	*testing.T
	*apptest.Instance
	ctx context.Context
	// one and two may do everything; a stranger sees nothing.
	one, two, stranger access.Actor
}

// undoable is a change of something that can be undone.
type undoable struct {
	name string
	// change makes it. It may be done again once it has been undone.
	change func(c *cast, a access.Actor) error
	undo   func(c *cast, a access.Actor) error
	// now is what there is, for comparing.
	now func(c *cast) any
	// since is another change of the same thing, after which undo is refused.
	since func(c *cast, a access.Actor) error
}

func play(t *testing.T, fn func(c *cast) []undoable) {
	t.Helper()
	apptest.Each(t, apptest.Options{Demo: true}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		for _, login := range []string{"one", "two", "stranger"} {
			in.User(login, login != "stranger")
		}
		c := &cast{T: t, Instance: in, ctx: t.Context(), one: in.Actor("one"), two: in.Actor("two"), stranger: in.Actor("stranger")}
		for _, u := range fn(c) {
			c.backAndForth(u)
		}
	})
}

func (c *cast) backAndForth(u undoable) {
	c.Helper()
	show := func() string {
		c.Helper()
		data, err := json.MarshalIndent(u.now(c), "", " ")
		if err != nil {
			c.Fatal(err)
		}
		return string(data)
	}
	is := func(when, want string) {
		c.Helper()
		if diff := cmp.Diff(want, show()); diff != "" {
			c.Errorf("%s, %s: %s", u.name, when, diff)
		}
	}
	done := func(what string, err error) {
		c.Helper()
		if err != nil {
			c.Fatalf("%s, %s: %v %+v", u.name, what, err, fault.Fields(err))
		}
	}
	before := show()
	done("change", u.change(c, c.one))
	after := show()
	if before == after {
		c.Errorf("%s: nothing has changed: %s", u.name, before)
	}
	if err := u.undo(c, c.stranger); !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindForbidden) {
		c.Errorf("%s, a stranger: got %v", u.name, err)
	}
	lost := c.one
	lost.Admin = false
	if err := u.undo(c, lost); !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindForbidden) {
		c.Errorf("%s, without the rights any more: got %v", u.name, err)
	}
	if err := u.undo(c, c.two); !fault.Is(err, fault.KindConflict) && !fault.Is(err, fault.KindNotFound) {
		c.Errorf("%s, somebody else: got %v", u.name, err)
	}
	is("refused", after)
	done("undo", u.undo(c, c.one))
	is("undone", before)
	done("redo", u.undo(c, c.one))
	is("done again", after)
	done("undo again", u.undo(c, c.one))
	is("undone again", before)
	if u.since == nil {
		return
	}
	done("change again", u.change(c, c.one))
	done("a change since", u.since(c, c.two))
	after = show()
	if err := u.undo(c, c.one); !fault.Is(err, fault.KindConflict) {
		c.Errorf("%s, changed since: got %v, want Conflict", u.name, err)
	}
	is("refused since", after)
}

func TestUndoOfVersions(t *testing.T) {
	play(t, func(c *cast) []undoable {
		first, err := c.Versions.Create(c.ctx, c.two, version.Patch{Project: opt.Of(id.Project(1)), Name: opt.Of("1.0"), Sharing: opt.Of(version.Tree)})
		if err != nil {
			c.Fatal(err)
		}
		wp, err := c.WorkPackages.Create(c.ctx, c.two, workpackage.Patch{Project: opt.Of(id.Project(2)), Subject: opt.Of("Elsewhere"), Version: opt.Ptr(first.ID)})
		if err != nil {
			c.Fatal(err)
		}
		undo := func(c *cast, a access.Actor) error { return c.Versions.Undo(c.ctx, a, first.ID) }
		now := func(c *cast) any {
			v, err := c.Versions.Find(c.ctx, c.one, first.ID)
			w, werr := c.WorkPackages.Find(c.ctx, c.one, wp.ID)
			if werr != nil || err != nil {
				return []any{fault.KindOf(err), werr}
			}
			return []any{v.Name, v.Description, v.StartDate, v.DueDate, v.Status, v.Sharing, w.VersionID}
		}
		update := func(p version.Patch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Versions.Update(c.ctx, a, first.ID, p); return err }
		}
		return []undoable{
			{"every field", update(version.Patch{
				Name: opt.Of("1.1"), Description: opt.Of("Later"), StartDate: opt.Ptr(db.Day("2026-12-01")), DueDate: opt.Ptr(db.Day("2026-12-24")), Status: opt.Of(version.Locked),
			}), undo, now, update(version.Patch{Name: opt.Of("1.2")})},
			{"narrower, and a work package loses it", update(version.Patch{Sharing: opt.Of(version.None)}), undo, now, update(version.Patch{Name: opt.Of("1.3")})},
			{"deleted", func(c *cast, a access.Actor) error { return c.Versions.Delete(c.ctx, a, first.ID) }, undo, now, nil},
		}
	})
}

func TestUndoOfCategories(t *testing.T) {
	play(t, func(c *cast) []undoable {
		var made [2]id.Category
		for i, name := range []string{"Optics", "Motors"} {
			m, err := c.Categories.Create(c.ctx, c.two, 1, category.Patch{Name: opt.Of(name)})
			if err != nil {
				c.Fatal(err)
			}
			made[i] = m.ID
		}
		wp, err := c.WorkPackages.Create(c.ctx, c.two, workpackage.Patch{Project: opt.Of(id.Project(1)), Subject: opt.Of("Sorted"), Category: opt.Ptr(made[0])})
		if err != nil {
			c.Fatal(err)
		}
		undo := func(c *cast, a access.Actor) error { return c.Categories.Undo(c.ctx, a, made[0]) }
		now := func(c *cast) any {
			all, err := c.Categories.List(c.ctx, c.one, 1)
			w, werr := c.WorkPackages.Find(c.ctx, c.one, wp.ID)
			if err != nil || werr != nil {
				c.Fatal(err, werr)
			}
			out := []any{w.CategoryID}
			for _, o := range all {
				out = append(out, o.ID, o.Name, o.AssigneeID)
			}
			return out
		}
		rename := func(name string) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error {
				_, err := c.Categories.Update(c.ctx, a, made[0], category.Patch{Name: opt.Of(name)})
				return err
			}
		}
		drop := func(c *cast, a access.Actor) error { return c.Categories.Delete(c.ctx, a, made[0], &made[1]) }
		return []undoable{
			{"another name", rename("Glass"), undo, now, rename("Mirrors")},
			{"deleted, and work packages get another one", drop, undo, now, nil},
		}
	})
}

func TestUndoOfProjects(t *testing.T) {
	play(t, func(c *cast) []undoable {
		undo := func(c *cast, a access.Actor) error { return c.Projects.Undo(c.ctx, a, 1) }
		now := func(c *cast) any {
			list, err := c.Projects.List(c.ctx, c.one, project.ListInput{Page: filter.Page{Number: 1, Size: 100}})
			if err != nil {
				c.Fatal(err)
			}
			var out []any
			for _, p := range list.Items {
				out = append(out, p.ID, p.Name, p.Identifier, p.Description, p.Public, p.Active, p.Templated, p.ParentID, p.Status, p.StatusExplanation, p.Modules, p.Types)
			}
			return out
		}
		update := func(p project.Patch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Projects.Update(c.ctx, a, 1, p); return err }
		}
		return []undoable{
			{"every field", update(project.Patch{
				Name: opt.Of("Renewal"), Identifier: opt.Of("renewal"), Description: opt.Of("All new"), Public: opt.Of(true), Templated: opt.Of(true),
				Status: opt.Ptr(project.AtRisk), StatusExplanation: opt.Of("Late"), Modules: opt.Of([]string{"wiki"}),
			}), undo, now, update(project.Patch{Name: opt.Of("Theirs")})},
			{"archived with what is below it", func(c *cast, a access.Actor) error { _, err := c.Projects.Archive(c.ctx, a, 1); return err }, undo, now, nil},
			{"to the trash with what is below it", func(c *cast, a access.Actor) error { return c.Projects.Delete(c.ctx, a, 1) }, undo, now, nil},
		}
	})
}

func TestUndoOfMembers(t *testing.T) {
	play(t, func(c *cast) []undoable {
		var made []id.Member
		roles, err := c.Memberships.Roles(c.ctx, c.one, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
		if err != nil {
			c.Fatal(err)
		}
		people := c.outsiders()
		third, err := c.Memberships.Create(c.ctx, c.two, membership.CreateInput{Principal: c.two.ID, Project: 1, Roles: []id.Role{roles[0].ID}})
		if err != nil {
			c.Fatal(err)
		}
		undo := func(c *cast, a access.Actor) error { return c.Memberships.Undo(c.ctx, a, made...) }
		one := func(c *cast, a access.Actor) error { return c.Memberships.Undo(c.ctx, a, third.ID) }
		now := func(c *cast) any {
			list, err := c.Memberships.List(c.ctx, c.one, membership.ListInput{Page: filter.Page{Number: 1, Size: 1000}})
			if err != nil {
				c.Fatal(err)
			}
			out := map[string]any{}
			for _, m := range list.Items {
				out[fmt.Sprint(m.PrincipalName, " in ", m.ProjectName)] = m.Roles
			}
			return out
		}
		add := func(c *cast, a access.Actor) error {
			var err error
			made, err = c.Memberships.CreateAll(c.ctx, a, 1, people, []id.Role{roles[0].ID})
			return err
		}
		give := func(n int) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error {
				_, err := c.Memberships.Update(c.ctx, a, third.ID, []id.Role{roles[n].ID})
				return err
			}
		}
		return []undoable{
			{"a person and the group that has it", add, undo, now, nil},
			{"other roles", give(1), one, now, give(2)},
			{"removed", func(c *cast, a access.Actor) error { return c.Memberships.Delete(c.ctx, a, third.ID) }, one, now, nil},
		}
	})
}

// outsiders are a person and a group with that person in it, who are in no project.
func (c *cast) outsiders() []id.User {
	c.Helper()
	g, err := c.Accounts.CreateGroup(c.ctx, c.two, account.GroupInput{Name: "Night shift", Members: []id.User{c.stranger.ID}})
	if err != nil {
		c.Fatal(err)
	}
	return []id.User{c.stranger.ID, g.ID}
}

func TestUndoOfRoles(t *testing.T) {
	play(t, func(c *cast) []undoable {
		var guest *membership.Role
		roles := func(c *cast) any {
			all, err := c.Memberships.Roles(c.ctx, c.one, membership.RoleFilter{})
			if err != nil {
				c.Fatal(err)
			}
			var out []any
			for _, r := range all {
				out = append(out, r.ID, r.Name, r.Kind, r.Permissions)
			}
			return out
		}
		create := func(c *cast, a access.Actor) (err error) {
			guest, err = c.Memberships.CreateRole(c.ctx, a, membership.RolePatch{Name: opt.Of("Guest"), Permissions: opt.Of([]access.Permission{access.ViewWorkPackages})})
			return err
		}
		undo := func(c *cast, a access.Actor) error { return c.Memberships.UndoRole(c.ctx, a, guest.ID) }
		change := func(p membership.RolePatch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error {
				_, err := c.Memberships.UpdateRole(c.ctx, a, guest.ID, p)
				return err
			}
		}
		givable, err := c.Memberships.Roles(c.ctx, c.one, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
		if err != nil {
			c.Fatal(err)
		}
		first, second := givable[0].ID, givable[1].ID
		var changed []id.Role
		both := func(c *cast, a access.Actor) error { return c.Memberships.UndoRole(c.ctx, a, changed...) }
		return []undoable{
			{"created", create, undo, roles, change(membership.RolePatch{Name: opt.Of("Visitor")})},
			{"name and permissions", change(membership.RolePatch{
				Name: opt.Of("Caller"), Permissions: opt.Of([]access.Permission{access.ViewMembers}),
			}), undo, roles, change(membership.RolePatch{Name: opt.Of("Caller, too")})},
			{"moved", func(c *cast, a access.Actor) error { return c.Memberships.MoveRole(c.ctx, a, guest.ID, 1) }, undo, roles, nil},
			{"the matrix", func(c *cast, a access.Actor) error {
				among := []access.Permission{access.ViewMembers, access.ViewWorkPackages, access.EditWorkPackages}
				shifts, err := c.Memberships.SetPermissions(c.ctx, a, []membership.Grant{{Role: first, Among: among}, {Role: second, Among: among}})
				changed = nil
				for _, s := range shifts.Roles {
					if len(s.Gained)+len(s.Lost) > 0 {
						changed = append(changed, s.Role.ID)
					}
				}
				return err
			}, both, roles, func(c *cast, a access.Actor) error {
				_, err := c.Memberships.UpdateRole(c.ctx, a, changed[0], membership.RolePatch{Name: opt.Of("Other")})
				return err
			}},
		}
	})
}

// What was created goes by undoing, while nothing has it.
func TestUndoOfCreating(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		in.User("one", true)
		ctx, one := t.Context(), in.Actor("one")
		v, err := in.Versions.Create(ctx, one, version.Patch{Project: opt.Of(id.Project(1)), Name: opt.Of("1.0")})
		if err != nil {
			t.Fatal(err)
		}
		k, err := in.Categories.Create(ctx, one, 1, category.Patch{Name: opt.Of("Optics")})
		if err != nil {
			t.Fatal(err)
		}
		wp, err := in.WorkPackages.Create(ctx, one, workpackage.Patch{Project: opt.Of(id.Project(1)), Subject: opt.Of("Planned"), Version: opt.Ptr(v.ID), Category: opt.Ptr(k.ID)})
		if err != nil {
			t.Fatal(err)
		}
		undo := map[string]func() error{
			"version":  func() error { return in.Versions.Undo(ctx, one, v.ID) },
			"category": func() error { return in.Categories.Undo(ctx, one, k.ID) },
		}
		for name, fn := range undo {
			if err := fn(); !fault.Is(err, fault.KindInvalid) {
				t.Errorf("a %s in use: got %v, want Invalid", name, err)
			}
		}
		p := workpackage.Patch{LockVersion: opt.Of(wp.LockVersion), Version: opt.Null[id.Version](), Category: opt.Null[id.Category]()}
		if _, err := in.WorkPackages.Update(ctx, one, wp.ID, p); err != nil {
			t.Fatal(err)
		}
		there := func(want bool) {
			t.Helper()
			_, verr := in.Versions.Find(ctx, one, v.ID)
			_, kerr := in.Categories.Find(ctx, one, k.ID)
			if fault.Is(verr, fault.KindNotFound) == want || fault.Is(kerr, fault.KindNotFound) == want {
				t.Errorf("got %v and %v, want them there: %v", verr, kerr, want)
			}
		}
		for _, want := range []bool{false, true} {
			for name, fn := range undo {
				if err := fn(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			there(want)
		}
		if err := in.Versions.Delete(ctx, one, v.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Versions.Create(ctx, one, version.Patch{Project: opt.Of(id.Project(1)), Name: opt.Of("1.0")}); err != nil {
			t.Fatal(err)
		}
		if err := in.Versions.Undo(ctx, one, v.ID); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("another has the name by now: got %v, want Invalid", err)
		}
		for _, err := range []error{in.Versions.Undo(ctx, one, 999), in.Categories.Undo(ctx, one, 999)} {
			if !fault.Is(err, fault.KindNotFound) {
				t.Errorf("what never was: got %v", err)
			}
		}
	})
}
