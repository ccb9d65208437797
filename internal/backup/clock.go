package backup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/secret"
)

// How the time that passed is measured.
const (
	// clockStep is how often what has passed is stored: a server that is killed
	// forgets no more.
	clockStep = time.Minute
	// clockSlack is by how much the clock may differ from what has passed in one
	// stretch before it counts as set.
	clockSlack = time.Minute
	// clockLook is how often a running server looks whether its clock was set.
	clockLook = 5 * time.Second
	// clockRows is how many stretches are kept; each start, each setting of the clock begins one.
	clockRows = 5000
)

// elapsed knows how much time has passed while servers ran, which nobody can set. The
// sum is in the database; between two times that it is stored, each process adds what
// its own monotonic clock measured since it last saw the sum.
type elapsed struct {
	key  secret.Key
	mono func() time.Duration

	mu     sync.Mutex
	seen   bool
	sum    time.Duration // as it was when mono showed at
	at     time.Duration
	stored time.Duration // what the database held after this process last kept time
	kept   bool          // this process has kept time, last when mono showed keptAt and the clock keptBy
	keptAt time.Duration
	keptBy time.Time
}

// moment is an instant by the clock and by what has passed.
type moment struct {
	now    time.Time
	passed time.Duration
}

// stretch is a time in which the clock was not set, at the longest while one server ran.
type stretch struct {
	ID         int64   `db:"id"`
	From       db.Time `db:"from_at"`
	To         db.Time `db:"to_at"`
	PassedFrom int64   `db:"passed_from"`
	PassedTo   int64   `db:"passed_to"`
	MAC        string  `db:"mac"`
}

func (r stretch) sum() time.Duration { return micros(r.PassedTo) }

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// goesOn says whether the stretch reaches to m, so that the clock was not set meanwhile.
func (r stretch) goesOn(m moment) bool {
	byClock, really := m.now.Sub(r.From.Time), m.passed-micros(r.PassedFrom)
	return !m.now.Before(r.To.Time) && (byClock-really).Abs() <= clockSlack
}

// since returns how much of the time since an instant of the clock has certainly passed
// until m; newest are the stretches, newest first. What was before the oldest is taken
// from the clock.
func since(at time.Time, m moment, newest []stretch) time.Duration {
	until := m.passed // when at was, at the latest
	for i, r := range newest {
		switch {
		case !at.Before(r.To.Time) && i == 0: // since time was last kept
			return max(0, min(m.now.Sub(at), m.passed-r.sum()))
		case !at.Before(r.To.Time):
			return m.passed - until
		case !at.Before(r.From.Time):
			return m.passed - min(micros(r.PassedFrom)+at.Sub(r.From.Time), r.sum())
		}
		until = micros(r.PassedFrom)
	}
	if n := len(newest); n > 0 {
		return m.passed - until + newest[n-1].From.Sub(at)
	}
	return m.now.Sub(at)
}

func (e *elapsed) mac(r stretch) string {
	m := hmac.New(sha256.New, e.key[:])
	fmt.Fprintf(m, "backup clock 1\n%d\n%d\n%d\n%d\n%d\n", r.ID, r.From.UnixMicro(), r.To.UnixMicro(), r.PassedFrom, r.PassedTo)
	return hex.EncodeToString(m.Sum(nil))
}

// stretches returns those that are as they were written, newest first.
func (e *elapsed) stretches(ctx context.Context, tx *db.Tx, limit int) ([]stretch, error) {
	rows, err := db.All[stretch](ctx, tx, db.SQL(`SELECT id, from_at, to_at, passed_from, passed_to, mac
		FROM backup_clock ORDER BY id DESC LIMIT ?`, limit))
	if err != nil {
		return nil, err
	}
	sound := rows[:0]
	for _, r := range rows {
		if secret.Equal(r.MAC, e.mac(r)) {
			sound = append(sound, r)
		}
	}
	return sound, nil
}

// latest returns the newest stretch that is as it was written.
func (e *elapsed) latest(ctx context.Context, tx *db.Tx) (stretch, bool, error) {
	for _, limit := range []int{1, clockRows} {
		rows, err := e.stretches(ctx, tx, limit)
		if err != nil {
			return stretch{}, false, err
		}
		if len(rows) > 0 {
			return rows[0], true, nil
		}
	}
	return stretch{}, false, nil
}

// look adds what has passed since this process last saw the sum; e is locked.
func (e *elapsed) look(inDatabase time.Duration) time.Duration {
	mono := e.mono()
	if e.seen {
		inDatabase = max(inDatabase, e.sum+mono-e.at)
	}
	e.seen, e.sum, e.at = true, inDatabase, mono
	return inDatabase
}

// moment returns now.
func (e *elapsed) moment(ctx context.Context, tx *db.Tx) (moment, error) {
	r, _, err := e.latest(ctx, tx)
	if err != nil {
		return moment{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return moment{tx.Now(), e.look(r.sum())}, nil
}

// certain returns how much of the time since an instant of the clock has certainly passed.
func (e *elapsed) certain(ctx context.Context, tx *db.Tx, at time.Time) (time.Duration, error) {
	m, err := e.moment(ctx, tx)
	if err != nil {
		return 0, err
	}
	rows, err := e.stretches(ctx, tx, clockRows)
	return since(at, m, rows), err
}

// set returns by how much the clock was set since this process last kept time.
func (e *elapsed) set(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.kept {
		return 0
	}
	by := now.Sub(e.keptBy) - (e.mono() - e.keptAt)
	if by.Abs() <= clockSlack {
		return 0
	}
	return by
}

// KeepTime measures the time that passes, for whatever has to wait, until ctx ends. Every
// server that runs on the database does, of which one stores what it measured.
//
// Time in which no server runs does not count: nobody can stop what waits then.
func (s *Service) KeepTime(ctx context.Context) {
	s.keepTime(ctx)
	look := time.NewTicker(clockLook)
	defer look.Stop()
	for last := s.elapsed.mono(); ; {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), clockLook)
			defer cancel()
			s.keepTime(end)
			return
		case <-look.C:
		}
		if now := s.elapsed.mono(); now-last >= clockStep || s.elapsed.set(s.db.Now()) != 0 {
			last = now
			s.keepTime(ctx)
		}
	}
}

func (s *Service) keepTime(ctx context.Context) {
	if err := s.StoreTime(ctx); err != nil && ctx.Err() == nil {
		s.deps.Log.Warn("the time that passed could not be stored; what waits may wait longer", "error", err)
	}
}

// StoreTime stores what has passed, unless another server did since the last call. A
// clock that was set is audited.
func (s *Service) StoreTime(ctx context.Context) error {
	e := s.elapsed
	type outcome struct {
		stored, mono time.Duration
		now          time.Time
	}
	o, err := db.Write(ctx, s.db, func(tx *db.Tx) (outcome, error) {
		m, err := e.moment(ctx, tx)
		if err != nil {
			return outcome{}, err
		}
		r, ok, err := e.latest(ctx, tx)
		if err != nil {
			return outcome{}, err
		}
		out := outcome{r.sum(), e.mono(), tx.Now()}
		by := e.set(tx.Now())
		if ok && by == 0 && e.byAnother(r.sum()) {
			return out, nil
		}
		out.stored = m.passed
		if err := e.store(ctx, tx, r, ok && by == 0 && r.goesOn(m), m); err != nil || by == 0 {
			return out, err
		}
		s.deps.Log.Warn("the clock of the server was set; what waits goes by the time that has really passed", "by", by.Round(time.Second).String())
		return out, s.record(ctx, tx, access.System("backup"), "clock.set", "clock", audit.OK, map[string]any{"seconds": int64(by / time.Second)})
	})
	if err != nil {
		return fmt.Errorf("store the time that passed: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept, e.stored, e.keptAt, e.keptBy = true, o.stored, o.mono, o.now
	return nil
}

// byAnother says whether another server has stored more since this one last did.
func (e *elapsed) byAnother(inDatabase time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.kept && inDatabase > e.stored
}

func (e *elapsed) store(ctx context.Context, tx *db.Tx, r stretch, goesOn bool, m moment) error {
	if !goesOn {
		var err error
		r = stretch{From: db.At(m.now), PassedFrom: m.passed.Microseconds()}
		if r.ID, err = db.Insert[int64](ctx, tx, db.SQL(`INSERT INTO backup_clock (from_at, to_at, passed_from, passed_to, mac)
			VALUES (?, ?, ?, ?, '') RETURNING id`, r.From, r.From, r.PassedFrom, r.PassedFrom)); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM backup_clock WHERE id <= ?`, r.ID-clockRows)); err != nil {
			return err
		}
	}
	r.To, r.PassedTo = db.At(m.now), m.passed.Microseconds()
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backup_clock SET to_at = ?, passed_to = ?, mac = ? WHERE id = ?`, r.To, r.PassedTo, e.mac(r), r.ID))
	return err
}
