// Package seed fills new instances.
//
// Base is what every instance needs before anyone can plan: roles, statuses,
// types, priorities, workflows and the settings that name them. Demo is a
// story of a few projects and people to look around in. Both go through the
// services, so that what they make obeys the rules and is journaled.
package seed

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
)

// Names of the roles that other code or people refer to.
const (
	RoleMember       = "Member"
	RoleReader       = "Reader"
	RoleProjectAdmin = "Project admin"
	RoleStaff        = "Staff and projects manager"
)

// Settings takes the settings that name seeded rows.
type Settings interface {
	// SetNewProjectRole stores the role of people who create a project.
	SetNewProjectRole(ctx context.Context, tx *db.Tx, role id.Role) error
}

// BaseServices are what Base works through.
type BaseServices struct {
	DB         *db.DB
	Catalog    *catalog.Service
	Membership *membership.Service
	// Settings may be nil; the first role that manages members stands in then.
	Settings Settings
}

// Base gives a new instance its roles, statuses, types, priorities and
// workflows, all or nothing. On an instance that has roles it changes nothing
// and returns false.
func Base(ctx context.Context, s BaseServices) (bool, error) {
	done, err := db.Read(ctx, s.DB, func(tx *db.Tx) (bool, error) { return hasRoles(ctx, tx) })
	if err != nil || done {
		return false, err
	}
	return db.Write(db.Alone(ctx), s.DB, func(tx *db.Tx) (bool, error) {
		// Asked again inside: another node may have been faster.
		if done, err := hasRoles(ctx, tx); err != nil || done {
			return false, err
		}
		a := access.System("seed")
		roles, err := s.Membership.InstallRoles(ctx, tx, a, baseRoles())
		if err != nil {
			return false, fmt.Errorf("seed roles: %w", err)
		}
		if err := s.Catalog.Install(ctx, tx, a, basePlan([]id.Role{roles[RoleMember], roles[RoleProjectAdmin]})); err != nil {
			return false, fmt.Errorf("seed catalog: %w", err)
		}
		if s.Settings == nil {
			return true, nil
		}
		if err := s.Settings.SetNewProjectRole(ctx, tx, roles[RoleProjectAdmin]); err != nil {
			return false, fmt.Errorf("seed settings: %w", err)
		}
		return true, nil
	})
}

func hasRoles(ctx context.Context, tx *db.Tx) (bool, error) {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM roles`))
	return n > 0, err
}

func baseRoles() []membership.RolePatch {
	project := func(name string, builtin int, ps []access.Permission) membership.RolePatch {
		return membership.RolePatch{Name: opt.Of(name), Permissions: opt.Of(ps), Builtin: builtin}
	}
	global := func(name string, builtin int, ps ...access.Permission) membership.RolePatch {
		return membership.RolePatch{Name: opt.Of(name), Kind: opt.Of(membership.GlobalRole), Permissions: opt.Of(ps), Builtin: builtin}
	}
	return []membership.RolePatch{
		project("Non member", access.BuiltinNonMember, nonMemberPermissions),
		project("Anonymous", access.BuiltinAnonymous, anonymousPermissions),
		project(RoleMember, access.BuiltinNone, memberPermissions),
		project(RoleReader, access.BuiltinNone, readerPermissions),
		project(RoleProjectAdmin, access.BuiltinNone, everyProjectPermission()),
		global(RoleStaff, access.BuiltinNone, access.AddProject, access.CreateUser, access.ManageUser,
			access.ManagePlaceholderUser, access.ViewAllPrincipals),
		global("Standard global role", access.BuiltinStandardGlobal),
	}
}

// everyProjectPermission lists what a role in a project can be given at all.
func everyProjectPermission() []access.Permission {
	var out []access.Permission
	for _, d := range access.Definitions {
		if !d.Global && !d.Public {
			out = append(out, d.Permission)
		}
	}
	return out
}

func basePlan(roles []id.Role) catalog.Plan {
	status := func(name, color string, ratio int) catalog.StatusPatch {
		return catalog.StatusPatch{Name: opt.Of(name), Color: opt.Of(color), DoneRatio: opt.Ptr(ratio)}
	}
	closed := func(p catalog.StatusPatch) catalog.StatusPatch {
		p.Closed = opt.Of(true)
		return p
	}
	work := func(name, color string, p catalog.TypePatch) catalog.TypePatch {
		p.Name, p.Color = opt.Of(name), opt.Of(color)
		return p
	}
	priority := func(name, color string, standard bool) catalog.PriorityPatch {
		return catalog.PriorityPatch{Name: opt.Of(name), Color: opt.Of(color), Default: opt.Of(standard)}
	}
	on, off := opt.Of(true), opt.Of(false)
	return catalog.Plan{
		Roles: roles,
		Statuses: []catalog.StatusPatch{
			status("New", "#2F6FB3", 0), status("In specification", "#7A5AA8", 10), status("Specified", "#5E6AD2", 20),
			status("Confirmed", "#3A86A8", 20), status("To be scheduled", "#8A7A2F", 20), status("Scheduled", "#A8842F", 20),
			status("In progress", "#C2701C", 40), status("Developed", "#4F8F4A", 70), status("In testing", "#2E8B83", 80),
			status("Tested", "#2C7A4B", 90), status("Test failed", "#B8403A", 70), closed(status("Closed", "#5B6470", 100)),
			status("On hold", "#9A6B4F", 0), closed(status("Rejected", "#8B3A4A", 0)),
		},
		Types: []catalog.TypePatch{
			work("Task", "#2F6FB3", catalog.TypePatch{Default: on}),
			work("Milestone", "#2C7A4B", catalog.TypePatch{Default: on, Milestone: on, InRoadmap: off}),
			work("Summary task", "#7A5AA8", catalog.TypePatch{Default: on, InRoadmap: off}),
			work("Feature", "#2E8B83", catalog.TypePatch{}), work("Epic", "#A8842F", catalog.TypePatch{}),
			work("User story", "#5E6AD2", catalog.TypePatch{}), work("Bug", "#B8403A", catalog.TypePatch{}),
		},
		Priorities: []catalog.PriorityPatch{
			priority("Low", "#6C8EAD", false), priority("Normal", "#2F6FB3", true),
			priority("High", "#C2701C", false), priority("Immediate", "#B8403A", false),
		},
		Flows: baseFlows(),
	}
}

func baseFlows() map[string][]string {
	plan := []string{"New", "To be scheduled", "Scheduled", "In progress", "On hold", "Rejected", "Closed"}
	build := []string{
		"New", "In specification", "Specified", "In progress", "Developed", "In testing", "Tested", "Test failed",
		"On hold", "Rejected", "Closed",
	}
	return map[string][]string{
		"Task":      {"New", "In progress", "On hold", "Rejected", "Closed"},
		"Milestone": plan, "Summary task": plan,
		"Feature": build, "Epic": build, "User story": build,
		"Bug": {
			"New", "Confirmed", "In progress", "Developed", "In testing", "Tested", "Test failed", "On hold", "Rejected", "Closed",
		},
	}
}
