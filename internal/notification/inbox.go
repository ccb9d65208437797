package notification

import (
	"context"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/journal"
)

// Place is where a notification is. Reading one does not move it.
type Place string

// The places. What has been put off is in the inbox again when its time has come.
const (
	Anywhere Place = ""
	Inbox    Place = "inbox"
	Snoozed  Place = "snoozed"
	Done     Place = "done"
)

// within is the condition that a notification is there now.
func (p Place) within(now db.Time) db.Frag {
	switch p {
	case Inbox:
		return db.SQL(`n.done_at IS NULL AND (n.snoozed_until IS NULL OR n.snoozed_until <= ?)`, now)
	case Snoozed:
		return db.SQL(`n.done_at IS NULL AND n.snoozed_until > ?`, now)
	case Done:
		return db.SQL(`n.done_at IS NOT NULL`)
	case Anywhere:
	}
	return db.True
}

// Op is what a Step did.
type Op int64

// The steps, each beside the one that takes it back.
const (
	Finished Op = iota + 1
	Reopened
	PutOff
	Woken
	MarkedUnread
	MarkedRead
	Muted
	Unmuted
)

// Step is what somebody did to notifications of theirs at once, so that it can be taken
// back: all that was written at that instant and has not been touched since.
type Step struct {
	Op Op
	At db.Time
	// Arg is the work package that was muted, or until when it was put off, in microseconds.
	Arg int64
}

// longest is for how long something can be put off.
const longest = 366 * 24 * time.Hour

// Finish takes what matches out of the inbox, and marks it as read.
//
// Faults: Unauthenticated for visitors, Invalid for filters that are not known.
func (s *Service) Finish(ctx context.Context, a access.Actor, filters []filter.Condition) (Step, error) {
	return s.step(ctx, a, ListInput{Filters: filters, Place: Inbox}, Step{Op: Finished})
}

// Reopen puts what matches and is done or put off back into the inbox.
//
// Faults: as Finish.
func (s *Service) Reopen(ctx context.Context, a access.Actor, filters []filter.Condition) (Step, error) {
	return s.step(ctx, a, ListInput{Filters: filters}, Step{Op: Reopened})
}

// MarkUnread marks what matches as unread, where it is.
//
// Faults: as Finish.
func (s *Service) MarkUnread(ctx context.Context, a access.Actor, filters []filter.Condition) (Step, error) {
	return s.step(ctx, a, ListInput{Filters: filters}, Step{Op: MarkedUnread})
}

// Snooze takes what the inbox has of a work package out of it until then. A further
// change of it is told at once.
//
// Faults: Unauthenticated for visitors, Invalid for a time that is past or more than a
// year ahead.
func (s *Service) Snooze(ctx context.Context, a access.Actor, wp id.WorkPackage, until time.Time) (Step, error) {
	if now := s.db.Now(); !until.After(now) || until.After(now.Add(longest)) {
		return Step{}, fault.InvalidField("until", "inclusion")
	}
	return s.step(ctx, a, ListInput{Filters: Of(wp), Place: Inbox}, Step{Op: PutOff, Arg: until.UnixMicro()})
}

// Of is the filter for a work package.
func Of(wp id.WorkPackage) []filter.Condition {
	return []filter.Condition{{Name: "resource", Op: "=", Values: []string{strconv.FormatInt(int64(wp), 10)}}}
}

// step carries out st on what in selects.
func (s *Service) step(ctx context.Context, a access.Actor, in ListInput, st Step) (Step, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return Step{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Step, error) {
		where, err := in.where(a, tx)
		if err != nil {
			return Step{}, err
		}
		_, err = st.take(ctx, tx, a, db.SQL(`id IN (SELECT n.id FROM `+tables+` WHERE`).Append(where).Add(`)`))
		st.At = tx.Stamp()
		return st, err
	})
}

// take carries the step out on those of the actor's notifications on which which holds,
// and returns how many it was for.
func (st Step) take(ctx context.Context, tx *db.Tx, a access.Actor, which db.Frag) (int64, error) {
	now := tx.Stamp()
	var set db.Frag
	switch st.Op {
	case Finished, Muted:
		set = db.SQL(`read_at = COALESCE(read_at, ?), done_at = ?, snoozed_until = NULL WHERE done_at IS NULL`, now, now)
	case Reopened, Unmuted: // unread again is what was read by being done with
		set = db.SQL(`read_at = CASE WHEN read_at = done_at THEN NULL ELSE read_at END, done_at = NULL, snoozed_until = NULL
			WHERE (done_at IS NOT NULL OR snoozed_until IS NOT NULL)`)
	case PutOff:
		set = db.SQL(`snoozed_until = ?, read_at = NULL WHERE done_at IS NULL`, db.At(time.UnixMicro(st.Arg))) // it counts when it is there again
	case Woken:
		set = db.SQL(`snoozed_until = NULL WHERE done_at IS NULL`)
	case MarkedUnread:
		set = db.SQL(`read_at = NULL WHERE done_at IS NULL AND read_at IS NOT NULL`)
	case MarkedRead:
		set = db.SQL(`read_at = ? WHERE done_at IS NULL AND read_at IS NULL`, now)
	}
	n, err := db.Exec(ctx, tx, db.SQL(`UPDATE notifications SET updated_at = ?,`, now).Append(set).Add(`AND recipient_id = ? AND`, a.ID).Append(which))
	if err != nil || n == 0 {
		return n, err
	}
	if st.Op == PutOff {
		if _, err := job.Enqueue(ctx, tx, wake{a.ID}, job.At(time.UnixMicro(st.Arg))); err != nil {
			return n, err
		}
	}
	return n, announce(ctx, tx, []id.User{a.ID})
}

// Mute keeps quiet what happens to a work package, but for mentions, and takes what the
// inbox has of it out. With on false it takes that back.
//
// Faults: Unauthenticated for visitors, NotFound for what the actor may not see.
func (s *Service) Mute(ctx context.Context, a access.Actor, wp id.WorkPackage, on bool) (Step, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return Step{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Step, error) {
		st := Step{Op: Muted, Arg: int64(wp), At: tx.Stamp()}
		if !on {
			st.Op = Unmuted
		}
		if err := st.hush(ctx, tx, a); err != nil || !on {
			return st, err
		}
		where, err := ListInput{Filters: Of(wp), Place: Inbox}.where(a, tx)
		if err != nil {
			return st, err
		}
		_, err = st.take(ctx, tx, a, db.SQL(`id IN (SELECT n.id FROM `+tables+` WHERE`).Append(where).Add(`)`))
		return st, err
	})
}

// hush writes whether the work package of the step is muted.
func (st Step) hush(ctx context.Context, tx *db.Tx, a access.Actor) error {
	_, found, err := db.One[int](ctx, tx, db.SQL(`SELECT 1 FROM work_packages w WHERE w.id = ? AND w.deleted_at IS NULL AND`, st.Arg).
		Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)))
	if err == nil && !found {
		err = fault.NotFound("work package")
	}
	if err != nil {
		return err
	}
	if st.Op == Muted {
		_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO notification_mutes (user_id, work_package_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			a.ID, st.Arg, tx.Stamp()))
	} else {
		_, err = db.Exec(ctx, tx, db.SQL(`DELETE FROM notification_mutes WHERE user_id = ? AND work_package_id = ?`, a.ID, st.Arg))
	}
	return err
}

// MutedOf returns which of the work packages the actor has muted.
func (s *Service) MutedOf(ctx context.Context, a access.Actor, wps []id.WorkPackage) (map[id.WorkPackage]bool, error) {
	if len(wps) == 0 || !a.SignedIn() {
		return nil, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.WorkPackage]bool, error) {
		ids, err := db.All[id.WorkPackage](ctx, tx, db.SQL(`SELECT work_package_id FROM notification_mutes WHERE user_id = ? AND`, a.ID).
			Append(db.In("work_package_id", wps)))
		out := map[id.WorkPackage]bool{}
		for _, n := range ids {
			out[n] = true
		}
		return out, err
	})
}

// Undo takes a step back, and returns the step that this was, so that it can be taken
// back in turn.
//
// Faults: Unauthenticated for visitors, NotFound for a step there is none of, Conflict
// where nothing is left of it, Invalid where something would be put off into the past.
func (s *Service) Undo(ctx context.Context, a access.Actor, st Step) (Step, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return Step{}, err
	}
	if st.Op < Finished || st.Op > Unmuted {
		return Step{}, fault.NotFound("change")
	}
	back := Step{Op: st.Op + 1, Arg: st.Arg}
	if st.Op%2 == 0 {
		back.Op = st.Op - 1
	}
	if back.Op == PutOff && !time.UnixMicro(st.Arg).After(s.db.Now()) {
		return Step{}, fault.InvalidField("until", "inclusion")
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Step, error) {
		muting := back.Op == Muted || back.Op == Unmuted
		if muting {
			if err := back.hush(ctx, tx, a); err != nil {
				return Step{}, err
			}
		}
		n, err := back.take(ctx, tx, a, db.SQL(`updated_at = ?`, st.At))
		if err == nil && n == 0 && !muting {
			err = journal.NothingToUndo()
		}
		back.At = tx.Stamp()
		return back, err
	})
}

// wake is the job that says that what somebody has put off is there again.
type wake struct {
	User id.User `json:"user"`
}

// Kind names the job.
func (wake) Kind() string { return "notification.wake" }

// awake tells the open pages of a person to count anew.
func (s *Service) awake(ctx context.Context, w wake) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error { return announce(ctx, tx, []id.User{w.User}) })
}
