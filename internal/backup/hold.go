package backup

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Hold keeps a snapshot from being let go, whatever the policy says, until it is released.
type Hold struct {
	Snapshot string  `db:"snapshot"`
	Reason   string  `db:"reason"`
	By       string  `db:"held_by"`
	At       db.Time `db:"held_at"`
}

// maxReason is how long the reason of a hold may be.
const maxReason = 255

// Hold puts a snapshot on hold; its id may be cut to a unique beginning, or be "latest".
//
// Faults: Unauthenticated; Forbidden for everyone but administrators and the
// operator; Invalid for the reason; NotFound for the snapshot; Conflict when it is on hold.
func (s *Service) Hold(ctx context.Context, a access.Actor, snapshot, reason string) (Hold, error) {
	if err := mayCare(a); err != nil {
		return Hold{}, err
	}
	reason = strings.TrimSpace(reason)
	if utf8.RuneCountInString(reason) > maxReason {
		return Hold{}, fault.InvalidField("reason", "too_long")
	}
	r, err := s.deps.Place.Open(ctx)
	if err != nil {
		return Hold{}, err
	}
	snap, err := r.Snapshot(ctx, snapshot)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return Hold{}, fault.NotFound("snapshot")
	}
	if err != nil {
		return Hold{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Hold, error) {
		h := Hold{Snapshot: snap.ID, Reason: reason, By: a.Name, At: tx.Stamp()}
		n, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO backup_holds (snapshot, reason, held_by, held_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			h.Snapshot, h.Reason, h.By, h.At))
		if err == nil && n == 0 {
			err = fault.Conflict("the snapshot is on hold already")
		}
		if err != nil {
			return Hold{}, err
		}
		return h, s.record(ctx, tx, a, "backup.hold", "snapshot "+h.Snapshot, audit.OK, map[string]any{"reason": h.Reason})
	})
}

// Release ends a hold, by a unique beginning of the snapshot's id, or latest. All
// administrators are told, as the next prune may let the snapshot go.
//
// Faults: as Hold; NotFound when no such snapshot is on hold.
func (s *Service) Release(ctx context.Context, a access.Actor, snapshot string) (Hold, error) {
	if err := mayCare(a); err != nil {
		return Hold{}, err
	}
	if snapshot == "latest" { // the newest of all, as Hold has it
		r, err := s.deps.Place.Open(ctx)
		if err != nil {
			return Hold{}, err
		}
		newest, err := r.Snapshot(ctx, snapshot)
		if err != nil {
			return Hold{}, fault.NotFound("snapshot on hold")
		}
		snapshot = newest.ID
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Hold, error) {
		all, err := holds(ctx, tx)
		if err != nil {
			return Hold{}, err
		}
		var found []Hold
		for _, h := range all {
			if snapshot != "" && strings.HasPrefix(h.Snapshot, snapshot) {
				found = append(found, h)
			}
		}
		if len(found) != 1 {
			return Hold{}, fault.NotFound("snapshot on hold")
		}
		h := found[0]
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM backup_holds WHERE snapshot = ?`, h.Snapshot)); err != nil {
			return Hold{}, err
		}
		if err := s.record(ctx, tx, a, "backup.release", "snapshot "+h.Snapshot, audit.OK, map[string]any{"reason": h.Reason, "held_by": h.By}); err != nil {
			return Hold{}, err
		}
		_, _, err = s.mail(ctx, tx, "backup.release", 0, func(to recipient, _ string) letter {
			return letter{subject: to.say.T("mail.released"), link: s.pageLink(), lines: []string{
				to.say.T("mail.released_text", "snapshot", h.Snapshot, "when", to.say.DateTime(h.At.Time), "who", a.Name), to.say.T("mail.released_hint"),
			}}
		})
		return h, err
	})
}

// Holds returns the snapshots on hold, oldest first. Faults as List.
func (s *Service) Holds(ctx context.Context, a access.Actor) ([]Hold, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Hold, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return nil, err
		}
		return holds(ctx, tx)
	})
}

func holds(ctx context.Context, tx *db.Tx) ([]Hold, error) {
	return db.All[Hold](ctx, tx, db.SQL(`SELECT snapshot, reason, held_by, held_at FROM backup_holds ORDER BY snapshot`))
}

// heldSet returns the ids of the snapshots on hold.
func heldSet(ctx context.Context, tx *db.Tx) (map[string]bool, error) {
	all, err := holds(ctx, tx)
	out := make(map[string]bool, len(all))
	for _, h := range all {
		out[h.Snapshot] = true
	}
	return out, err
}
