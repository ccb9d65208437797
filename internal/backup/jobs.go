package backup

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

// statusReference is what a backup's job status refers to, as in OpenProject.
const statusReference = "Export"

// RunArgs are the arguments of the job that makes a backup.
type RunArgs struct {
	ID id.Backup `json:"id"`
}

// Kind names the job.
func (RunArgs) Kind() string { return "backup.run" }

// RecoverArgs is the periodic job that ends what dead runners left.
type RecoverArgs struct{}

// Kind names the job.
func (RecoverArgs) Kind() string { return "backup.recover" }

// Register says who carries out the jobs of this package.
func (s *Service) Register(r *job.Runner) {
	job.Register(r, func(ctx context.Context, a RunArgs) error { return s.Run(ctx, a.ID) })
	job.Register(r, func(ctx context.Context, _ RecoverArgs) error { return s.Recover(ctx, false) })
	r.Every("backup recovery", 5*time.Minute, RecoverArgs{})
	s.registerUpkeep(r)
}

// jobStatus is what a client that polls is told.
type jobStatus struct {
	status  string
	message string
	payload map[string]any
}

func (s *Service) setStatus(ctx context.Context, tx *db.Tx, b Backup, st jobStatus) error {
	if b.status() == "" {
		return nil
	}
	payload := ""
	if st.payload != nil {
		payload = mustJSON(st.payload)
	}
	return job.SetStatus(ctx, tx, b.status(), st.status, st.message, payload)
}
