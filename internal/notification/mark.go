package notification

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// Mark sets one of the actor's notifications read or unread.
//
// Faults: NotFound for those of others and of what the actor may not see.
func (s *Service) Mark(ctx context.Context, a access.Actor, n id.Notification, read bool) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, ok, err := db.One[id.Notification](ctx, tx, db.SQL(`SELECT n.id FROM `+tables+` WHERE n.id = ? AND`, n).Append(mine(a)))
		if err == nil && !ok {
			err = fault.NotFound("notification")
		}
		if err != nil {
			return err
		}
		_, err = mark(ctx, tx, a, db.SQL(`id = ?`, n), read)
		return err
	})
}

// MarkAll sets all of the actor's notifications that match read or unread, and
// returns how many were not yet.
//
// Faults: Unauthenticated for visitors, Invalid for filters that are not known.
func (s *Service) MarkAll(ctx context.Context, a access.Actor, filters []filter.Condition, read bool) (int64, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return 0, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (int64, error) {
		where, err := ListInput{Filters: filters}.where(a, tx)
		if err != nil {
			return 0, err
		}
		return mark(ctx, tx, a, db.SQL(`id IN (SELECT n.id FROM `+tables+` WHERE`).Append(where).Add(`)`), read)
	})
}

// Opened marks what the actor was told of a work package as read, because it was opened. It
// stays in the inbox.
func (s *Service) Opened(ctx context.Context, a access.Actor, wp id.WorkPackage) error {
	if !a.SignedIn() {
		return nil
	}
	unread, err := db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) {
		_, ok, err := db.One[id.Notification](ctx, tx, db.SQL(`SELECT id FROM notifications
			WHERE recipient_id = ? AND work_package_id = ? AND read_at IS NULL LIMIT 1`, a.ID, wp))
		return ok, err
	})
	if err != nil || !unread { // nothing is written where nothing changes
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, err := Step{Op: MarkedRead}.take(ctx, tx, a, db.SQL(`work_package_id = ?`, wp))
		return err
	})
}

// mark sets read and, as API v3 knows no more than that, done with or in the inbox.
func mark(ctx context.Context, tx *db.Tx, a access.Actor, which db.Frag, read bool) (int64, error) {
	set := db.SQL(`UPDATE notifications SET read_at = NULL, done_at = NULL, snoozed_until = NULL, updated_at = ? WHERE read_at IS NOT NULL AND`, tx.Stamp())
	if read {
		set = db.SQL(`UPDATE notifications SET read_at = COALESCE(read_at, ?), done_at = ?, snoozed_until = NULL, updated_at = ?
			WHERE (read_at IS NULL OR done_at IS NULL) AND`, tx.Stamp(), tx.Stamp(), tx.Stamp())
	}
	n, err := db.Exec(ctx, tx, set.Add(`recipient_id = ? AND`, a.ID).Append(which))
	if err != nil || n == 0 {
		return n, err
	}
	return n, announce(ctx, tx, []id.User{a.ID})
}

// Purge forgets notifications that were read longer ago than keep.
func (s *Service) Purge(ctx context.Context, keep time.Duration) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM notifications WHERE read_at < ?`, db.At(tx.Now().Add(-keep))))
		return err
	})
}
