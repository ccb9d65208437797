package catalog

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Priorities returns all priorities in their order, also the inactive ones.
func (s *Service) Priorities(ctx context.Context, a access.Actor) ([]Priority, error) {
	return read(ctx, s, a, func(tx *db.Tx) ([]Priority, error) { return list[Priority](ctx, tx, priorities) })
}

// Priority returns one priority.
//
// Faults: NotFound when there is none.
func (s *Service) Priority(ctx context.Context, a access.Actor, n id.Priority) (*Priority, error) {
	return read(ctx, s, a, func(tx *db.Tx) (*Priority, error) { return find[Priority](ctx, tx, priorities, n) })
}

// CreatePriority adds a priority at the end. The first one is the default.
func (s *Service) CreatePriority(ctx context.Context, a access.Actor, p PriorityPatch) (*Priority, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Priority, error) { return createPriority(ctx, tx, a, p) })
}

func createPriority(ctx context.Context, tx *db.Tx, a access.Actor, p PriorityPatch) (*Priority, error) {
	pr := Priority{Active: true}
	pr.apply(p)
	return &pr, insertPriority(ctx, tx, a, &pr, journal.Change{})
}

// insertPriority saves a new priority, or one that comes back under its number.
func insertPriority(ctx context.Context, tx *db.Tx, a access.Actor, pr *Priority, c journal.Change) error {
	cols, vals, err := placed(ctx, tx, priorities, int64(pr.ID), &pr.Position)
	if err != nil {
		return err
	}
	pr.Default = pr.Default || pr.Position == 1 && cols == ""
	if err := pr.check(ctx, tx, false); err != nil {
		return err
	}
	if pr.Default {
		if err := clearDefault[Priority](ctx, tx, a, priorities, c); err != nil {
			return err
		}
	}
	pr.CreatedAt, pr.UpdatedAt = tx.Stamp(), tx.Stamp()
	pr.ID, err = db.Insert[id.Priority](ctx, tx, db.SQL(`INSERT INTO priorities (`+cols+`name, color, position, is_default, active, created_at, updated_at)
		VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		pr.Name, pr.Color, pr.Position, pr.Default, pr.Active, pr.CreatedAt, pr.UpdatedAt))
	if err != nil {
		return err
	}
	return record(ctx, tx, a, priorities, int64(pr.ID), pr, c)
}

func (pr *Priority) apply(p PriorityPatch) {
	pr.Name = trimmed(p.Name.Or(pr.Name))
	pr.Color = p.Color.Or(pr.Color)
	pr.Default = p.Default.Or(pr.Default)
	pr.Active = p.Active.Or(pr.Active)
}

func (pr *Priority) check(ctx context.Context, tx *db.Tx, wasDefault bool) error {
	var p problems
	if err := p.nameAndColour(ctx, tx, priorities, int64(pr.ID), pr.Name, pr.Color); err != nil {
		return err
	}
	if wasDefault && !pr.Default {
		p.add("isDefault", "default_required")
	}
	if pr.Default && !pr.Active {
		p.add("isActive", "default_active")
	}
	return p.err()
}

// UpdatePriority changes a priority. Making one the default takes that from the one before.
func (s *Service) UpdatePriority(ctx context.Context, a access.Actor, n id.Priority, p PriorityPatch) (*Priority, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Priority, error) {
		pr, err := find[Priority](ctx, tx, priorities, n)
		if err != nil {
			return nil, err
		}
		return pr, updatePriority(ctx, tx, a, pr, p, journal.Change{})
	})
}

func updatePriority(ctx context.Context, tx *db.Tx, a access.Actor, pr *Priority, p PriorityPatch, c journal.Change) error {
	was := pr.Default
	pr.apply(p)
	if err := pr.check(ctx, tx, was); err != nil {
		return err
	}
	if pr.Default && !was {
		if err := clearDefault[Priority](ctx, tx, a, priorities, c); err != nil {
			return err
		}
	}
	pr.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE priorities SET name = ?, color = ?, is_default = ?, active = ?, updated_at = ?
		WHERE id = ?`, pr.Name, pr.Color, pr.Default, pr.Active, pr.UpdatedAt, pr.ID)); err != nil {
		return err
	}
	return record(ctx, tx, a, priorities, int64(pr.ID), pr, c)
}

// DeletePriority removes a priority that no work package has. The default is never removed.
func (s *Service) DeletePriority(ctx context.Context, a access.Actor, n id.Priority) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int64, error) {
		pr, err := find[Priority](ctx, tx, priorities, n)
		if err != nil {
			return 0, err
		}
		return 0, dropPriority(ctx, tx, a, pr, journal.Change{})
	})
	return err
}

func dropPriority(ctx context.Context, tx *db.Tx, a access.Actor, pr *Priority, c journal.Change) error {
	if pr.Default {
		return fault.InvalidField("base", "default_required")
	}
	if err := refuseUsed(ctx, tx, int64(pr.ID), map[string]string{
		"work_packages": `SELECT COUNT(*) FROM work_packages WHERE priority_id = ?`,
	}); err != nil {
		return err
	}
	if err := record(ctx, tx, a, priorities, int64(pr.ID), nil, c); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM priorities WHERE id = ?`, pr.ID))
	return err
}

// MovePriority puts a priority at the 1-based position among its peers.
func (s *Service) MovePriority(ctx context.Context, a access.Actor, n id.Priority, to int) error {
	return place[Priority](ctx, s, a, priorities, int64(n), to)
}
