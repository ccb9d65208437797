package notification

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Switches returns what the actor is told of, for each reason.
//
// Faults: Unauthenticated for visitors.
func (s *Service) Switches(ctx context.Context, a access.Actor) (map[Reason]bool, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, err
	}
	type row struct {
		Reason Reason `db:"reason"`
		Told   bool   `db:"told"`
	}
	rows, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](ctx, tx, db.SQL(`SELECT reason, told FROM notification_switches WHERE user_id = ?`, a.ID))
	})
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
	insert := db.SQL(`INSERT INTO notification_switches (user_id, reason, told) VALUES`)
	n := 0
	for _, r := range reasons {
		on, named := told[r]
		if !named || on == r.standard() {
			continue
		}
		if n > 0 {
			insert = insert.Add(`,`)
		}
		insert = insert.Add(`(?, ?, ?)`, a.ID, r, on)
		n++
	}
	for r := range told {
		if !slices.Contains(reasons[1:], r) {
			return fault.InvalidField("reason", "inclusion")
		}
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM notification_switches WHERE user_id = ?`, a.ID)); err != nil || n == 0 {
			return err
		}
		_, err := db.Exec(ctx, tx, insert)
		return err
	})
}
