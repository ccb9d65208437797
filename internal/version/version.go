// Package version keeps what projects plan for: versions, with the days on which
// they begin and finish.
//
// A version belongs to the project that defines it. Sharing says which others may
// plan for it: none; the descendants; the hierarchy, which is ancestors and
// descendants; the tree, which is everything under the same root; the system, which
// is every project. Only open versions get new work packages; a locked one keeps
// what it has, and a closed one is done. A version that work packages are planned
// for is not deleted, and where sharing becomes narrower, the work packages that
// are out of its reach lose it.
package version

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Version is one version with its project.
type Version struct {
	ID          id.Version `db:"id"`
	ProjectID   id.Project `db:"project_id"`
	Name        string     `db:"name"`
	Description string     `db:"description"`
	StartDate   *db.Day    `db:"start_date"`
	DueDate     *db.Day    `db:"effective_date"`
	// Status is one of Statuses, Sharing one of Sharings.
	Status    string  `db:"status"`
	Sharing   string  `db:"sharing"`
	CreatedAt db.Time `db:"created_at"`
	UpdatedAt db.Time `db:"updated_at"`

	ProjectName string `db:"project_name"`
	// ProjectSeen says whether the actor may see the project that defines it.
	ProjectSeen bool `db:"project_seen"`
}

// Statuses of versions, in the order of the form.
const (
	Open   = "open"
	Locked = "locked"
	Closed = "closed"
)

// Ways to share versions, from the narrowest to the widest.
const (
	None        = "none"
	Descendants = "descendants"
	Hierarchy   = "hierarchy"
	Tree        = "tree"
	System      = "system"
)

// Statuses and Sharings are all there are, in their order.
var (
	Statuses = []string{Open, Locked, Closed}
	Sharings = []string{None, Descendants, Hierarchy, Tree, System}
)

// Limits of texts, in characters.
const (
	MaxName        = 60
	MaxDescription = 1 << 20
)

// Patch says what to set; absent fields are left alone. It serves creating as well,
// where Project is required and absent fields get defaults. A version stays in its
// project.
type Patch struct {
	Project            opt.Value[id.Project]
	Name, Description  opt.Value[string]
	StartDate, DueDate opt.Value[*db.Day]
	Status, Sharing    opt.Value[string]
}

// Work is what plans for versions; package workpackage is it.
type Work interface {
	// ReleaseVersion takes the version from the work packages w on which cond holds,
	// those in the trash included, each journaled.
	ReleaseVersion(ctx context.Context, tx *db.Tx, a access.Actor, v id.Version, cond db.Frag) error
	// ReturnPlanning gives work packages back what they lost by the change e.
	ReturnPlanning(ctx context.Context, tx *db.Tx, a access.Actor, e journal.Entry) error
}

// Service offers everything that can be done with versions.
type Service struct {
	db   *db.DB
	work Work
}

// New returns the service.
func New(d *db.DB, work Work) *Service { return &Service{db: d, work: work} }

// Capabilities are what an actor may do with a version.
type Capabilities struct{ Manage bool }

// Capabilities returns what the actor may do; g must have been loaded for the project.
func (v Version) Capabilities(g *access.Grants) Capabilities {
	return Capabilities{Manage: g.Has(access.ManageVersions, v.ProjectID)}
}

// state is what the journal keeps of a version: everything after a change.
type state struct {
	ProjectID   id.Project `json:"project"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	StartDate   *db.Day    `json:"startDate"`
	DueDate     *db.Day    `json:"endDate"`
	Status      string     `json:"status"`
	Sharing     string     `json:"sharing"`
	Deleted     bool       `json:"deleted,omitempty"`
}

func (v *Version) state() state {
	return state{
		ProjectID: v.ProjectID, Name: v.Name, Description: v.Description, StartDate: v.StartDate, DueDate: v.DueDate,
		Status: v.Status, Sharing: v.Sharing,
	}
}
