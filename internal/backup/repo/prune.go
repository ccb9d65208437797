package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

const condemnedPrefix = "condemned/"

// condemnedDoc names what a prune wants to delete.
type condemnedDoc struct {
	At        time.Time `json:"at"`
	Packs     []Hash    `json:"packs,omitempty"`
	Manifests []Hash    `json:"manifests,omitempty"`
}

// condemned calls fn for every list of what a prune wants to delete. Writers act
// as if it were gone.
func (r *Repository) condemned(ctx context.Context, fn func(condemnedDoc)) error {
	return r.store.List(ctx, condemnedPrefix, func(i objstore.Info) error {
		var d condemnedDoc
		_, err := r.getRecord(ctx, i.Name, &d)
		if errors.Is(err, objstore.ErrNotFound) { // the prune has just ended
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what is condemned: %w", err)
		}
		fn(d)
		return nil
	})
}
