// Package project keeps the places where work is planned.
//
// A project has a name, an identifier for addresses (unique without regard to
// case), a parent at most, modules and types that are on, and may be public.
// It is active or archived; archiving takes the descendants along, and only
// administrators see and revive what is archived. Deleting moves a project to
// the trash with all its descendants and frees their identifiers; restoring
// brings back what went together.
//
// The rules of fields stand in one table (contract.go) that serves creating,
// updating, previewing (forms) and the published schema. Every change is
// journaled with the full state, modules and types included.
package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// Project is one project with what belongs to it.
type Project struct {
	ID          id.Project  `db:"id"`
	Identifier  string      `db:"identifier"`
	Name        string      `db:"name"`
	Description string      `db:"description"`
	Public      bool        `db:"public"`
	Active      bool        `db:"active"`
	Templated   bool        `db:"templated"`
	ParentID    *id.Project `db:"parent_id"`
	// Status is one of Statuses, nil when it was never set.
	Status            *string `db:"status_code"`
	StatusExplanation string  `db:"status_explanation"`
	CreatedAt         db.Time `db:"created_at"`
	UpdatedAt         db.Time `db:"updated_at"`
	// Favorited says that the actor marked it.
	Favorited bool `db:"-"`
	// Ancestors are those the actor may see, from the top down.
	Ancestors []Ref `db:"-"`
	// Modules are the names of the modules that are on, sorted.
	Modules []string `db:"-"`
	// Types are the types that are on, in their order.
	Types []id.Type `db:"-"`
}

// Ref names a project in links.
type Ref struct {
	ID         id.Project `db:"id"`
	Identifier string     `db:"identifier"`
	Name       string     `db:"name"`
	Active     bool       `db:"active"`
}

// Parent returns the parent when the actor may see it.
func (p Project) Parent() (Ref, bool) {
	if n := len(p.Ancestors); p.ParentID != nil && n > 0 && p.Ancestors[n-1].ID == *p.ParentID {
		return p.Ancestors[n-1], true
	}
	return Ref{}, false
}

// Has says whether the module is on.
func (p Project) Has(module string) bool {
	for _, m := range p.Modules {
		if m == module {
			return true
		}
	}
	return false
}

// Codes of a project's status.
const (
	OnTrack      = "on_track"
	AtRisk       = "at_risk"
	OffTrack     = "off_track"
	NotStarted   = "not_started"
	Finished     = "finished"
	Discontinued = "discontinued"
)

// Statuses are all status codes with their English names, in their order.
var Statuses = []struct{ Code, Name string }{
	{OnTrack, "On track"},
	{AtRisk, "At risk"},
	{OffTrack, "Off track"},
	{NotStarted, "Not started"},
	{Finished, "Finished"},
	{Discontinued, "Discontinued"},
}

// DefaultModules are on in new projects, unless the settings say otherwise.
var DefaultModules = []string{"calendar", "board_view", "work_package_tracking", "gantt", "news", "costs", "wiki"}

// Patch says what to set; absent fields are left alone. It serves creating as
// well, where absent fields get defaults.
type Patch struct {
	Name              opt.Value[string]
	Identifier        opt.Value[string]
	Description       opt.Value[string]
	Public            opt.Value[bool]
	Active            opt.Value[bool]
	Templated         opt.Value[bool]
	Parent            opt.Value[*id.Project]
	Status            opt.Value[*string]
	StatusExplanation opt.Value[string]
	Modules           opt.Value[[]string]
	Types             opt.Value[[]id.Type]
	// Template is a project whose modules and types a new one gets where the patch
	// names none; 0 for the defaults of the instance.
	Template id.Project
}

// Settings are the instance's settings that the rules depend on.
type Settings interface {
	// NewProjectRole is the role of people who create a project; 0 when it is not set.
	NewProjectRole() id.Role
	// ProjectModules are on in new projects; DefaultModules when it returns nil.
	ProjectModules() []string
	// ProjectsPublic says whether new projects are public.
	ProjectsPublic() bool
}

// Creators makes people members of the projects they create.
type Creators interface {
	AddCreator(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project, role id.Role) error
}

// Contents removes for good what projects contain, in transactions of its
// own, before the projects go. What it leaves keeps the project from going.
type Contents interface {
	PurgeProjects(ctx context.Context, projects []id.Project) error
}

// Deps are what the service is built from.
type Deps struct {
	DB       *db.DB
	Audit    *audit.Log
	Settings Settings
	Creators Creators
	// Contents may be nil where projects contain nothing yet.
	Contents Contents
}

// Service offers everything that can be done with projects.
type Service struct {
	db       *db.DB
	audit    *audit.Log
	settings Settings
	creators Creators
	contents Contents
}

// New returns the service.
func New(d Deps) *Service {
	return &Service{db: d.DB, audit: d.Audit, settings: d.Settings, creators: d.Creators, contents: d.Contents}
}

// Capabilities are what an actor may do with a project; action links and
// buttons follow them.
type Capabilities struct {
	Edit, SelectModules, ManageTypes, AddSubproject, Copy bool
	Archive, Unarchive, Delete                            bool
	ViewMembers, ManageMembers                            bool
	ViewWorkPackages, AddWorkPackages                     bool
	ManageVersions, ManageCategories                      bool
}

// Capabilities returns what the actor may do; g must have been loaded for the project.
func (p Project) Capabilities(a access.Actor, g *access.Grants) Capabilities {
	has := func(perm access.Permission) bool { return g.Has(perm, p.ID) }
	return Capabilities{
		Edit: has(access.EditProject), SelectModules: has(access.SelectProjectModules), ManageTypes: has(access.ManageTypes),
		AddSubproject: has(access.AddSubprojects), Copy: has(access.CopyProjects),
		Archive: p.Active && has(access.ArchiveProject), Unarchive: !p.Active && a.Admin, Delete: a.Admin,
		ViewMembers: has(access.ViewMembers), ManageMembers: has(access.ManageMembers),
		ViewWorkPackages: has(access.ViewWorkPackages), AddWorkPackages: has(access.AddWorkPackages),
		ManageVersions: has(access.ManageVersions), ManageCategories: has(access.ManageCategories),
	}
}
