package backup

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// CheckKind says what a check looks at.
type CheckKind string

// Kinds. Structure is records, manifests and the presence of every pack; Share also
// reads a thirtieth of the packs; Full reads all; Drill restores; Prune removes
// what the policy lets go.
const (
	CheckStructure CheckKind = "structure"
	CheckShare     CheckKind = "share"
	CheckFull      CheckKind = "full"
	CheckDrill     CheckKind = "drill"
	CheckPrune     CheckKind = "prune"
	// CheckRestore and CheckUndo record what became of a restore ordered on the page.
	CheckRestore CheckKind = "restore"
	CheckUndo    CheckKind = "undo"
)

// shares is in how many days every pack is read once.
const shares = 30

// Check is a verification, drill or prune.
type Check struct {
	ID         int64     `db:"id"`
	Kind       CheckKind `db:"kind"`
	State      string    `db:"state"` // running, ok or failed
	Snapshot   string    `db:"snapshot"`
	Error      string    `db:"error"`
	Report     string    `db:"report"` // JSON
	StartedAt  db.Time   `db:"started_at"`
	FinishedAt *db.Time  `db:"finished_at"`
}

const checkColumns = `id, kind, state, snapshot, error, report, started_at, finished_at`

// Drill returns what a drill reported; ok is false for other checks.
func (c Check) Drill() (r archive.DrillReport, ok bool) {
	if c.Kind != CheckDrill || json.Unmarshal([]byte(c.Report), &r) != nil {
		return r, false
	}
	return r, true
}

// Known returns how many problems a verification found that only older backups
// have and that were known before.
func (c Check) Known() int {
	var r repo.VerifyReport
	if c.State != "ok" || json.Unmarshal([]byte(c.Report), &r) != nil {
		return 0
	}
	return len(r.Problems)
}

// mayCare refuses everyone but administrators and the operator.
func mayCare(a access.Actor) error {
	if a.Kind == access.Machine {
		return nil
	}
	return access.RequireAdmin(a)
}

// VerifyRepository looks for damage in the repository. What it finds is recorded,
// and mailed to all administrators; the next backup stores again what is damaged.
// Once it has, damage that only older backups have is reported, and no failure.
//
// Faults: Unauthenticated; Forbidden for everyone but administrators and the
// operator; NotFound where there never was a snapshot, as that would prove nothing.
// Damage is in the report and no fault.
func (s *Service) VerifyRepository(ctx context.Context, a access.Actor, kind CheckKind, progress func(packs, of int, bytes int64)) (repo.VerifyReport, error) {
	var report repo.VerifyReport
	if err := s.something(ctx, a); err != nil {
		return report, err
	}
	err := s.check(ctx, a, kind, "", func(ctx context.Context) (any, error) {
		r, err := s.deps.Place.Open(ctx)
		if err != nil {
			return nil, err
		}
		o := repo.VerifyOptions{Progress: progress, Heads: map[string]repo.Hash{}}
		switch kind {
		case CheckShare:
			o.Shares, o.Share = shares, int(s.db.Now().Unix()/(24*60*60))%shares
		case CheckFull:
			o.Shares = 1
		default:
		}
		if err := s.heads(ctx, o.Heads); err != nil {
			return nil, err
		}
		if report, err = r.Verify(ctx, o); err != nil {
			return report, err
		}
		return report, judge(ctx, r, report)
	})
	if errors.Is(err, repo.ErrDamaged) && len(report.Problems) > 0 {
		err = nil
	}
	return report, err
}

// something refuses to verify nothing: no snapshot in the repository, nor one that this
// database knows and somebody took away.
func (s *Service) something(ctx context.Context, a access.Actor) error {
	if err := mayCare(a); err != nil {
		return err
	}
	known := map[string]repo.Hash{}
	if err := s.heads(ctx, known); err != nil || len(known) > 0 {
		return err
	}
	r, err := s.deps.Place.Open(ctx)
	if err != nil {
		return err
	}
	if _, err = r.Snapshot(ctx, "latest"); errors.Is(err, repo.ErrNoSnapshot) {
		return fault.WithHint(fault.NotFound("snapshot"), "holdfast backup create takes one")
	}
	return nil // what else is wrong is for the verification to find
}

// heads are the newest snapshots this database knows: whoever removes them from
// the repository cannot remove them here.
func (s *Service) heads(ctx context.Context, into map[string]repo.Hash) error {
	known, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]Backup, error) {
		return db.All[Backup](ctx, tx, db.SQL(`SELECT `+backupColumns+` FROM backups WHERE snapshot <> '' AND removed_at IS NULL ORDER BY id DESC LIMIT 100`))
	})
	for _, b := range known {
		var h repo.Hash
		if h.UnmarshalText([]byte(b.SHA256)) == nil {
			into[b.Snapshot] = h
		}
	}
	return err
}

// check runs one check and records how it began and ended.
func (s *Service) check(ctx context.Context, a access.Actor, kind CheckKind, snapshot string, run func(context.Context) (any, error)) error {
	if err := mayCare(a); err != nil {
		return err
	}
	n, err := db.Write(ctx, s.db, func(tx *db.Tx) (int64, error) {
		return db.Insert[int64](ctx, tx, db.SQL(`INSERT INTO backup_checks (kind, state, snapshot, started_at) VALUES (?, 'running', ?, ?) RETURNING id`,
			kind, snapshot, tx.Stamp()))
	})
	if err != nil {
		return err
	}
	report, runErr := run(ctx)
	if runErr != nil && ctx.Err() != nil {
		return errors.Join(runErr, s.dropCheck(context.WithoutCancel(ctx), a, n, kind, snapshot))
	}
	ctx = context.WithoutCancel(ctx)
	err = db.Do(ctx, s.db, func(tx *db.Tx) error { return s.endCheck(ctx, tx, a, n, kind, snapshot, report, runErr) })
	return errors.Join(runErr, err)
}

// dropCheck forgets a check that was interrupted: it found nothing, good or bad. The
// audit log has it.
func (s *Service) dropCheck(ctx context.Context, a access.Actor, n int64, kind CheckKind, snapshot string) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM backup_checks WHERE id = ?`, n)); err != nil {
			return err
		}
		return s.record(ctx, tx, a, "backup."+string(kind), "snapshot "+snapshot, audit.Failed, map[string]any{"error": "interrupted"})
	})
}

func (s *Service) endCheck(ctx context.Context, tx *db.Tx, a access.Actor, n int64, kind CheckKind, snapshot string, report any, runErr error) error {
	state, why, result := "ok", "", audit.OK
	if runErr != nil {
		state, why, result = "failed", runErr.Error(), audit.Failed
	}
	text := "{}"
	if report != nil {
		text = mustJSON(report)
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backup_checks SET state = ?, error = ?, report = ?, finished_at = ? WHERE id = ?`,
		state, why, text, tx.Stamp(), n)); err != nil {
		return err
	}
	if err := s.record(ctx, tx, a, "backup."+string(kind), "snapshot "+snapshot, result, map[string]any{"error": why}); err != nil {
		return err
	}
	if runErr == nil || errors.Is(runErr, context.Canceled) {
		return nil
	}
	return s.mailCheck(ctx, tx, kind, why)
}

func (s *Service) mailCheck(ctx context.Context, tx *db.Tx, kind CheckKind, why string) error {
	if kind == CheckRestore || kind == CheckUndo {
		return s.mailRestoreFailed(ctx, tx, why)
	}
	_, _, err := s.mail(ctx, tx, "backup.check", 0, func(to recipient, _ string) letter {
		return letter{subject: to.say.T("mail.attention"), link: s.pageLink(), lines: []string{
			to.say.T("mail.failed_"+string(kind), "error", Why(to.say, why)), to.say.T("mail.attention_text"),
		}}
	})
	return err
}

// Drill restores a snapshot ("" for the newest) for real, into a scratch database
// in a process of its own, tells progress how far that is, and records what it proved.
//
// Faults as VerifyRepository; NotFound when there is no snapshot.
func (s *Service) Drill(ctx context.Context, a access.Actor, snapshot string, progress func(archive.Progress)) (archive.DrillReport, error) {
	var report archive.DrillReport
	if err := mayCare(a); err != nil {
		return report, err
	}
	r, err := s.deps.Place.Open(ctx)
	if err != nil {
		return report, err
	}
	if snapshot == "" {
		snapshot = "latest"
	}
	snap, err := r.Snapshot(ctx, snapshot)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return report, fault.WithHint(fault.NotFound("snapshot"), "holdfast backup create takes one")
	}
	if err != nil {
		return report, err
	}
	err = s.check(ctx, a, CheckDrill, snap.ID, func(ctx context.Context) (any, error) {
		if report, err = s.deps.Drill(ctx, snap.ID, progress); err != nil && ctx.Err() == nil {
			err = errors.Join(err, examine(ctx, r, snap.ID))
		}
		return report, err
	})
	return report, err
}

// PruneInput adjusts Prune.
type PruneInput struct {
	DryRun bool
	// Confirmed allows to delete more than half of what is stored.
	Confirmed bool
}

// PruneResult is what a prune did, or would do.
type PruneResult struct {
	Decisions retain.Decisions `json:"decisions"`
	repo.PruneReport
}

// Prune lets go of the snapshots that the policy does not keep, and deletes what
// no snapshot needs. Where the place refuses deleting, which protects backups from
// whoever takes the server over, all stays, the result says so, and that is no failure. While a drill or a verification has failed and was not
// followed by a good one, it refuses.
//
// Faults as VerifyRepository; Conflict with a hint when it refuses to delete.
func (s *Service) Prune(ctx context.Context, a access.Actor, in PruneInput) (PruneResult, error) {
	var out PruneResult
	run := func(ctx context.Context) (any, error) {
		var err error
		out, err = s.prune(ctx, in)
		return out.PruneReport, err
	}
	if in.DryRun {
		if err := mayCare(a); err != nil {
			return out, err
		}
		_, err := run(ctx)
		return out, err
	}
	return out, s.check(ctx, a, CheckPrune, "", run)
}

func (s *Service) prune(ctx context.Context, in PruneInput) (out PruneResult, err error) {
	r, err := s.deps.Place.Open(ctx)
	if err != nil {
		return out, err
	}
	snapshots, err := r.Snapshots(ctx)
	if err != nil {
		return out, refusedPrune(err)
	}
	frozen, err := db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) { return troubled(ctx, tx) })
	if err != nil {
		return out, err
	}
	if out.Decisions, err = s.decide(ctx, snapshots, frozen); err != nil {
		return out, err
	}
	if frozen && !in.DryRun {
		return out, fault.WithHint(fault.Conflict(saidUnproven), "mend the cause and run it again; holdfast backup status names it")
	}
	may, err := r.MayDelete(ctx)
	if err != nil {
		return out, err
	}
	if !in.DryRun && may {
		if err := s.forget(ctx, r, snapshots, out.Decisions); err != nil {
			return out, err
		}
	}
	out.PruneReport, err = r.Prune(ctx, repo.PruneOptions{DryRun: in.DryRun, Confirmed: in.Confirmed})
	return out, refusedPrune(err)
}

func refusedPrune(err error) error {
	switch {
	case errors.Is(err, repo.ErrTooMuch):
		return fault.WithHint(fault.Conflict(err.Error()), "look at it with --dry-run, then confirm it with --confirm")
	case errors.Is(err, repo.ErrUnsound), errors.Is(err, repo.ErrDamaged):
		return fault.WithHint(err, "run holdfast backup verify; nothing was deleted")
	}
	return err
}

// decide applies the policy to the snapshots there are. Frozen ones all stay.
func (s *Service) decide(ctx context.Context, snapshots []repo.Snapshot, frozen bool) (retain.Decisions, error) {
	type known struct {
		rules   Rules
		drilled []string
		held    map[string]bool
	}
	k, err := db.Read(ctx, s.db, func(tx *db.Tx) (known, error) {
		r, err := s.rules(ctx, tx)
		if err != nil {
			return known{}, err
		}
		good, err := db.All[string](ctx, tx, db.SQL(`SELECT DISTINCT snapshot FROM backup_checks WHERE kind = 'drill' AND state = 'ok' ORDER BY snapshot`))
		if err != nil {
			return known{}, err
		}
		held, err := heldSet(ctx, tx)
		return known{r, good, held}, err
	})
	if err != nil {
		return nil, err
	}
	in := make([]retain.Snapshot, len(snapshots))
	for i, snap := range snapshots {
		in[i] = retain.Snapshot{
			ID: snap.ID, At: snap.At, Seq: snap.Seq, Complete: snap.Complete, Drilled: slices.Contains(k.drilled, snap.ID),
			Held: frozen || k.held[snap.ID],
		}
	}
	return retain.Plan(k.rules.Keep, in, s.db.Now(), time.Local), nil // the operator's TZ says when a day begins
}

// troubled says whether the newest drill or verification of some kind failed.
func troubled(ctx context.Context, tx *db.Tx) (bool, error) {
	n, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM backup_checks c WHERE kind <> 'prune' AND state = 'failed'
		AND NOT EXISTS (SELECT 1 FROM backup_checks n WHERE n.kind = c.kind AND n.state = 'ok' AND n.id > c.id)`))
	return n > 0, err
}

// forget lets go of snapshots: first the rows say so, then the repository does.
func (s *Service) forget(ctx context.Context, r *repo.Repository, snapshots []repo.Snapshot, decisions retain.Decisions) error {
	gone := map[string]bool{}
	for _, d := range decisions {
		if !d.Keep {
			gone[d.Snapshot.ID] = true
		}
	}
	var let []repo.Snapshot
	for _, snap := range snapshots {
		if gone[snap.ID] {
			let = append(let, snap)
		}
	}
	if len(let) == 0 {
		return nil
	}
	let, err := db.Write(ctx, s.db, func(tx *db.Tx) ([]repo.Snapshot, error) {
		held, err := heldSet(ctx, tx) // somebody may have been faster
		if err != nil {
			return nil, err
		}
		free := slices.DeleteFunc(slices.Clone(let), func(snap repo.Snapshot) bool { return held[snap.ID] })
		for _, snap := range free {
			if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET removed_at = ? WHERE snapshot = ? AND removed_at IS NULL`, tx.Stamp(), snap.ID)); err != nil {
				return nil, err
			}
			if err := s.record(ctx, tx, access.System("backup"), "backup.forget", "snapshot "+snap.ID, audit.OK, nil); err != nil {
				return nil, err
			}
		}
		return free, nil
	})
	if err != nil {
		return err
	}
	return r.Forget(ctx, "the policy does not keep it", let...)
}
