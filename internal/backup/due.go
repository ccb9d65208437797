package backup

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
)

// DueArgs is the periodic job that begins what the policy asks for.
type DueArgs struct{}

// Kind names the job.
func (DueArgs) Kind() string { return "backup.due" }

// CheckArgs are the arguments of a check that runs by itself.
type CheckArgs struct {
	Check CheckKind `json:"check"`
}

// Kind names the job.
func (CheckArgs) Kind() string { return "backup.check" }

// PingArgs tells the watcher outside that a scheduled backup worked.
type PingArgs struct{}

// Kind names the job.
func (PingArgs) Kind() string { return "backup.ping" }

// Times of what is done by itself.
const (
	tick        = time.Minute
	verifyEvery = 24 * time.Hour
	pruneEvery  = 24 * time.Hour
	alarmPause  = 24 * time.Hour
)

func (s *Service) registerUpkeep(r *job.Runner) {
	job.Register(r, func(ctx context.Context, _ DueArgs) error { return s.Due(ctx) })
	job.Register(r, func(ctx context.Context, a CheckArgs) error { return s.runCheck(ctx, a.Check) })
	job.Register(r, func(ctx context.Context, _ PingArgs) error {
		if s.deps.Ping == nil {
			return nil
		}
		return s.deps.Ping(ctx)
	})
	r.Every("backup schedule", tick, DueArgs{})
}

// runCheck carries out a check as the system. What it found is recorded and mailed;
// it is not tried again at once.
func (s *Service) runCheck(ctx context.Context, kind CheckKind) error {
	var err error
	actor := access.System("backup")
	switch kind {
	case CheckDrill:
		_, err = s.Drill(ctx, actor, "", func(archive.Progress) {})
	case CheckPrune:
		_, err = s.Prune(ctx, actor, PruneInput{})
	default:
		_, err = s.VerifyRepository(ctx, actor, kind, nil)
	}
	if err != nil && ctx.Err() == nil {
		s.deps.Log.ErrorContext(ctx, "care for the backups", "check", kind, "error", err)
		return nil
	}
	return err
}

// Due begins what the policy asks for now: a backup, its verification, a drill,
// letting old ones go. One that was missed while the server was off is caught up
// with, once. It raises the alarm when good backups stay away.
func (s *Service) Due(ctx context.Context) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		r, err := s.current(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.dueBackup(ctx, tx, r); err != nil {
			return err
		}
		if err := s.dueChecks(ctx, tx, r); err != nil {
			return err
		}
		return s.alarm(ctx, tx, r)
	})
}

// current returns the policy, after making one that has waited long enough, or
// that of a new instance, the stored one.
func (s *Service) current(ctx context.Context, tx *db.Tx) (Rules, error) {
	r, err := s.rules(ctx, tx)
	if err != nil {
		return r, err
	}
	row, ok, err := db.One[policyRow](ctx, tx, db.SQL(`SELECT `+policyColumns+` FROM backup_policy WHERE id = 1`))
	if err != nil || ok && (row.NextAt == nil || r.Next != nil) {
		return r, err
	}
	if !ok {
		r.Since = tx.Now()
	}
	if err := saveRules(ctx, tx, r, "system"); err != nil || !ok {
		return r, err
	}
	return r, s.record(ctx, tx, access.System("backup"), "backup.policy_weakened", "backup policy", audit.OK, map[string]any{"policy": r.Policy})
}

// last returns the newest instant a query gives, or the one given.
func last(ctx context.Context, tx *db.Tx, otherwise time.Time, q db.Frag) (time.Time, error) {
	at, err := db.Scalar[int64](ctx, tx, q)
	if err != nil || at == 0 {
		return otherwise, err
	}
	return time.UnixMicro(at).UTC(), nil
}

func (s *Service) dueBackup(ctx context.Context, tx *db.Tx, r Rules) error {
	before, err := last(ctx, tx, r.Since, db.SQL(`SELECT COALESCE(MAX(created_at), 0) FROM backups WHERE source = 'schedule'`))
	if err != nil {
		return err
	}
	at, ok := r.Due(before)
	if !ok || at.After(tx.Now()) {
		return nil
	}
	open, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM backups WHERE state IN ('queued', 'running')`))
	if err != nil || open > 0 {
		return err // in a minute again
	}
	n, err := insertBackup(ctx, tx, Backup{Source: SourceSchedule, State: Queued, RequestedBy: "the schedule", IncludeAttachments: true})
	if err != nil {
		return err
	}
	_, err = job.Enqueue(ctx, tx, RunArgs{ID: n})
	return err
}

// dueChecks queues what is due, once there is a snapshot.
func (s *Service) dueChecks(ctx context.Context, tx *db.Tx, r Rules) error {
	newest, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COALESCE(MAX(finished_at), 0) FROM backups WHERE snapshot <> '' AND removed_at IS NULL`))
	if err != nil || newest == 0 {
		return err
	}
	for _, c := range []struct {
		kind  CheckKind
		every time.Duration
	}{{CheckShare, verifyEvery}, {CheckPrune, pruneEvery}, {CheckDrill, time.Duration(r.DrillDays) * 24 * time.Hour}} {
		if c.every == 0 {
			continue
		}
		at, err := last(ctx, tx, time.UnixMicro(newest), db.SQL(`SELECT COALESCE(MAX(started_at), 0) FROM backup_checks WHERE kind = ?`, c.kind))
		if err != nil {
			return err
		}
		if tx.Now().Sub(at) < c.every {
			continue
		}
		if _, err := job.Enqueue(ctx, tx, CheckArgs{c.kind}, job.Unique("backup check "+string(c.kind)), job.Attempts(1)); err != nil {
			return err
		}
	}
	return nil
}

// alarm tells all administrators, once a day, that there should have been a good
// backup by now and was none.
func (s *Service) alarm(ctx context.Context, tx *db.Tx, r Rules) error {
	good, err := last(ctx, tx, r.Since, db.SQL(`SELECT COALESCE(MAX(finished_at), 0) FROM backups WHERE state = 'complete'`))
	if err != nil {
		return err
	}
	if !r.stale(good, tx.Now()) {
		return nil
	}
	told, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM audit_entries WHERE action = 'backup.missed' AND at > ?`, db.At(tx.Now().Add(-alarmPause))))
	if err != nil || told > 0 {
		return err
	}
	if err := s.record(ctx, tx, access.System("backup"), "backup.missed", "backup schedule", audit.Failed, map[string]any{"last_good": good}); err != nil {
		return err
	}
	_, _, err = s.mail(ctx, tx, "backup.missed", 0, func(to recipient, _ string) letter {
		return letter{subject: to.say.T("mail.missed"), link: s.pageLink(), lines: []string{
			to.say.T("mail.missed_last", "when", to.say.DateTime(good)), to.say.T("mail.missed_text"),
		}}
	})
	return err
}

// stale says whether the schedule has come twice since the last good backup.
func (p Policy) stale(good, now time.Time) bool {
	first, ok := p.Due(good)
	if !ok {
		return false
	}
	second, ok := p.Due(first)
	return ok && second.Before(now)
}

// Standing is what an administrator wants to know first.
type Standing struct {
	// LastGood, LastVerified and LastProven are when a complete backup was finished,
	// when the repository was last looked through without a finding, and when a
	// snapshot was last restored for a test; zero for never.
	LastGood, LastVerified, LastProven time.Time
	// ProvenBackup is the snapshot that was restored, and Took how long that took.
	ProvenBackup string
	Took         time.Duration
	// Stale: a good backup is overdue. Trouble is the newest check that failed and
	// was not made good since.
	Stale   bool
	Trouble *Check
	// NextAt is when the schedule comes next; zero for never.
	NextAt time.Time
	Rules  Rules
}

// Proven says whether all is as it should be: a good backup lately, no finding,
// and a restore that was tried.
func (st Standing) Proven() bool {
	return !st.LastGood.IsZero() && !st.Stale && st.Trouble == nil && !st.LastProven.IsZero()
}

// Words is who reads a text: their language, and where they are.
type Words interface {
	T(key string, pairs ...any) string
	DateTime(t time.Time) string
}

// Sentence says in one sentence how the backups stand.
func (st Standing) Sentence(say Words) string {
	switch {
	case st.LastGood.IsZero():
		return say.T("standing.none")
	case st.Trouble != nil:
		return say.T("standing.trouble", "what", say.T("standing.last_"+string(st.Trouble.Kind)), "error", Why(say, st.Trouble.Error))
	case st.Stale:
		return say.T("standing.stale", "when", say.DateTime(st.LastGood))
	case st.LastProven.IsZero():
		return say.T("standing.unproven")
	}
	return say.T("standing.good", "when", say.DateTime(st.LastGood), "proven", say.DateTime(st.LastProven))
}

// Standing returns how the instance's backups stand. Faults as List.
func (s *Service) Standing(ctx context.Context, a access.Actor) (Standing, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Standing, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return Standing{}, err
		}
		return s.standing(ctx, tx)
	})
}

func (s *Service) standing(ctx context.Context, tx *db.Tx) (st Standing, err error) {
	if st.Rules, err = s.rules(ctx, tx); err != nil {
		return st, err
	}
	var none time.Time
	if st.LastGood, err = last(ctx, tx, none, db.SQL(`SELECT COALESCE(MAX(finished_at), 0) FROM backups WHERE state = 'complete' AND removed_at IS NULL`)); err != nil {
		return st, err
	}
	if st.LastVerified, err = last(ctx, tx, none, db.SQL(`SELECT COALESCE(MAX(finished_at), 0) FROM backup_checks WHERE kind IN ('structure', 'share', 'full') AND state = 'ok'`)); err != nil {
		return st, err
	}
	drill, ok, err := db.One[Check](ctx, tx, db.SQL(`SELECT `+checkColumns+` FROM backup_checks WHERE kind = 'drill' AND state = 'ok' ORDER BY id DESC LIMIT 1`))
	if err != nil {
		return st, err
	}
	if r, is := drill.Drill(); ok && is {
		st.LastProven, st.ProvenBackup, st.Took = drill.FinishedAt.Time, drill.Snapshot, r.Took
	}
	bad, ok, err := db.One[Check](ctx, tx, db.SQL(`SELECT `+checkColumns+` FROM backup_checks c WHERE state = 'failed' AND kind NOT IN ('restore', 'undo')
		AND NOT EXISTS (SELECT 1 FROM backup_checks n WHERE n.kind = c.kind AND n.state = 'ok' AND n.id > c.id) ORDER BY id DESC LIMIT 1`))
	if ok {
		st.Trouble = &bad
	}
	since := st.Rules.Since
	if st.LastGood.After(since) {
		since = st.LastGood
	}
	if since.IsZero() {
		since = tx.Now()
	}
	st.Stale = st.Rules.stale(since, tx.Now())
	st.NextAt, _ = st.Rules.Due(tx.Now())
	return st, err
}

// Checks returns the newest verifications, drills and prunes. Faults as List.
func (s *Service) Checks(ctx context.Context, a access.Actor, limit int) ([]Check, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Check, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return nil, err
		}
		return db.All[Check](ctx, tx, db.SQL(`SELECT `+checkColumns+` FROM backup_checks ORDER BY id DESC LIMIT ?`, limit))
	})
}

// RequestCheck queues a check that an administrator wants now.
//
// Faults: Unauthenticated; Forbidden for everyone but administrators; Invalid for
// the kind; Conflict while one of the kind waits or runs.
func (s *Service) RequestCheck(ctx context.Context, a access.Actor, kind CheckKind) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := mayCare(a); err != nil {
			return err
		}
		switch kind {
		case CheckStructure, CheckShare, CheckFull, CheckDrill, CheckPrune:
		default:
			return fault.InvalidField("kind", "inclusion")
		}
		n, err := job.Enqueue(ctx, tx, CheckArgs{kind}, job.Unique("backup check "+string(kind)), job.Attempts(1))
		if err == nil && n == 0 {
			err = fault.Conflict("such a check waits or runs already")
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, a, "backup.check_requested", string(kind), audit.OK, nil)
	})
}

// interrupted ends checks whose process ended without a word.
func (s *Service) interrupted(ctx context.Context) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backup_checks SET state = 'failed', error = ?, finished_at = ? WHERE state = 'running' AND started_at < ?`,
			reasonInterrupted, tx.Stamp(), db.At(tx.Now().Add(-24*time.Hour))))
		return err
	})
}
