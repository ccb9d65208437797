package notification

import (
	"context"
	"maps"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Switches returns what the actor is told of, for each reason.
//
// Faults: Unauthenticated for visitors.
func (s *Service) Switches(ctx context.Context, a access.Actor) (map[Reason]bool, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[Reason]bool, error) { return switches(ctx, tx, a.ID) })
}

func switches(ctx context.Context, tx *db.Tx, user id.User) (map[Reason]bool, error) {
	type row struct {
		Reason Reason `db:"reason"`
		Told   bool   `db:"told"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT reason, told FROM notification_switches WHERE user_id = ?`, user))
	out := map[Reason]bool{}
	for _, r := range reasons {
		out[r] = r.standard()
	}
	for _, r := range rows {
		out[r.Reason] = r.Told
	}
	return out, err
}

// Switch says what the actor wants to be told of; reasons that are not named go on as
// everybody's do.
//
// Faults: Unauthenticated for visitors, Invalid for what cannot be switched.
func (s *Service) Switch(ctx context.Context, a access.Actor, told map[Reason]bool) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	for r := range told {
		if !slices.Contains(reasons[1:], r) {
			return fault.InvalidField("reason", "inclusion")
		}
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error { return set(ctx, tx, a, told, journal.Change{}) })
}

// UndoSwitch takes the newest change of the actor's switches back. It is a change like
// any other, so that undoing it in turn brings the change back.
//
// Faults: Unauthenticated for visitors, Conflict where nothing was changed.
func (s *Service) UndoSwitch(ctx context.Context, a access.Actor) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		last, err := journal.Newest[map[Reason]bool](ctx, tx, journal.Switches, int64(a.ID))
		if err == nil {
			err = last.OwnedBy(a.ID)
		}
		if err != nil {
			return err
		}
		was := map[Reason]bool{} // as everybody's, before the first change
		if last.Was != nil {
			was = *last.Was
		}
		return set(ctx, tx, a, was, journal.Undoing())
	})
}

// set writes the switches that differ from what everybody is told.
func set(ctx context.Context, tx *db.Tx, a access.Actor, told map[Reason]bool, c journal.Change) error {
	before, err := switches(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM notification_switches WHERE user_id = ?`, a.ID)); err != nil {
		return err
	}
	var rows []db.Frag
	for _, r := range reasons {
		if on, named := told[r]; named && on != r.standard() {
			rows = append(rows, db.SQL(`(?, ?, ?)`, a.ID, r, on))
		}
	}
	if len(rows) > 0 {
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO notification_switches (user_id, reason, told) VALUES`).Append(db.List(rows...))); err != nil {
			return err
		}
	}
	state, err := switches(ctx, tx, a.ID)
	if err != nil || maps.Equal(before, state) {
		return err
	}
	c.EntityType, c.EntityID, c.UserID, c.State = journal.Switches, int64(a.ID), a.ID, state
	_, err = journal.Record(ctx, tx, c)
	return err
}
