package backup

import "github.com/holdfast/holdfast/internal/backup/repo"

// Use makes r the repository of the place.
func (p *Place) Use(r *repo.Repository) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repo = r
}
