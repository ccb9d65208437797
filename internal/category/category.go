// Package category keeps the categories by which projects sort their work packages.
//
// A category belongs to one project and may name who gets new work packages of it
// that name nobody. One that is deleted is taken from its work packages, or replaced
// there by another of the project.
package category

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Category is one category with what it links to.
type Category struct {
	ID        id.Category `db:"id"`
	ProjectID id.Project  `db:"project_id"`
	Name      string      `db:"name"`
	// AssigneeID gets new work packages that name nobody.
	AssigneeID *id.User `db:"assigned_to_id"`
	CreatedAt  db.Time  `db:"created_at"`
	UpdatedAt  db.Time  `db:"updated_at"`

	ProjectName       string `db:"project_name"`
	AssigneeFirstname string `db:"firstname"`
	AssigneeLastname  string `db:"lastname"`
	AssigneeKind      string `db:"kind"`
}

// AssigneeName is the whole name of the assignee, empty without one.
func (c Category) AssigneeName() string {
	if c.AssigneeFirstname == "" {
		return c.AssigneeLastname
	}
	return c.AssigneeFirstname + " " + c.AssigneeLastname
}

// MaxName is the limit of names, in characters.
const MaxName = 255

// Patch says what to set; absent fields are left alone.
type Patch struct {
	Name     opt.Value[string]
	Assignee opt.Value[*id.User]
}

// Work is what is sorted by categories; package workpackage is it.
type Work interface {
	// ReplaceCategory gives the work packages of a category, those in the trash
	// included, another one or none, each journaled.
	ReplaceCategory(ctx context.Context, tx *db.Tx, a access.Actor, from id.Category, to *id.Category) error
	// ReturnPlanning gives work packages back what they lost by the change e.
	ReturnPlanning(ctx context.Context, tx *db.Tx, a access.Actor, e journal.Entry) error
}

// Service offers everything that can be done with categories.
type Service struct {
	db   *db.DB
	work Work
}

// New returns the service.
func New(d *db.DB, work Work) *Service { return &Service{db: d, work: work} }

// Capabilities are what an actor may do with the categories of a project.
type Capabilities struct{ Manage bool }

// Capabilities returns what the actor may do; g must have been loaded for the project.
func (c Category) Capabilities(g *access.Grants) Capabilities {
	return Capabilities{Manage: g.Has(access.ManageCategories, c.ProjectID)}
}

// rows is the query of categories, open for a condition.
const rows = `SELECT c.id, c.project_id, c.name, c.assigned_to_id, c.created_at, c.updated_at, p.name AS project_name,
	COALESCE(u.firstname, '') AS firstname, COALESCE(u.lastname, '') AS lastname, COALESCE(u.kind, '') AS kind
	FROM categories c JOIN projects p ON p.id = c.project_id LEFT JOIN users u ON u.id = c.assigned_to_id WHERE`

// Find returns one category.
//
// Faults: NotFound when actor may not see its project.
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Category) (*Category, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Category, error) { return find(ctx, tx, a, n) })
}

func find(ctx context.Context, tx *db.Tx, a access.Actor, n id.Category) (*Category, error) {
	c, err := db.Find[Category](ctx, tx, "category", db.SQL(rows+` c.id = ? AND`, n).Append(access.VisibleEach("c.project_id", a, access.ViewProject)))
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// List returns the categories of a project by name.
//
// Faults: NotFound when actor may not see the project.
func (s *Service) List(ctx context.Context, a access.Actor, project id.Project) ([]Category, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Category, error) {
		if err := seen(ctx, tx, a, project); err != nil {
			return nil, err
		}
		return db.All[Category](ctx, tx, db.SQL(rows+` c.project_id = ? ORDER BY c.name_folded, c.id`, project))
	})
}

// seen is NotFound for those who may not see the project.
func seen(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) error {
	ok, err := access.Allowed(ctx, tx, a, access.ViewProject, project)
	if err == nil && !ok {
		err = fault.NotFound("project")
	}
	return err
}

// Uses counts the work packages of categories that the actor may see.
func (s *Service) Uses(ctx context.Context, a access.Actor, project id.Project) (map[id.Category]int, error) {
	type row struct {
		ID    id.Category `db:"category_id"`
		Count int         `db:"n"`
	}
	counted, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](ctx, tx, db.SQL(`SELECT w.category_id, COUNT(*) AS n FROM work_packages w JOIN categories c ON c.id = w.category_id
			WHERE w.deleted_at IS NULL AND c.project_id = ? AND`, project).
			Append(access.Visible("w.project_id", a, access.ViewWorkPackages)).Add(`GROUP BY w.category_id`))
	})
	out := map[id.Category]int{}
	for _, r := range counted {
		out[r.ID] = r.Count
	}
	return out, err
}

// Assignees returns the names of those who can be assigned work in the project.
//
// Faults: as Create.
func (s *Service) Assignees(ctx context.Context, a access.Actor, project id.Project) ([]Assignee, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Assignee, error) {
		if err := mayManage(ctx, tx, a, project); err != nil {
			return nil, err
		}
		return db.All[Assignee](ctx, tx, db.SQL(`SELECT u.id, u.firstname, u.lastname FROM users u WHERE`).
			Append(access.Assignable(project)).Add(`ORDER BY u.name_folded, u.id`))
	})
}

// Assignee is someone who can be assigned work.
type Assignee struct {
	ID                  id.User
	Firstname, Lastname string
}

// Name is the whole name.
func (u Assignee) Name() string {
	return Category{AssigneeFirstname: u.Firstname, AssigneeLastname: u.Lastname}.AssigneeName()
}
