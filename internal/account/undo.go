package account

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of a user or group back, which must be the actor's own:
// fields, locking and unlocking, and who is in a group. It is a change like any other,
// so that undoing it in turn brings the change back. What was created or deleted stays
// so, and so do passwords; sessions that a lock has ended do not come back.
//
// Faults: NotFound when the actor may not see it, Conflict when someone else has
// changed it since or it is nothing of these, Forbidden and Invalid when the rights or
// the rules of today refuse.
func (s *Service) Undo(ctx context.Context, a access.Actor, n id.User) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		u, err := visible(ctx, tx, a, n, KindUser, KindGroup)
		if err != nil {
			return err
		}
		last, err := journal.Newest[userState](ctx, tx, journal.User, int64(n))
		if err != nil {
			return err
		}
		if u.Kind == KindGroup {
			return s.undoGroup(ctx, tx, a, u, last)
		}
		return s.undoUser(ctx, tx, a, u, last)
	})
}

func (s *Service) undoGroup(ctx context.Context, tx *db.Tx, a access.Actor, g User, last journal.Last[userState]) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if err := changed(a, last); err != nil {
		return err
	}
	p := GroupPatch{Name: opt.Back(last.Now.Lastname, last.Was.Lastname), Members: opt.BackAll(last.Now.Members, last.Was.Members)}
	_, err := s.updateGroup(ctx, tx, a, g, p, journal.Undoing())
	return err
}

// changed lets through a change of the actor's own that neither made nor removed something.
func changed(a access.Actor, last journal.Last[userState]) error {
	if err := last.OwnedBy(a.ID); err != nil {
		return err
	}
	if last.Was == nil || last.Now == nil {
		return journal.NothingToUndo()
	}
	return nil
}

func (s *Service) undoUser(ctx context.Context, tx *db.Tx, a access.Actor, u User, last journal.Last[userState]) error {
	st, err := standing(ctx, tx, a, u)
	if err != nil {
		return err
	}
	if !byEveryone(st) {
		return fault.Forbidden("you are not allowed to change this user")
	}
	if err := changed(a, last); err != nil {
		return err
	}
	if last.Was.Status != last.Now.Status {
		return s.undoStatus(ctx, tx, a, u, st, last)
	}
	if last.Was.Mail != last.Now.Mail && st.Self {
		if has, err := s.HasPassword(ctx, tx, u.ID); err != nil {
			return err
		} else if has {
			return fault.Conflict("your own e-mail address is changed with your password, on the page of your account")
		}
	}
	after, err := s.apply(ctx, tx, u, st, last.Now.backTo(*last.Was))
	if err != nil {
		return err
	}
	_, err = s.save(ctx, tx, a, u, after, journal.Undoing())
	return err
}

// undoStatus unlocks who was locked, and the other way round; other steps, as from
// invited to active, are taken by the person and not taken back.
func (s *Service) undoStatus(ctx context.Context, tx *db.Tx, a access.Actor, u User, st Standing, last journal.Last[userState]) error {
	if !byManager(st) {
		return fault.Forbidden("you are not allowed to manage this user")
	}
	was, _ := ParseStatus(last.Was.Status)
	now, _ := ParseStatus(last.Now.Status)
	var action string
	switch {
	case now == Locked:
		action = "user.unlock"
	case was == Locked:
		action = "user.lock"
	default:
		return journal.NothingToUndo()
	}
	_, err := s.setStatus(ctx, tx, a, u, was, action, journal.Undoing(), now)
	return err
}

// backTo is the patch that makes was of now, but for the status.
func (now userState) backTo(was userState) Patch {
	return Patch{
		Login: opt.Back(now.Login, was.Login), Firstname: opt.Back(now.Firstname, was.Firstname), Lastname: opt.Back(now.Lastname, was.Lastname),
		Mail: opt.Back(now.Mail, was.Mail), Admin: opt.Back(now.Admin, was.Admin), Language: opt.Back(now.Language, was.Language),
		TimeZone: opt.Back(now.TimeZone, was.TimeZone), Theme: opt.Back(now.Theme, was.Theme), Density: opt.Back(now.Density, was.Density),
		KeysOff: opt.Back(now.KeysOff, was.KeysOff), OwnKeys: opt.Back(now.OwnKeys, was.OwnKeys),
	}
}
