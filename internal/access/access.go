// Package access answers who may do what.
//
// An Actor is whoever asks: a person, a visitor, or the system itself. It is
// passed explicitly to every service function. A permission is declared once
// (permissions.go) and held through roles: the roles of a membership in a
// project add up; people without a membership have the role Non member in
// public projects, visitors the role Anonymous. Administrators hold every
// permission, but like everyone only in active projects with the module on.
//
// There are three questions. Require: may the actor do this here? Projects and
// Visible: the condition, for inside a query, on what the actor may see; lists
// and totals carry it, so that nothing is filtered afterwards. Load: what may
// the actor do in each of these projects? for documents with action links.
//
// This package reads; package membership writes roles and memberships.
package access

import (
	"context"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Built-in principals, made by the first migration.
const (
	SystemID    id.User = 1
	AnonymousID id.User = 2
	DeletedID   id.User = 3
)

// Built-in roles, in the column roles.builtin.
const (
	BuiltinNone           = 0
	BuiltinNonMember      = 1
	BuiltinAnonymous      = 2
	BuiltinStandardGlobal = 8
)

// Kind tells what an actor is.
type Kind int

// Kinds of actors.
const (
	// Visitor is someone who is not signed in.
	Visitor Kind = iota
	// Person is a signed-in user.
	Person
	// Machine is Holdfast itself or its operator on the command line.
	Machine
)

// Actor is whoever asks. The zero value is a visitor without an address.
type Actor struct {
	Kind  Kind
	ID    id.User
	Login string
	Name  string
	Admin bool
	// IP is the address the request came from, for the audit log.
	IP string
	// Session is the browser session, 0 for API keys.
	Session id.Session
	// Token is the API key, 0 for sessions.
	Token id.Token
	// Language and TimeZone are the person's, for texts and dates.
	Language, TimeZone string
	// Theme, Density and KeysOff are how pages look and act for the person, OwnKeys the keys of the person's
	// choice as account writes them.
	Theme, Density string
	KeysOff        bool
	OwnKeys        string
}

// System is the actor for work that Holdfast does by itself; name says which.
func System(name string) Actor {
	return Actor{Kind: Machine, ID: SystemID, Name: "system: " + name, Admin: true}
}

// Operator is the actor for commands: whoever owns the server's disk.
func Operator(name string) Actor {
	return Actor{Kind: Machine, ID: SystemID, Name: "operator: " + name, Admin: true}
}

// Anonymous is the visitor at an address.
func Anonymous(ip string) Actor {
	return Actor{Kind: Visitor, ID: AnonymousID, Name: "Anonymous", IP: ip}
}

// SignedIn says whether the actor is a person.
func (a Actor) SignedIn() bool { return a.Kind == Person }

// RequireSignedIn returns Unauthenticated for visitors.
func RequireSignedIn(a Actor) error {
	if a.Kind == Visitor {
		return fault.Unauthenticated("you need to be signed in")
	}
	return nil
}

// RequireAdmin returns Unauthenticated for visitors and Forbidden for everyone
// who is no administrator.
func RequireAdmin(a Actor) error {
	if err := RequireSignedIn(a); err != nil {
		return err
	}
	if !a.Admin {
		return fault.Forbidden("only administrators may do this")
	}
	return nil
}

// Require returns nil when the actor holds the permission, in the project or,
// for global permissions (project 0), on the instance. Otherwise it returns
// Forbidden, or Unauthenticated for visitors. It does not check that the actor
// may see the project: do that first, so that strangers get NotFound.
func Require(ctx context.Context, tx *db.Tx, a Actor, p Permission, project id.Project) error {
	ok, err := Allowed(ctx, tx, a, p, project)
	switch {
	case err != nil:
		return err
	case ok:
		return nil
	case a.Kind == Visitor:
		return fault.Unauthenticated("you need to be signed in")
	}
	return fault.Said(fault.Forbidden("you are not allowed to do this: permission "+string(p)+" is missing"), "fault.permission_missing", "permission", string(p))
}

// Allowed is Require as a question.
func Allowed(ctx context.Context, tx *db.Tx, a Actor, p Permission, project id.Project) (bool, error) {
	def, ok := Lookup(p)
	if !ok {
		return false, nil
	}
	if def.Global {
		return allowedGlobally(ctx, tx, a, p)
	}
	if project == 0 {
		return allowedAnywhere(ctx, tx, a, p)
	}
	return exists(ctx, tx, Projects(a, p).Add(`AND p.id = ?`, project))
}

// allowedAnywhere says whether the actor holds a project permission in some project.
func allowedAnywhere(ctx context.Context, tx *db.Tx, a Actor, p Permission) (bool, error) {
	return exists(ctx, tx, Projects(a, p).Add(`LIMIT 1`))
}

func allowedGlobally(ctx context.Context, tx *db.Tx, a Actor, p Permission) (bool, error) {
	if a.Kind == Visitor {
		return false, nil
	}
	if a.Admin {
		return true, nil
	}
	return exists(ctx, tx, db.SQL(`SELECT rp.role_id FROM role_permissions rp JOIN roles r ON r.id = rp.role_id
		WHERE rp.permission = ? AND r.kind = 'GlobalRole' AND (r.builtin = ? OR r.id IN (
			SELECT mr.role_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
			WHERE m.user_id = ? AND m.project_id IS NULL))`, p, BuiltinStandardGlobal, a.ID))
}

func exists(ctx context.Context, tx *db.Tx, query db.Frag) (bool, error) {
	_, ok, err := db.One[int64](ctx, tx, query)
	return ok, err
}

// Projects is the query of the ids of all projects in which the actor holds
// the permission, with the alias p, open for further conditions at its end.
func Projects(a Actor, p Permission) db.Frag {
	def, ok := Lookup(p)
	if !ok || def.Global {
		return db.SQL(`SELECT p.id FROM projects p WHERE 1=0`)
	}
	q := db.SQL(`SELECT p.id FROM projects p WHERE p.deleted_at IS NULL`)
	if !a.Admin || p != ViewProject { // administrators find archived projects, nobody works in them
		q = q.Add(`AND p.active`)
	}
	if def.Module != "" {
		q = q.Add(`AND EXISTS (SELECT 1 FROM enabled_modules em WHERE em.project_id = p.id AND em.name = ?)`, def.Module)
	}
	switch {
	case a.Admin:
		if p == WorkPackageAssigned { // the one permission administrators do not hold by themselves
			return q.Add(`AND`).Append(memberHolds(a, p))
		}
		return q
	case a.Kind == Visitor:
		return q.Add(`AND p.public AND`).Append(builtinHolds(BuiltinAnonymous, def))
	}
	return q.Add(`AND`).Append(db.Or(memberHolds(a, p), stranger(a, def)).Paren())
}

// Visible is the condition that expr, a project's id, is one in which the
// actor holds the permission.
func Visible(expr string, a Actor, p Permission) db.Frag {
	return db.SQL(expr + ` IN (`).Append(Projects(a, p)).Add(`)`)
}

// VisibleEach is Visible for statements that select few rows: it asks for each
// row's project by itself instead of gathering all projects first.
func VisibleEach(expr string, a Actor, p Permission) db.Frag {
	return db.Exists(Projects(a, p).Add(`AND p.id = ` + expr))
}

func memberHolds(a Actor, p Permission) db.Frag {
	if def, _ := Lookup(p); def.Public {
		return isMember(a)
	}
	return db.SQL(`EXISTS (SELECT 1 FROM members m
		JOIN member_roles mr ON mr.member_id = m.id
		JOIN role_permissions rp ON rp.role_id = mr.role_id AND rp.permission = ?
		WHERE m.user_id = ? AND m.project_id = p.id)`, p, a.ID)
}

func isMember(a Actor) db.Frag {
	return db.SQL(`EXISTS (SELECT 1 FROM members m WHERE m.user_id = ? AND m.project_id = p.id)`, a.ID)
}

// stranger is the condition under which a person without a membership holds
// the permission in a public project.
func stranger(a Actor, def Definition) db.Frag {
	if def.Holder == MemberOnly {
		return db.False
	}
	return db.SQL(`p.public AND NOT`).Append(isMember(a)).Add(`AND`).Append(builtinHolds(BuiltinNonMember, def))
}

func builtinHolds(builtin int, def Definition) db.Frag {
	if builtin == BuiltinAnonymous && def.Holder != Anyone {
		return db.False
	}
	if def.Public {
		return db.True
	}
	return db.SQL(`EXISTS (SELECT 1 FROM roles r JOIN role_permissions rp ON rp.role_id = r.id
		WHERE r.builtin = ? AND rp.permission = ?)`, builtin, def.Permission)
}

// Assignable is the condition that u is a person, group or placeholder that can be
// assigned work in the project.
func Assignable(project id.Project) db.Frag {
	return db.SQL(`u.deleted_at IS NULL AND u.kind IN ('User', 'Group', 'PlaceholderUser') AND u.status IN (1, 4) AND u.id IN (
		SELECT m.user_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
		JOIN role_permissions rp ON rp.role_id = mr.role_id AND rp.permission = ?
		WHERE m.project_id = ?)`, WorkPackageAssigned, project)
}

// Holders is the condition that the row u of users is an active person who holds
// the permission in the project, which is the question of Projects from the other
// side. It is for a permission of a module or of members; the project has the alias
// of no table outside.
func Holders(p Permission, project id.Project) db.Frag {
	def, ok := Lookup(p)
	if !ok || def.Global {
		return db.False
	}
	open := db.SQL(`SELECT p.id FROM projects p WHERE p.id = ? AND p.deleted_at IS NULL AND p.active`, project)
	if def.Module != "" {
		open = open.Add(`AND EXISTS (SELECT 1 FROM enabled_modules em WHERE em.project_id = p.id AND em.name = ?)`, def.Module)
	}
	held := db.SQL(`EXISTS (SELECT 1 FROM members m JOIN member_roles mr ON mr.member_id = m.id
		JOIN role_permissions rp ON rp.role_id = mr.role_id AND rp.permission = ?
		WHERE m.user_id = u.id AND m.project_id = ?)`, p, project)
	stranger := db.False
	if def.Holder != MemberOnly {
		stranger = db.SQL(`NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = u.id AND m.project_id = ?)`, project).Add(`AND`).
			Append(db.Exists(db.SQL(`SELECT 1 FROM projects p WHERE p.id = ? AND p.public AND`, project).Append(builtinHolds(BuiltinNonMember, def))))
	}
	return db.And(db.SQL(`u.kind = 'User' AND u.status = 1 AND u.deleted_at IS NULL`), db.Exists(open),
		db.Or(db.SQL(`u.admin`), held, stranger.Paren()).Paren())
}

// VisiblePrincipals is the condition that expr, a user's id, is one the actor
// may see: itself, the built-in ones, people and groups that share a project
// or a group with it, and everyone for holders of view_all_principals.
func VisiblePrincipals(ctx context.Context, tx *db.Tx, a Actor, expr string) (db.Frag, error) {
	all, err := allowedGlobally(ctx, tx, a, ViewAllPrincipals)
	if err != nil || all {
		return db.True, err
	}
	if a.Kind == Visitor {
		return db.SQL(expr+` = ?`, AnonymousID), nil
	}
	return db.Or(
		db.SQL(expr+` IN (?, ?, ?, ?)`, a.ID, SystemID, AnonymousID, DeletedID),
		db.SQL(expr+` IN (SELECT o.user_id FROM members o WHERE o.project_id IN (
			SELECT m.project_id FROM members m JOIN projects p ON p.id = m.project_id
			WHERE m.user_id = ? AND p.active AND p.deleted_at IS NULL))`, a.ID),
		db.SQL(expr+` IN (SELECT gu.group_id FROM group_users gu WHERE gu.user_id = ?)`, a.ID),
		db.SQL(expr+` IN (SELECT o.user_id FROM group_users o JOIN group_users mine ON mine.group_id = o.group_id
			WHERE mine.user_id = ?)`, a.ID),
	), nil
}
