package category

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/journal"
)

// Saved is a category as a backup holds it.
type Saved struct {
	Category
	History []journal.Entry
}

// Reinstate brings a category that is gone back under its number, with its history
// where that is gone, too; the return is a change of its own, with cause. What it
// sorts is the caller's to bring back. One that is there is left alone. The note says
// what came back otherwise than it was.
//
// Faults: Forbidden for everyone but administrators and the operator.
func (s *Service) Reinstate(ctx context.Context, a access.Actor, saved Saved, cause string) (done bool, note string, err error) {
	err = db.Do(ctx, s.db, func(tx *db.Tx) error {
		done, note = false, "" // it may run twice
		if err := mayReinstate(a); err != nil {
			return err
		}
		there, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM categories WHERE id = ?`, saved.ID))
		if err != nil || there > 0 {
			return err
		}
		done = true
		c := saved.Category
		used, err := db.All[string](ctx, tx, db.SQL(`SELECT name_folded FROM categories WHERE project_id = ?`, c.ProjectID))
		if err != nil {
			return err
		}
		if c.Name = db.Another(c.Name, MaxName, used); c.Name != saved.Name {
			note = fmt.Sprintf("the name of category %d, %s, is taken; it gets %s", c.ID, saved.Name, c.Name)
		}
		c.UpdatedAt = tx.Stamp()
		if c.AssigneeID != nil {
			if note, err = c.assignable(ctx, tx, note); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO categories
			(id, project_id, name, name_folded, assigned_to_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.ProjectID, c.Name, db.Fold(c.Name), c.AssigneeID, c.CreatedAt, c.UpdatedAt)); err != nil {
			return taken(err)
		}
		if err := journal.Return(ctx, tx, saved.History); err != nil {
			return err
		}
		return record(ctx, tx, a, &c, false, journal.Change{Cause: cause})
	})
	return done, note, err
}

// assignable lets go of an assignee who cannot be assigned work in the project any more.
func (c *Category) assignable(ctx context.Context, tx *db.Tx, note string) (string, error) {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM users u WHERE u.id = ? AND`, *c.AssigneeID).Append(access.Assignable(c.ProjectID)))
	if err != nil || n > 0 {
		return note, err
	}
	if note != "" {
		note += "; "
	}
	note += fmt.Sprintf("the assignee of category %d, user %d, cannot be assigned work there any more and is left out", c.ID, *c.AssigneeID)
	c.AssigneeID = nil
	return note, nil
}

func mayReinstate(a access.Actor) error {
	if a.Kind == access.Machine {
		return nil
	}
	return access.RequireAdmin(a)
}
