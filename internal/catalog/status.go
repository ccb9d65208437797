package catalog

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Statuses returns all statuses in their order.
func (s *Service) Statuses(ctx context.Context, a access.Actor) ([]Status, error) {
	return read(ctx, s, a, func(tx *db.Tx) ([]Status, error) { return list[Status](ctx, tx, statuses) })
}

// Status returns one status.
//
// Faults: NotFound when there is none.
func (s *Service) Status(ctx context.Context, a access.Actor, n id.Status) (*Status, error) {
	return read(ctx, s, a, func(tx *db.Tx) (*Status, error) { return find[Status](ctx, tx, statuses, n) })
}

// CreateStatus adds a status at the end. The first one is the default.
func (s *Service) CreateStatus(ctx context.Context, a access.Actor, p StatusPatch) (*Status, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Status, error) { return createStatus(ctx, tx, a, p) })
}

func createStatus(ctx context.Context, tx *db.Tx, a access.Actor, p StatusPatch) (*Status, error) {
	var st Status
	st.apply(p)
	return &st, insertStatus(ctx, tx, a, &st, journal.Change{})
}

// insertStatus saves a new status, or one that comes back under its number.
func insertStatus(ctx context.Context, tx *db.Tx, a access.Actor, st *Status, c journal.Change) error {
	cols, vals, err := placed(ctx, tx, statuses, int64(st.ID), &st.Position)
	if err != nil {
		return err
	}
	st.Default = st.Default || st.Position == 1 && cols == ""
	if err := st.check(ctx, tx, false); err != nil {
		return err
	}
	if st.Default {
		if err := clearDefault[Status](ctx, tx, a, statuses, c); err != nil {
			return err
		}
	}
	st.CreatedAt, st.UpdatedAt = tx.Stamp(), tx.Stamp()
	st.ID, err = db.Insert[id.Status](ctx, tx, db.SQL(`INSERT INTO statuses (`+cols+`name, color, position, is_default, is_closed, is_readonly,
		excluded_from_totals, default_done_ratio, created_at, updated_at) VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		st.Name, st.Color, st.Position, st.Default, st.Closed, st.ReadOnly, st.ExcludedFromTotals, st.DoneRatio,
		st.CreatedAt, st.UpdatedAt))
	if err != nil {
		return err
	}
	return record(ctx, tx, a, statuses, int64(st.ID), st, c)
}

func (st *Status) apply(p StatusPatch) {
	st.Name = trimmed(p.Name.Or(st.Name))
	st.Color = p.Color.Or(st.Color)
	st.Default = p.Default.Or(st.Default)
	st.Closed = p.Closed.Or(st.Closed)
	st.ReadOnly = p.ReadOnly.Or(st.ReadOnly)
	st.ExcludedFromTotals = p.ExcludedFromTotals.Or(st.ExcludedFromTotals)
	st.DoneRatio = p.DoneRatio.Or(st.DoneRatio)
}

// check refuses bad values; the one default cannot stop being it by itself.
func (st *Status) check(ctx context.Context, tx *db.Tx, wasDefault bool) error {
	var p problems
	if err := p.nameAndColour(ctx, tx, statuses, int64(st.ID), st.Name, st.Color); err != nil {
		return err
	}
	if st.DoneRatio != nil && (*st.DoneRatio < 0 || *st.DoneRatio > 100) {
		p.add("defaultDoneRatio", "inclusion")
	}
	if wasDefault && !st.Default {
		p.add("isDefault", "default_required")
	}
	if st.Default && st.ReadOnly {
		p.add("isReadonly", "default_read_only")
	}
	return p.err()
}

// UpdateStatus changes a status. Making one the default takes that from the one before.
func (s *Service) UpdateStatus(ctx context.Context, a access.Actor, n id.Status, p StatusPatch) (*Status, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Status, error) {
		st, err := find[Status](ctx, tx, statuses, n)
		if err != nil {
			return nil, err
		}
		return st, updateStatus(ctx, tx, a, st, p, journal.Change{})
	})
}

func updateStatus(ctx context.Context, tx *db.Tx, a access.Actor, st *Status, p StatusPatch, c journal.Change) error {
	was := st.Default
	st.apply(p)
	if err := st.check(ctx, tx, was); err != nil {
		return err
	}
	if st.Default && !was {
		if err := clearDefault[Status](ctx, tx, a, statuses, c); err != nil {
			return err
		}
	}
	st.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE statuses SET name = ?, color = ?, is_default = ?, is_closed = ?, is_readonly = ?,
		excluded_from_totals = ?, default_done_ratio = ?, updated_at = ? WHERE id = ?`, st.Name, st.Color, st.Default,
		st.Closed, st.ReadOnly, st.ExcludedFromTotals, st.DoneRatio, st.UpdatedAt, st.ID)); err != nil {
		return err
	}
	return record(ctx, tx, a, statuses, int64(st.ID), st, c)
}

// DeleteStatus removes a status that no work package has, with its workflow
// steps. The default is never removed.
func (s *Service) DeleteStatus(ctx context.Context, a access.Actor, n id.Status) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int64, error) {
		st, err := find[Status](ctx, tx, statuses, n)
		if err != nil {
			return 0, err
		}
		return 0, dropStatus(ctx, tx, a, st, journal.Change{})
	})
	return err
}

func dropStatus(ctx context.Context, tx *db.Tx, a access.Actor, st *Status, c journal.Change) error {
	if st.Default {
		return fault.InvalidField("base", "default_required")
	}
	if err := refuseUsed(ctx, tx, int64(st.ID), map[string]string{
		"work_packages": `SELECT COUNT(*) FROM work_packages WHERE status_id = ?`,
	}); err != nil {
		return err
	}
	if err := forgetStatus(ctx, tx, a, st.ID, c); err != nil {
		return err
	}
	if err := record(ctx, tx, a, statuses, int64(st.ID), nil, c); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM statuses WHERE id = ?`, st.ID))
	return err
}

// MoveStatus puts a status at the 1-based position among its peers.
func (s *Service) MoveStatus(ctx context.Context, a access.Actor, n id.Status, to int) error {
	return place[Status](ctx, s, a, statuses, int64(n), to)
}
