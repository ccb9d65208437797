package catalog

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Types returns all types in their order.
//
// Faults: Unauthenticated for visitors who may see no work packages anywhere;
// the same holds for everything in this package that only reads.
func (s *Service) Types(ctx context.Context, a access.Actor) ([]Type, error) {
	return read(ctx, s, a, func(tx *db.Tx) ([]Type, error) { return list[Type](ctx, tx, types) })
}

// ProjectTypes returns the types that are on in a project, in their order.
//
// Faults: NotFound when actor may not see the project.
func (s *Service) ProjectTypes(ctx context.Context, a access.Actor, project id.Project) ([]Type, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Type, error) {
		seen, err := access.Allowed(ctx, tx, a, access.ViewProject, project)
		if err != nil {
			return nil, err
		}
		if !seen {
			return nil, fault.NotFound("project")
		}
		return db.All[Type](ctx, tx, db.SQL(`SELECT `+types.columns+` FROM types
			WHERE id IN (SELECT type_id FROM projects_types WHERE project_id = ?) ORDER BY position, id`, project))
	})
}

// Type returns one type.
//
// Faults: NotFound when there is none.
func (s *Service) Type(ctx context.Context, a access.Actor, n id.Type) (*Type, error) {
	return read(ctx, s, a, func(tx *db.Tx) (*Type, error) { return find[Type](ctx, tx, types, n) })
}

// CreateType adds a type at the end.
//
// Faults: Forbidden for everyone but administrators, Invalid with one entry
// per refused field; the same holds for everything in this package that writes.
func (s *Service) CreateType(ctx context.Context, a access.Actor, p TypePatch) (*Type, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Type, error) { return createType(ctx, tx, a, p) })
}

func createType(ctx context.Context, tx *db.Tx, a access.Actor, p TypePatch) (*Type, error) {
	t := Type{InRoadmap: true}
	t.apply(p)
	return &t, insertType(ctx, tx, a, &t, journal.Change{})
}

// insertType saves a new type, or one that comes back under its number.
func insertType(ctx context.Context, tx *db.Tx, a access.Actor, t *Type, c journal.Change) error {
	if err := t.check(ctx, tx); err != nil {
		return err
	}
	cols, vals, err := placed(ctx, tx, types, int64(t.ID), &t.Position)
	if err != nil {
		return err
	}
	t.CreatedAt, t.UpdatedAt = tx.Stamp(), tx.Stamp()
	t.ID, err = db.Insert[id.Type](ctx, tx, db.SQL(`INSERT INTO types (`+cols+`name, color, position, is_default, is_milestone, is_in_roadmap,
		description, created_at, updated_at) VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		t.Name, t.Color, t.Position, t.Default, t.Milestone, t.InRoadmap, t.Description, t.CreatedAt, t.UpdatedAt))
	if err != nil {
		return err
	}
	return record(ctx, tx, a, types, int64(t.ID), t, c)
}

func (t *Type) apply(p TypePatch) {
	t.Name = trimmed(p.Name.Or(t.Name))
	t.Color = p.Color.Or(t.Color)
	t.Description = p.Description.Or(t.Description)
	t.Default = p.Default.Or(t.Default)
	t.Milestone = p.Milestone.Or(t.Milestone)
	t.InRoadmap = p.InRoadmap.Or(t.InRoadmap)
}

func (t *Type) check(ctx context.Context, tx *db.Tx) error {
	var p problems
	if err := p.nameAndColour(ctx, tx, types, int64(t.ID), t.Name, t.Color); err != nil {
		return err
	}
	return p.err()
}

// UpdateType changes a type.
func (s *Service) UpdateType(ctx context.Context, a access.Actor, n id.Type, p TypePatch) (*Type, error) {
	return write(ctx, s, a, func(tx *db.Tx) (*Type, error) {
		t, err := find[Type](ctx, tx, types, n)
		if err != nil {
			return nil, err
		}
		return t, updateType(ctx, tx, a, t, p, journal.Change{})
	})
}

func updateType(ctx context.Context, tx *db.Tx, a access.Actor, t *Type, p TypePatch, c journal.Change) error {
	t.apply(p)
	if err := t.check(ctx, tx); err != nil {
		return err
	}
	t.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE types SET name = ?, color = ?, is_default = ?, is_milestone = ?,
		is_in_roadmap = ?, description = ?, updated_at = ? WHERE id = ?`,
		t.Name, t.Color, t.Default, t.Milestone, t.InRoadmap, t.Description, t.UpdatedAt, t.ID)); err != nil {
		return err
	}
	return record(ctx, tx, a, types, int64(t.ID), t, c)
}

// DeleteType removes a type that no work package has. It goes from the
// projects that had it on, and its workflow goes with it.
func (s *Service) DeleteType(ctx context.Context, a access.Actor, n id.Type) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int64, error) {
		t, err := find[Type](ctx, tx, types, n)
		if err != nil {
			return 0, err
		}
		return 0, dropType(ctx, tx, a, t, journal.Change{})
	})
	return err
}

func dropType(ctx context.Context, tx *db.Tx, a access.Actor, t *Type, c journal.Change) error {
	if err := refuseUsed(ctx, tx, int64(t.ID), map[string]string{
		"work_packages": `SELECT COUNT(*) FROM work_packages WHERE type_id = ?`,
	}); err != nil {
		return err
	}
	if err := record(ctx, tx, a, types, int64(t.ID), nil, c); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM types WHERE id = ?`, t.ID))
	return err
}

// MoveType puts a type at the 1-based position among its peers.
func (s *Service) MoveType(ctx context.Context, a access.Actor, n id.Type, to int) error {
	return place[Type](ctx, s, a, types, int64(n), to)
}
