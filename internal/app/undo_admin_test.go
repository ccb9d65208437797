package app_test

import (
	"errors"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/setting"
)

func TestUndoOfTypesStatusesAndPriorities(t *testing.T) {
	play(t, func(c *cast) []undoable {
		types, err := c.Catalog.Types(c.ctx, c.one)
		roles, rerr := c.Memberships.Roles(c.ctx, c.one, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
		if err := errors.Join(err, rerr); err != nil {
			c.Fatal(err)
		}
		var typ id.Type
		var st id.Status
		var pr id.Priority
		now := func(c *cast) any {
			types, err := c.Catalog.Types(c.ctx, c.one)
			statuses, serr := c.Catalog.Statuses(c.ctx, c.one)
			priorities, perr := c.Catalog.Priorities(c.ctx, c.one)
			steps, werr := c.Catalog.Workflow(c.ctx, c.one, types[0].ID, 0)
			if err := errors.Join(err, serr, perr, werr); err != nil {
				c.Fatal(err)
			}
			return []any{types, statuses, priorities, steps}
		}
		undoType := func(c *cast, a access.Actor) error { return c.Catalog.UndoType(c.ctx, a, typ) }
		undoStatus := func(c *cast, a access.Actor) error { return c.Catalog.UndoStatus(c.ctx, a, st) }
		undoPriority := func(c *cast, a access.Actor) error { return c.Catalog.UndoPriority(c.ctx, a, pr) }
		typed := func(p catalog.TypePatch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Catalog.UpdateType(c.ctx, a, typ, p); return err }
		}
		stood := func(p catalog.StatusPatch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Catalog.UpdateStatus(c.ctx, a, st, p); return err }
		}
		urged := func(p catalog.PriorityPatch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Catalog.UpdatePriority(c.ctx, a, pr, p); return err }
		}
		return []undoable{
			{"a type", func(c *cast, a access.Actor) error {
				made, err := c.Catalog.CreateType(c.ctx, a, catalog.TypePatch{Name: opt.Of("Idea")})
				typ = made.ID
				return err
			}, undoType, now, typed(catalog.TypePatch{Color: opt.Of("#112233")})},
			{"all of a type", typed(catalog.TypePatch{
				Name: opt.Of("Thought"), Color: opt.Of("#445566"), Description: opt.Of("Why?"), Default: opt.Of(true), Milestone: opt.Of(true), InRoadmap: opt.Of(false),
			}), undoType, now, typed(catalog.TypePatch{Name: opt.Of("Theirs")})},
			{"a type is moved", func(c *cast, a access.Actor) error { return c.Catalog.MoveType(c.ctx, a, typ, 1) }, undoType, now, nil},
			{"a status that is the default at once", func(c *cast, a access.Actor) error {
				made, err := c.Catalog.CreateStatus(c.ctx, a, catalog.StatusPatch{Name: opt.Of("Dreamt"), Default: opt.Of(true)})
				st = made.ID
				return err
			}, undoStatus, now, nil},
			{"a status", func(c *cast, a access.Actor) error {
				made, err := c.Catalog.CreateStatus(c.ctx, a, catalog.StatusPatch{Name: opt.Of("Thought of")})
				st = made.ID
				return err
			}, undoStatus, now, stood(catalog.StatusPatch{Color: opt.Of("#112233")})},
			{"all of a status", stood(catalog.StatusPatch{
				Name: opt.Of("Dreamt of"), Color: opt.Of("#445566"), Closed: opt.Of(true), ReadOnly: opt.Of(true), ExcludedFromTotals: opt.Of(true), DoneRatio: opt.Ptr(40),
			}), undoStatus, now, nil},
			{"a status becomes the default", stood(catalog.StatusPatch{Default: opt.Of(true)}), undoStatus, now, nil},
			{
				"a status is moved", func(c *cast, a access.Actor) error { return c.Catalog.MoveStatus(c.ctx, a, st, 1) }, undoStatus, now,
				func(c *cast, a access.Actor) error {
					_, err := c.Catalog.UpdateStatus(c.ctx, a, st, catalog.StatusPatch{Color: opt.Of("#778899")})
					return errors.Join(err, c.Catalog.ChangeWorkflow(c.ctx, a, catalog.FlowChange{
						Type: types[0].ID, Roles: []id.Role{roles[0].ID}, Rule: catalog.ForAll, Cells: []catalog.Cell{{From: 1, To: st, On: true}, {From: st, To: 1, On: true}},
					}))
				},
			},
			{"a status goes with its steps", func(c *cast, a access.Actor) error { return c.Catalog.DeleteStatus(c.ctx, a, st) }, undoStatus, now, nil},
			{"a priority", func(c *cast, a access.Actor) error {
				made, err := c.Catalog.CreatePriority(c.ctx, a, catalog.PriorityPatch{Name: opt.Of("Someday")})
				pr = made.ID
				return err
			}, undoPriority, now, urged(catalog.PriorityPatch{Color: opt.Of("#112233")})},
			{"all of a priority", urged(catalog.PriorityPatch{Name: opt.Of("Never"), Color: opt.Of("#445566"), Active: opt.Of(false)}), undoPriority, now, nil},
			{"a priority becomes the default", urged(catalog.PriorityPatch{Default: opt.Of(true)}), undoPriority, now, nil},
			{"a priority goes", func(c *cast, a access.Actor) error { return c.Catalog.DeletePriority(c.ctx, a, pr) }, undoPriority, now, nil},
		}
	})
}

func TestUndoOfWorkflowsAndSettings(t *testing.T) {
	play(t, func(c *cast) []undoable {
		types, err := c.Catalog.Types(c.ctx, c.one)
		roles, rerr := c.Memberships.Roles(c.ctx, c.one, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
		if err := errors.Join(err, rerr); err != nil {
			c.Fatal(err)
		}
		one, two := types[0].ID, types[1].ID
		role, other := roles[0].ID, roles[1].ID
		now := func(c *cast) any {
			first, err := c.Catalog.Workflow(c.ctx, c.one, one, 0)
			second, serr := c.Catalog.Workflow(c.ctx, c.one, two, 0)
			if err := errors.Join(err, serr); err != nil {
				c.Fatal(err)
			}
			return []any{first, second}
		}
		flow := func(steps ...catalog.Step) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error {
				_, err := c.Catalog.SetWorkflow(c.ctx, a, one, role, steps)
				return err
			}
		}
		settings := func(c *cast) any {
			if err := c.Settings.Load(c.ctx); err != nil {
				c.Fatal(err)
			}
			v := c.Settings.Get()
			return []any{v, v.NonWorkingDays}
		}
		undoSettings := func(c *cast, a access.Actor) error { return c.Settings.Undo(c.ctx, a) }
		set := func(fn func(*setting.Values)) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Settings.Change(c.ctx, a, fn); return err }
		}
		return []undoable{
			{
				"the workflow of a role", flow(catalog.Step{From: 1, To: 2}, catalog.Step{From: 2, To: 1, Author: true}),
				func(c *cast, a access.Actor) error { return c.Catalog.UndoWorkflow(c.ctx, a, one) }, now, flow(catalog.Step{From: 1, To: 2}),
			},
			{"a workflow is copied", func(c *cast, a access.Actor) error {
				return c.Catalog.CopyWorkflow(c.ctx, a, one, role, []id.Type{one, two}, []id.Role{other})
			}, func(c *cast, a access.Actor) error { return c.Catalog.UndoWorkflow(c.ctx, a, one, two) }, now, nil},
			{"settings", set(func(v *setting.Values) {
				v.AppTitle, v.WelcomeText, v.PerPage, v.DefaultModules, v.AttachmentKinds = "Ours", "Come in", []int{10, 30, 50}, nil, []string{"*.pdf"}
			}), undoSettings, settings, set(func(v *setting.Values) { v.SelfRegistration = true })},
			{"the week", set(func(v *setting.Values) { v.WorkingDays, v.HoursPerDay = []int{1, 2, 3, 4}, 7 }), undoSettings, settings, nil},
			{"a day", func(c *cast, a access.Actor) error {
				return c.Settings.AddNonWorkingDay(c.ctx, a, setting.NonWorkingDay{Date: "2027-01-06", Name: "Epiphany"})
			}, undoSettings, settings, func(c *cast, a access.Actor) error {
				return c.Settings.AddNonWorkingDay(c.ctx, a, setting.NonWorkingDay{Date: "2027-05-01", Name: "May Day"})
			}},
			{"a day less", func(c *cast, a access.Actor) error { return c.Settings.RemoveNonWorkingDay(c.ctx, a, "2027-01-06") }, undoSettings, settings, nil},
		}
	})
}

func TestUndoOfUsersAndGroups(t *testing.T) {
	play(t, func(c *cast) []undoable {
		c.User("five", false)
		user, group := c.Actor("five").ID, c.outsiders()[1]
		now := func(c *cast) any {
			u, err := c.Accounts.Find(c.ctx, c.one, user)
			g, gerr := c.Accounts.FindGroup(c.ctx, c.one, group)
			if err := errors.Join(err, gerr); err != nil {
				c.Fatal(err)
			}
			out := []any{u.Login, u.Firstname, u.Lastname, u.Mail, u.Admin, u.Status, u.Language, u.TimeZone, u.Theme, u.Density, u.KeysOff, u.OwnKeys, g.Lastname}
			for _, m := range g.Members {
				out = append(out, m.ID)
			}
			return out
		}
		undo := func(n id.User) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { return c.Accounts.Undo(c.ctx, a, n) }
		}
		update := func(p account.Patch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Accounts.Update(c.ctx, a, user, p); return err }
		}
		crew := func(p account.GroupPatch) func(c *cast, a access.Actor) error {
			return func(c *cast, a access.Actor) error { _, err := c.Accounts.UpdateGroup(c.ctx, a, group, p); return err }
		}
		return []undoable{
			{"every field", update(account.Patch{
				Login: opt.Of("nova"), Firstname: opt.Of("Nova"), Lastname: opt.Of("Star"), Mail: opt.Of("nova@example.com"), Admin: opt.Of(true),
				Language: opt.Of("de"), TimeZone: opt.Of("Europe/Berlin"), Theme: opt.Of("dark"), Density: opt.Of("compact"), KeysOff: opt.Of(true), OwnKeys: opt.Of(account.OwnKeys("create n")),
			}), undo(user), now, update(account.Patch{Firstname: opt.Of("Someone")})},
			{
				"locked", func(c *cast, a access.Actor) error { _, err := c.Accounts.Lock(c.ctx, a, user); return err }, undo(user), now,
				func(c *cast, a access.Actor) error { _, err := c.Accounts.Unlock(c.ctx, a, user); return err },
			},
			{
				"the group", crew(account.GroupPatch{Name: opt.Of("Day shift"), Members: opt.Of([]id.User{c.one.ID, c.two.ID})}), undo(group), now,
				crew(account.GroupPatch{Members: opt.Of([]id.User{c.two.ID})}),
			},
		}
	})
}

// People take back what they changed of their own account; rights that they lost meanwhile, and
// an address that asks for the password, they do not get that way.
func TestUndoOfOnesOwnAccount(t *testing.T) {
	apptest.Each(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		in.User("one", true)
		in.User("two", true)
		in.User("bo", false)
		ctx, one, two, bo := t.Context(), in.Actor("one"), in.Actor("two"), in.Actor("bo")
		is := func(what string, err error, want fault.Kind) {
			t.Helper()
			if err == nil && want == 0 {
				return
			}
			if err == nil || fault.KindOf(err) != want {
				t.Errorf("%s: got %v, want %v", what, err, want)
			}
		}
		is("nothing of one's own", in.Accounts.Undo(ctx, bo, bo.ID), fault.KindConflict)
		if _, err := in.Accounts.Update(ctx, bo, bo.ID, account.Patch{Theme: opt.Of("dark")}); err != nil {
			t.Fatal(err)
		}
		is("the theme", in.Accounts.Undo(ctx, bo, bo.ID), 0)
		if u, err := in.Accounts.Find(ctx, bo, bo.ID); err != nil || u.Theme != "" {
			t.Errorf("got the theme %q, %v", u.Theme, err)
		}
		if _, err := in.Accounts.Update(ctx, bo, bo.ID, account.Patch{Mail: opt.Of("new@example.com"), CurrentPassword: apptest.Password}); err != nil {
			t.Fatal(err)
		}
		is("the own address", in.Accounts.Undo(ctx, bo, bo.ID), fault.KindConflict)
		if _, err := in.Accounts.Update(ctx, one, bo.ID, account.Patch{Lastname: opt.Of("Other")}); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Accounts.Update(ctx, two, one.ID, account.Patch{Admin: opt.Of(false)}); err != nil {
			t.Fatal(err)
		}
		one.Admin = false
		is("without the rights any more", in.Accounts.Undo(ctx, one, bo.ID), fault.KindNotFound)
		u, err := in.Accounts.Create(ctx, two, account.CreateInput{Login: "new", Firstname: "N", Lastname: "E", Mail: "n@example.com", Password: apptest.Password})
		if err != nil {
			t.Fatal(err)
		}
		is("who was just created", in.Accounts.Undo(ctx, two, u.ID), fault.KindConflict)
		g, err := in.Accounts.CreateGroup(ctx, two, account.GroupInput{Name: "Crew"})
		if err != nil {
			t.Fatal(err)
		}
		is("a group that was just created", in.Accounts.Undo(ctx, two, g.ID), fault.KindConflict)
		is("nobody", in.Accounts.Undo(ctx, two, 999), fault.KindNotFound)

		told := map[notification.Reason]bool{}
		for _, r := range notification.Switchable() {
			told[r] = false
		}
		is("no switch yet", in.Notifications.UndoSwitch(ctx, bo), fault.KindConflict)
		is("a visitor's switches", in.Notifications.UndoSwitch(ctx, access.Anonymous("")), fault.KindUnauthenticated)
		before, err := in.Notifications.Switches(ctx, bo)
		if err != nil {
			t.Fatal(err)
		}
		is("switched off", in.Notifications.Switch(ctx, bo, told), 0)
		after, err := in.Notifications.Switches(ctx, bo)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []map[notification.Reason]bool{before, after, before} {
			is("switches", in.Notifications.UndoSwitch(ctx, bo), 0)
			if got, err := in.Notifications.Switches(ctx, bo); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
	})
}
