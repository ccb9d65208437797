package repo

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

const forgottenPrefix = "forgotten/"

// forgottenDoc tells which snapshots were removed on purpose, so that a gap in
// their chain can be told from one that somebody made.
type forgottenDoc struct {
	At        time.Time `json:"at"`
	Reason    string    `json:"reason"`
	Snapshots []link    `json:"snapshots"`
}

// Forget removes snapshots. What only they hold stays until a prune. The reason
// is kept for whoever asks later why a snapshot is gone.
func (r *Repository) Forget(ctx context.Context, reason string, snapshots ...Snapshot) error {
	if len(snapshots) == 0 {
		return nil
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("the clock of the store: %w", err)
	}
	d := forgottenDoc{At: now, Reason: reason}
	for _, s := range snapshots {
		d.Snapshots = append(d.Snapshots, link{s.ID, s.Hash})
	}
	name, err := r.dated(forgottenPrefix, now)
	if err != nil {
		return err
	}
	if err := r.putTight(ctx, name, d); err != nil {
		return fmt.Errorf("note what is forgotten: %w", err)
	}
	for _, s := range snapshots {
		if err := r.store.Delete(ctx, commitPrefix+s.ID); err != nil {
			return fmt.Errorf("forget snapshot %s: %w", s.ID, err)
		}
	}
	return nil
}

// forgotten returns the snapshots that were removed on purpose.
func (r *Repository) forgotten(ctx context.Context) (map[link]bool, error) {
	gone := map[link]bool{}
	err := r.store.List(ctx, forgottenPrefix, func(i objstore.Info) error {
		var d forgottenDoc
		if _, err := r.getRecord(ctx, i.Name, &d); err != nil {
			return err
		}
		for _, l := range d.Snapshots {
			gone[l] = true
		}
		return nil
	})
	return gone, err
}

// dated returns a new name that sorts by time.
func (r *Repository) dated(prefix string, at time.Time) (string, error) {
	var id [4]byte
	if err := r.random(id[:]); err != nil {
		return "", err
	}
	return prefix + at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(id[:]), nil
}
