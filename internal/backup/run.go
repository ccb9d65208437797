package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/plural"
)

// lease is how long a runner that shows no sign of life counts as alive.
const lease = 2 * time.Minute

// Reasons of failed backups.
const (
	reasonInterrupted = "the server stopped while the backup was running"
	reasonForbidden   = "the requester may not make backups any more"
	reasonAbandoned   = "no worker began it within a day"
)

// errCancelled ends a run that somebody cancelled.
var errCancelled = errors.New("the backup was cancelled")

// Run makes the queued backup. It is the handler of the job RunArgs and may be
// called again after anything: a backup that is over stays as it is, one whose
// runner died becomes failed. When ctx ends, the backup is queued again and
// ctx's error returned, so that the next worker begins anew.
func (s *Service) Run(ctx context.Context, n id.Backup) error {
	b, err := s.begin(ctx, n)
	if err != nil || b.State != Running {
		return err
	}
	done := b
	f, runErr := openPart(s.spool(b.ID))
	if runErr == nil {
		defer func() { _ = f.Close() }() // was fsynced; with it goes the lock
		done, runErr = s.produce(ctx, b, nil)
	}
	if runErr != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), s.giveBack(context.WithoutCancel(ctx), b), remove(s.spool(b.ID)+part))
	}
	_, err = s.finish(context.WithoutCancel(ctx), done, runErr)
	return errors.Join(err, remove(s.spool(b.ID)+part))
}

// begin takes the backup, or returns it in the state that leaves nothing to do.
func (s *Service) begin(ctx context.Context, n id.Backup) (Backup, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Backup, error) {
		b, err := findBackup(ctx, tx, n)
		if err != nil || b.State.Final() {
			return b, err
		}
		if b.State == Running {
			return s.orphan(ctx, tx, b)
		}
		allowed, err := s.stillAllowed(ctx, tx, b)
		if err != nil {
			return b, err
		}
		if !allowed {
			return b, s.close(ctx, tx, &b, Failed, reasonForbidden)
		}
		at := tx.Stamp()
		b.State, b.StartedAt, b.File = Running, &at, spoolName(b.ID)
		if err := saveBackup(ctx, tx, b); err != nil {
			return b, err
		}
		if err := attachment.Pin(ctx, tx, b.holder(), tx.Now().Add(lease)); err != nil {
			return b, err
		}
		if err := s.record(ctx, tx, access.System("backup"), "backup.start", b.holder(), audit.OK, nil); err != nil {
			return b, err
		}
		return b, s.setStatus(ctx, tx, b, jobStatus{status: job.InProcess})
	})
}

// orphan fails a running backup whose runner shows no sign of life.
func (s *Service) orphan(ctx context.Context, tx *db.Tx, b Backup) (Backup, error) {
	alive, err := attachment.Pinned(ctx, tx, b.holder())
	if err != nil {
		return b, err
	}
	if alive && !abandoned(s.path(b)) {
		return b, fault.Conflict(fmt.Sprintf("backup %d is running elsewhere", b.ID))
	}
	return b, s.close(ctx, tx, &b, Failed, reasonInterrupted)
}

// stillAllowed looks at the requester as he is now.
func (s *Service) stillAllowed(ctx context.Context, tx *db.Tx, b Backup) (bool, error) {
	if b.UserID == nil {
		return true, nil
	}
	a, ok, err := freshActor(ctx, tx, *b.UserID)
	if err != nil || !ok || !s.deps.Enabled {
		return false, err
	}
	return access.Allowed(ctx, tx, a, access.CreateBackup, 0)
}

// freshActor returns the user as an actor with today's rights, unless it may not act.
func freshActor(ctx context.Context, tx *db.Tx, user id.User) (access.Actor, bool, error) {
	type row struct {
		Login string `db:"login"`
		Admin bool   `db:"admin"`
	}
	r, ok, err := db.One[row](ctx, tx, db.SQL(`SELECT COALESCE(login, '') AS login, admin FROM users
		WHERE id = ? AND kind = 'User' AND status = ? AND deleted_at IS NULL`, user, account.Active))
	return access.Actor{Kind: access.Person, ID: user, Login: r.Login, Name: r.Login, Admin: r.Admin}, ok, err
}

// produce takes the snapshot, and writes its archive where one is asked for. It
// returns the backup with what it found out; nothing is saved yet.
func (s *Service) produce(ctx context.Context, b Backup, write func(context.Context, Summary) error) (Backup, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &meter{}
	var beats sync.WaitGroup
	running := b // what follows changes b while the beats go on
	beats.Go(func() { s.beat(ctx, running, m, cancel) })
	defer func() { cancel(nil); beats.Wait() }()
	sum, err := s.deps.Engine.Create(ctx, EngineOptions{Attachments: b.IncludeAttachments, Progress: m.set})
	if err == nil && write != nil {
		err = write(ctx, sum)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errCancelled) {
			err = errCancelled
		}
		return b, err
	}
	b.Snapshot, b.SHA256, b.Size, b.Added = sum.Snapshot, sum.SHA256, sum.Size, sum.Added
	b.RowCount, b.FileCount, b.FileBytes = sum.Rows, sum.Files, sum.FileBytes
	missing, err := s.named(ctx, sum.Missing)
	if err != nil {
		return b, err
	}
	b.MissingJSON = mustJSON(missing)
	b.ProgressJSON = mustJSON(m.get())
	return b, nil
}

// named adds the names under which people know the files.
func (s *Service) named(ctx context.Context, missing []Missing) ([]Missing, error) {
	type file struct {
		SHA256 string `db:"sha256"`
		Name   string `db:"name"`
	}
	out := append([]Missing{}, missing...)
	for page := range slices.Chunk(out, 500) {
		var hashes []string
		for _, m := range page {
			hashes = append(hashes, m.SHA256)
		}
		files, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]file, error) {
			return db.All[file](ctx, tx, db.SQL(`SELECT sha256, MIN(file_name) AS name FROM attachments WHERE`).Append(db.In("sha256", hashes)).Add(`GROUP BY sha256`))
		})
		if err != nil {
			return nil, err
		}
		names := map[string]string{}
		for _, f := range files {
			names[f.SHA256] = f.Name
		}
		for i, m := range page {
			page[i].Name = cmp.Or(names[m.SHA256], m.Name, m.SHA256)
		}
	}
	return out, nil
}

// meter holds the latest progress between beats.
type meter struct {
	mu sync.Mutex
	p  Progress
}

func (m *meter) set(p Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p = p
}

func (m *meter) get() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.p
}

// beat saves the progress, renews the lease and looks for a cancellation, in
// short transactions of its own, until ctx ends.
func (s *Service) beat(ctx context.Context, b Backup, m *meter, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(s.deps.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stop, err := s.pulse(ctx, b, m.get())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.deps.Log.WarnContext(ctx, "save backup progress", "backup_id", b.ID, "error", err)
		case stop:
			cancel(errCancelled)
			return
		}
	}
}

func (s *Service) pulse(ctx context.Context, b Backup, p Progress) (stop bool, err error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (bool, error) {
		now, err := findBackup(ctx, tx, b.ID)
		if err != nil {
			return false, err
		}
		if now.State != Running || now.CancelRequested {
			return true, nil
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET progress = ? WHERE id = ?`, mustJSON(p), b.ID)); err != nil {
			return false, err
		}
		if err := attachment.Pin(ctx, tx, b.holder(), tx.Now().Add(lease)); err != nil {
			return false, err
		}
		return false, s.setStatus(ctx, tx, b, jobStatus{status: job.InProcess, payload: map[string]any{"progress": p}})
	})
}

// finish stores how the run ended and returns the final state.
func (s *Service) finish(ctx context.Context, b Backup, runErr error) (State, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (State, error) {
		now, err := findBackup(ctx, tx, b.ID)
		if err != nil {
			return Failed, err
		}
		if now.State != Running {
			return now.State, fmt.Errorf("backup %d was ended as %s meanwhile", b.ID, now.State)
		}
		done := b
		state, why := outcome(done, now.CancelRequested, runErr)
		if at := tx.Stamp(); state.Good() {
			done.VerifiedAt = &at
		}
		return state, s.close(ctx, tx, &done, state, why)
	})
}

func outcome(b Backup, cancelled bool, runErr error) (State, string) {
	switch {
	case cancelled || errors.Is(runErr, errCancelled):
		return Cancelled, ""
	case runErr != nil:
		return Failed, reason(runErr)
	case len(b.MissingFiles()) > 0:
		return Incomplete, ""
	}
	return Complete, ""
}

// reason words an error for the requester. Anything unknown stays in the log's
// words: the requester may read the whole database anyway.
func reason(err error) string {
	if why, _, full := archive.Full(err); full {
		return why
	}
	return err.Error()
}

// close brings a backup to its final state: row, job status, audit, mail, pin.
func (s *Service) close(ctx context.Context, tx *db.Tx, b *Backup, state State, why string) error {
	at := tx.Stamp()
	b.State, b.Error, b.FinishedAt = state, why, &at
	if !filepath.IsAbs(b.File) {
		b.File = "" // was the sign of life
	}
	if !state.Good() {
		b.File, b.Size, b.Snapshot, b.SHA256, b.VerifiedAt = "", 0, "", "", nil
	}
	if err := saveBackup(ctx, tx, *b); err != nil {
		return err
	}
	if err := attachment.Unpin(ctx, tx, b.holder()); err != nil {
		return err
	}
	result := audit.OK
	if state == Failed {
		result = audit.Failed
	}
	detail := map[string]any{"size": b.Size, "snapshot": b.Snapshot, "sha256": b.SHA256, "rows": b.RowCount, "files": b.FileCount, "missing": len(b.MissingFiles()), "error": why}
	if err := s.record(ctx, tx, access.System("backup"), "backup."+string(state), backupObject(b.ID), result, detail); err != nil {
		return err
	}
	if err := s.setStatus(ctx, tx, *b, finalStatus(*b)); err != nil {
		return err
	}
	if state == Cancelled {
		return nil
	}
	if state == Complete && b.Source == SourceSchedule {
		if _, err := job.Enqueue(ctx, tx, PingArgs{}); err != nil {
			return err
		}
		return nil // good news of every night would bury the bad
	}
	return s.mailResult(ctx, tx, *b)
}

func finalStatus(b Backup) jobStatus {
	switch b.State {
	case Complete, Incomplete:
		st := jobStatus{status: job.Success, payload: map[string]any{"download": DownloadPath(b.ID), "mime_type": "application/zip"}}
		if n := len(b.MissingFiles()); n > 0 {
			st.message = "incomplete: " + plural.Of(n, "file") + " could not be read"
			st.payload["incomplete"], st.payload["missing"] = true, n
		}
		return st
	case Cancelled:
		return jobStatus{status: job.Cancelled, message: "the backup was cancelled"}
	default:
		return jobStatus{status: job.Failure, message: b.Error}
	}
}

// giveBack queues a backup again that the server's end interrupted.
func (s *Service) giveBack(ctx context.Context, b Backup) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		b.State, b.StartedAt, b.File = Queued, nil, ""
		if err := saveBackup(ctx, tx, b); err != nil {
			return err
		}
		if err := attachment.Unpin(ctx, tx, b.holder()); err != nil {
			return err
		}
		return s.setStatus(ctx, tx, b, jobStatus{status: job.InQueue, message: "the server was restarted"})
	})
}

// Cancel ends a queued or running backup: the former at once, the latter within
// a second or two.
//
// Faults: NotFound when backups are off, it is not there or the actor may not
// see it; Unauthenticated; Forbidden; Conflict when it is over.
func (s *Service) Cancel(ctx context.Context, a access.Actor, n id.Backup) (Backup, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Backup, error) {
		b, err := s.visible(ctx, tx, a, n)
		if err != nil {
			return Backup{}, err
		}
		if b.State.Final() {
			return Backup{}, fault.Conflict("the backup is over already")
		}
		if err := s.record(ctx, tx, a, "backup.cancel", backupObject(n), audit.OK, nil); err != nil {
			return Backup{}, err
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET cancel_requested = TRUE WHERE id = ?`, n)); err != nil {
			return Backup{}, err
		}
		b.CancelRequested = true
		if b.State == Queued {
			err = s.close(ctx, tx, &b, Cancelled, "")
		}
		return b, err
	})
}
