// Package catalog keeps what work packages are made of: types, statuses,
// priorities, and the workflow that says who may take which status step.
//
// The tables are small and read whole. Everyone who is signed in reads them;
// administrators change them, and every change is journaled. Exactly one
// status and one priority is the default, which a constraint guards. What is
// in use is not deleted: the refusal says how often it is used.
package catalog

import (
	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// Type is a kind of work package, such as a task or a milestone.
type Type struct {
	ID       id.Type `db:"id" json:"-"`
	Name     string  `db:"name" json:"name"`
	Color    string  `db:"color" json:"color"`
	Position int     `db:"position" json:"position"`
	// Default types are on in new projects.
	Default   bool `db:"is_default" json:"isDefault"`
	Milestone bool `db:"is_milestone" json:"isMilestone"`
	InRoadmap bool `db:"is_in_roadmap" json:"isInRoadmap"`
	// Description is the template of the description of new work packages.
	Description string  `db:"description" json:"description"`
	CreatedAt   db.Time `db:"created_at" json:"-"`
	UpdatedAt   db.Time `db:"updated_at" json:"-"`
}

// Status is where a work package stands.
type Status struct {
	ID       id.Status `db:"id" json:"-"`
	Name     string    `db:"name" json:"name"`
	Color    string    `db:"color" json:"color"`
	Position int       `db:"position" json:"position"`
	// Default is the status of new work packages.
	Default bool `db:"is_default" json:"isDefault"`
	Closed  bool `db:"is_closed" json:"isClosed"`
	// ReadOnly statuses freeze everything but the status itself.
	ReadOnly           bool `db:"is_readonly" json:"isReadonly"`
	ExcludedFromTotals bool `db:"excluded_from_totals" json:"excludedFromTotals"`
	// DoneRatio is the % complete that the status stands for.
	DoneRatio *int    `db:"default_done_ratio" json:"defaultDoneRatio"`
	CreatedAt db.Time `db:"created_at" json:"-"`
	UpdatedAt db.Time `db:"updated_at" json:"-"`
}

// Priority is how urgent a work package is.
type Priority struct {
	ID        id.Priority `db:"id" json:"-"`
	Name      string      `db:"name" json:"name"`
	Color     string      `db:"color" json:"color"`
	Position  int         `db:"position" json:"position"`
	Default   bool        `db:"is_default" json:"isDefault"`
	Active    bool        `db:"active" json:"isActive"`
	CreatedAt db.Time     `db:"created_at" json:"-"`
	UpdatedAt db.Time     `db:"updated_at" json:"-"`
}

// Step is one allowed change of status for a type and a role. Author and
// Assignee restrict it to the author or the assignee of the work package.
type Step struct {
	Type     id.Type   `db:"type_id" json:"-"`
	Role     id.Role   `db:"role_id" json:"role"`
	From     id.Status `db:"old_status_id" json:"from"`
	To       id.Status `db:"new_status_id" json:"to"`
	Author   bool      `db:"author" json:"author,omitempty"`
	Assignee bool      `db:"assignee" json:"assignee,omitempty"`
}

// TypePatch says what to set of a type; a new one needs a name.
type TypePatch struct {
	Name, Color, Description      opt.Value[string]
	Default, Milestone, InRoadmap opt.Value[bool]
}

// StatusPatch says what to set of a status; a new one needs a name.
type StatusPatch struct {
	Name, Color                                   opt.Value[string]
	Default, Closed, ReadOnly, ExcludedFromTotals opt.Value[bool]
	DoneRatio                                     opt.Value[*int]
}

// PriorityPatch says what to set of a priority; a new one needs a name.
type PriorityPatch struct {
	Name, Color     opt.Value[string]
	Default, Active opt.Value[bool]
}

// Service offers everything that can be done with the catalog.
type Service struct{ db *db.DB }

// New returns the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Capabilities are what an actor may do with the catalog.
type Capabilities struct{ Manage bool }

// CapabilitiesOf returns what the actor may do with the catalog.
func CapabilitiesOf(a access.Actor) Capabilities { return Capabilities{Manage: a.Admin} }
