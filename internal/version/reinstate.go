package version

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/journal"
)

// Saved is a version as a backup holds it.
type Saved struct {
	Version
	History []journal.Entry
}

// Reinstate brings a version that is gone back under its number, shared as it was
// saved, with its history where that is gone, too; the return is a change of its own,
// with cause. What planned for it is the caller's to bring back. One that is there is
// left alone. The note says what came back otherwise than it was.
//
// Faults: Forbidden for everyone but administrators and the operator.
func (s *Service) Reinstate(ctx context.Context, a access.Actor, saved Saved, cause string) (done bool, note string, err error) {
	err = db.Do(ctx, s.db, func(tx *db.Tx) error {
		done, note = false, "" // it may run twice
		if err := mayReinstate(a); err != nil {
			return err
		}
		there, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM versions WHERE id = ?`, saved.ID))
		if err != nil || there > 0 {
			return err
		}
		done = true
		v := saved.Version
		used, err := db.All[string](ctx, tx, db.SQL(`SELECT name_folded FROM versions WHERE project_id = ?`, v.ProjectID))
		if err != nil {
			return err
		}
		if v.Name = db.Another(v.Name, MaxName, used); v.Name != saved.Name {
			note = fmt.Sprintf("the name of version %d, %s, is taken; it gets %s", v.ID, saved.Name, v.Name)
		}
		v.UpdatedAt = tx.Stamp()
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO versions
			(id, project_id, name, name_folded, description, start_date, effective_date, status, sharing, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			v.ID, v.ProjectID, v.Name, db.Fold(v.Name), v.Description, v.StartDate, v.DueDate, v.Status, v.Sharing, v.CreatedAt, v.UpdatedAt)); err != nil {
			return taken(err)
		}
		if err := journal.Return(ctx, tx, saved.History); err != nil {
			return err
		}
		return record(ctx, tx, a, &v, false, journal.Change{Cause: cause})
	})
	return done, note, err
}

func mayReinstate(a access.Actor) error {
	if a.Kind == access.Machine {
		return nil
	}
	return access.RequireAdmin(a)
}
