package category

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Create makes a category in a project on behalf of actor.
//
// Faults: NotFound when actor may not see the project, Forbidden without the right
// to manage its categories, Invalid with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, project id.Project, p Patch) (*Category, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Category, error) {
		if err := mayManage(ctx, tx, a, project); err != nil {
			return nil, err
		}
		return insert(ctx, tx, a, Category{ProjectID: project}, p, journal.Change{First: true})
	})
}

// insert saves a new category, or one that comes back under its number.
func insert(ctx context.Context, tx *db.Tx, a access.Actor, c Category, p Patch, ch journal.Change) (*Category, error) {
	err := c.apply(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	cols, vals := "", db.SQL(``)
	if c.ID != 0 {
		cols, vals = "id, ", db.SQL(`?,`, c.ID)
	}
	c.ID, err = db.Insert[id.Category](ctx, tx, db.SQL(`INSERT INTO categories (`+cols+`project_id, name, name_folded, assigned_to_id, created_at, updated_at)
		VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?) RETURNING id`, c.ProjectID, c.Name, db.Fold(c.Name), c.AssigneeID, tx.Stamp(), tx.Stamp()))
	if err != nil {
		return nil, taken(err)
	}
	if err := record(ctx, tx, a, &c, false, ch); err != nil {
		return nil, err
	}
	return find(ctx, tx, a, c.ID)
}

// Update applies p on behalf of actor and returns the new state.
//
// Faults: as Create.
func (s *Service) Update(ctx context.Context, a access.Actor, n id.Category, p Patch) (*Category, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Category, error) {
		c, err := managed(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		return c.save(ctx, tx, a, p, journal.Change{})
	})
}

func (c *Category) save(ctx context.Context, tx *db.Tx, a access.Actor, p Patch, ch journal.Change) (*Category, error) {
	before := *c
	if err := c.apply(ctx, tx, p); err != nil {
		return nil, err
	}
	if before.Name == c.Name && same(before.AssigneeID, c.AssigneeID) {
		return c, nil // nothing to save: no history
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE categories SET name = ?, name_folded = ?, assigned_to_id = ?, updated_at = ? WHERE id = ?`,
		c.Name, db.Fold(c.Name), c.AssigneeID, tx.Stamp(), c.ID)); err != nil {
		return nil, taken(err)
	}
	if err := record(ctx, tx, a, c, false, ch); err != nil {
		return nil, err
	}
	return find(ctx, tx, a, c.ID)
}

func same(x, y *id.User) bool { return x == nil && y == nil || x != nil && y != nil && *x == *y }

// Delete removes a category. Its work packages get the category to, which must be
// another one of the project, or none.
//
// Faults: NotFound when actor may not see the project, Forbidden without the right
// to manage its categories, Invalid when to is not a category of the project.
func (s *Service) Delete(ctx context.Context, a access.Actor, n id.Category, to *id.Category) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		c, err := managed(ctx, tx, a, n)
		if err != nil {
			return err
		}
		if to != nil {
			there, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM categories WHERE id = ? AND id <> ? AND project_id = ?`, *to, n, c.ProjectID))
			if err != nil {
				return err
			}
			if there == 0 {
				return fault.InvalidField("reassignTo", "not_available")
			}
		}
		if err := s.work.ReplaceCategory(ctx, tx, a, n, to); err != nil {
			return err
		}
		return remove(ctx, tx, a, c, journal.Change{Apart: true})
	})
}

// remove deletes a category that nothing has any more.
func remove(ctx context.Context, tx *db.Tx, a access.Actor, c *Category, ch journal.Change) error {
	if err := record(ctx, tx, a, c, true, ch); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM categories WHERE id = ?`, c.ID))
	return err
}

// mayManage is NotFound for those who may not see the project, and Forbidden for
// those who may not manage its categories.
func mayManage(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) error {
	if err := seen(ctx, tx, a, project); err != nil {
		return err
	}
	return access.Require(ctx, tx, a, access.ManageCategories, project)
}

func managed(ctx context.Context, tx *db.Tx, a access.Actor, n id.Category) (*Category, error) {
	c, err := find(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	return c, access.Require(ctx, tx, a, access.ManageCategories, c.ProjectID)
}

// apply sets what the patch gives, and is Invalid for what cannot be.
func (c *Category) apply(ctx context.Context, tx *db.Tx, p Patch) error {
	var errs []fault.Field
	c.Name = strings.TrimSpace(p.Name.Or(c.Name))
	switch n := utf8.RuneCountInString(c.Name); {
	case n == 0:
		errs = append(errs, fault.Field{Name: "name", Code: "blank"})
	case n > MaxName:
		errs = append(errs, fault.Field{Name: "name", Code: "too_long", Params: map[string]any{"count": MaxName}})
	}
	others, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM categories WHERE project_id = ? AND name_folded = ? AND id <> ?`,
		c.ProjectID, db.Fold(c.Name), c.ID))
	if err != nil {
		return err
	}
	if others > 0 {
		errs = append(errs, fault.Field{Name: "name", Code: "taken"})
	}
	if p.Assignee.Set && !same(c.AssigneeID, p.Assignee.V) {
		if c.AssigneeID = p.Assignee.V; c.AssigneeID != nil {
			n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM users u WHERE u.id = ? AND`, *c.AssigneeID).Append(access.Assignable(c.ProjectID)))
			if err != nil {
				return err
			}
			if n == 0 {
				errs = append(errs, fault.Field{Name: "assignee", Code: "not_available"})
			}
		}
	}
	return fault.Invalid(errs...)
}

// state is what the journal keeps of a category: everything after a change.
type state struct {
	ProjectID  id.Project `json:"project"`
	Name       string     `json:"name"`
	AssigneeID *id.User   `json:"assignee"`
	Deleted    bool       `json:"deleted,omitempty"`
}

func record(ctx context.Context, tx *db.Tx, a access.Actor, c *Category, gone bool, ch journal.Change) error {
	ch.EntityType, ch.EntityID, ch.UserID = journal.Category, int64(c.ID), a.ID
	ch.State = state{c.ProjectID, c.Name, c.AssigneeID, gone}
	_, err := journal.Record(ctx, tx, ch)
	return err
}

// taken turns the violation of the unique name, met only in a race, into a fault.
func taken(err error) error {
	if db.IsUnique(err) {
		return fault.InvalidField("name", "taken")
	}
	return err
}
