// Package membership says who plays which role where.
//
// A role is a named set of permissions, for projects or for the instance. A
// membership gives a principal (a person or a group) roles in one project, or
// global ones. What a group holds, its people hold: the group's roles are
// written into their own memberships, marked with where they come from, and
// such inherited roles go only when the group loses them or the person leaves.
//
// Roles are changed by administrators, memberships by those who manage the
// members of the project. Everything is journaled and in the audit log.
// Whoever gains or loses global rights has that noted through Rights, because
// backup tokens wait after such a change.
package membership

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// Kind says where a role is played.
type Kind string

// Kinds of roles.
const (
	ProjectRole Kind = "ProjectRole"
	GlobalRole  Kind = "GlobalRole"
)

// Role is a named set of permissions.
type Role struct {
	ID   id.Role `db:"id"`
	Name string  `db:"name"`
	Kind Kind    `db:"kind"`
	// Builtin is one of access.Builtin...; such roles are never given or deleted.
	Builtin     int                 `db:"builtin"`
	Position    int                 `db:"position"`
	Permissions []access.Permission `db:"-"`
	CreatedAt   db.Time             `db:"created_at"`
	UpdatedAt   db.Time             `db:"updated_at"`
}

// Givable says whether memberships can have the role.
func (r Role) Givable() bool { return r.Builtin == access.BuiltinNone }

// Has says whether the role has the permission.
func (r Role) Has(p access.Permission) bool {
	for _, q := range r.Permissions {
		if q == p {
			return true
		}
	}
	return false
}

// RolePatch says what to set of a role; a new one needs a name. The kind is
// fixed once the role is there.
type RolePatch struct {
	Name        opt.Value[string]
	Kind        opt.Value[Kind]
	Permissions opt.Value[[]access.Permission]
	// CopyFrom takes permissions, and for project roles nothing else, from another role.
	CopyFrom id.Role
	// Builtin is for the roles of a new instance only.
	Builtin int
}

// Member is a membership: the roles of a principal in a project, or global ones.
type Member struct {
	ID        id.Member `db:"id"`
	Principal id.User   `db:"user_id"`
	// Project is nil for global roles.
	Project   *id.Project `db:"project_id"`
	CreatedAt db.Time     `db:"created_at"`
	UpdatedAt db.Time     `db:"updated_at"`
	// PrincipalName and PrincipalKind ("User", "Group", "PlaceholderUser") are for links and lists.
	PrincipalName string `db:"principal_name"`
	PrincipalKind string `db:"principal_kind"`
	// ProjectName and ProjectIdentifier are empty for global roles.
	ProjectName       string `db:"project_name"`
	ProjectIdentifier string `db:"project_identifier"`
	// Roles stand in their order, each once.
	Roles []MemberRole `db:"-"`
}

// MemberRole is a role that a membership gives.
type MemberRole struct {
	Role id.Role
	Name string
	// Own says that the membership has the role by itself, Inherited that a
	// group gives it; both can be.
	Own, Inherited bool
}

// RoleIDs are the ids of all roles of the membership.
func (m Member) RoleIDs() []id.Role {
	out := make([]id.Role, len(m.Roles))
	for i, r := range m.Roles {
		out[i] = r.Role
	}
	return out
}

// Inherited says whether any role comes from a group.
func (m Member) Inherited() bool {
	for _, r := range m.Roles {
		if r.Inherited {
			return true
		}
	}
	return false
}

// CreateInput describes a new membership. Project 0 is for global roles.
type CreateInput struct {
	Principal id.User
	Project   id.Project
	Roles     []id.Role
}

// Rights is told whose rights on the whole instance changed.
type Rights interface {
	// RightsChanged notes the change at the people, in the caller's transaction.
	RightsChanged(ctx context.Context, tx *db.Tx, people []id.User) error
}

// Deps are what the service is built from.
type Deps struct {
	DB    *db.DB
	Audit *audit.Log
	// Rights may be nil where nobody needs to know.
	Rights Rights
}

// Service offers everything that can be done with roles and memberships.
type Service struct {
	db     *db.DB
	audit  *audit.Log
	rights Rights
}

// New returns the service.
func New(d Deps) *Service { return &Service{db: d.DB, audit: d.Audit, rights: d.Rights} }

// record writes an audit entry about what actor did.
func (s *Service) record(ctx context.Context, tx *db.Tx, a access.Actor, action, object string, detail map[string]any) error {
	act := audit.Act{ActorName: a.Name, IP: a.IP, Action: action, Object: object, Detail: detail}
	if a.Kind == access.Person {
		act.ActorID = a.ID
		if a.Login != "" {
			act.ActorName = a.Login
		}
	}
	return s.audit.Record(ctx, tx, act)
}
