package backup

import (
	"context"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
)

// MakeIn makes the repository of the place in a store, as Open does at its address.
func (p *Place) MakeIn(ctx context.Context, s objstore.Store) (*repo.Repository, error) {
	return p.open(ctx, s, true)
}

// Use makes r the repository of the place.
func (p *Place) Use(r *repo.Repository) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repo = r
}

// Troubles are what the engine says of troubles, with the keys of what people read.
func Troubles() map[string]string {
	out := map[string]string{}
	for _, t := range troubles {
		out[t.said] = t.key
	}
	return out
}
