package catalog

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// way is how the changes of one of the three tables are taken back: T are its rows, P
// the patches of them.
type way[T, P any] struct {
	kind
	insert func(context.Context, *db.Tx, access.Actor, *T, journal.Change) error
	update func(context.Context, *db.Tx, access.Actor, *T, P, journal.Change) error
	drop   func(context.Context, *db.Tx, access.Actor, *T, journal.Change) error
	// back is the patch that makes was of now.
	back func(now, was T) P
	// own are the number and the place of a row, and whether it is the default.
	own func(*T) (number func(int64), place int, standard bool)
	// loses says that something goes with a deleted row which does not come back.
	loses bool
}

// take takes the newest change of a row back, which must be the actor's own.
func (w way[T, P]) take(ctx context.Context, tx *db.Tx, a access.Actor, n int64) (journal.Entry, error) {
	last, err := journal.Newest[T](ctx, tx, w.entity, n)
	if err != nil {
		return last.Entry, err
	}
	row, err := find[T](ctx, tx, w.kind, n)
	if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) && (!w.loses || last.Cause == journal.CauseUndo) {
		number, _, _ := w.own(last.Was)
		number(n)
		return last.Entry, w.insert(ctx, tx, a, last.Was, journal.Undoing())
	}
	if err == nil {
		err = last.OwnedBy(a.ID)
	}
	if err == nil {
		err = w.returnDefault(ctx, tx, a, n, last)
	}
	if err == nil {
		row, err = find[T](ctx, tx, w.kind, n)
	}
	if err != nil {
		return last.Entry, err
	}
	if last.Was == nil {
		return last.Entry, w.drop(ctx, tx, a, row, journal.Undoing())
	}
	_, was, standard := w.own(last.Was)
	_, now, before := w.own(last.Now)
	if was != now && standard == before {
		return last.Entry, moved[T](ctx, tx, a, w.kind, n, was, journal.Undoing())
	}
	return last.Entry, w.update(ctx, tx, a, row, w.back(*last.Now, *last.Was), journal.Undoing())
}

// returnDefault makes that the default again from which the change took it, as far as
// that has not been changed since.
func (w way[T, P]) returnDefault(ctx context.Context, tx *db.Tx, a access.Actor, n int64, last journal.Last[T]) error {
	if _, _, now := w.own(last.Now); !now {
		return nil
	}
	if last.Was != nil {
		if _, _, was := w.own(last.Was); was {
			return nil
		}
	}
	along, err := journal.Along[T](ctx, tx, last.Entry, w.entity)
	if err != nil {
		return err
	}
	for _, l := range along {
		if l.EntityID == n || l.Was == nil || l.Now == nil {
			continue
		}
		if _, _, was := w.own(l.Was); !was {
			continue
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE `+w.table+` SET is_default = ? WHERE id = ?`, false, n)); err != nil {
			return err
		}
		return mark[T](ctx, tx, a, w.kind, l.EntityID, true, journal.Undoing())
	}
	return nil
}

var typeWay = way[Type, TypePatch]{
	kind: types, insert: insertType, update: updateType, drop: dropNewType, loses: true,
	back: func(now, was Type) TypePatch {
		return TypePatch{
			Name: opt.Back(now.Name, was.Name), Color: opt.Back(now.Color, was.Color), Description: opt.Back(now.Description, was.Description),
			Default: opt.Back(now.Default, was.Default), Milestone: opt.Back(now.Milestone, was.Milestone), InRoadmap: opt.Back(now.InRoadmap, was.InRoadmap),
		}
	},
	// Several types are on in new projects: none takes that from another.
	own: func(t *Type) (func(int64), int, bool) { return func(n int64) { t.ID = id.Type(n) }, t.Position, false },
}

var statusWay = way[Status, StatusPatch]{
	kind: statuses, insert: insertStatus, update: updateStatus, drop: dropStatus,
	back: func(now, was Status) StatusPatch {
		return StatusPatch{
			Name: opt.Back(now.Name, was.Name), Color: opt.Back(now.Color, was.Color), Default: opt.Back(now.Default, was.Default),
			Closed: opt.Back(now.Closed, was.Closed), ReadOnly: opt.Back(now.ReadOnly, was.ReadOnly),
			ExcludedFromTotals: opt.Back(now.ExcludedFromTotals, was.ExcludedFromTotals), DoneRatio: opt.BackPtr(now.DoneRatio, was.DoneRatio),
		}
	},
	own: func(s *Status) (func(int64), int, bool) {
		return func(n int64) { s.ID = id.Status(n) }, s.Position, s.Default
	},
}

var priorityWay = way[Priority, PriorityPatch]{
	kind: priorities, insert: insertPriority, update: updatePriority, drop: dropPriority,
	back: func(now, was Priority) PriorityPatch {
		return PriorityPatch{
			Name: opt.Back(now.Name, was.Name), Color: opt.Back(now.Color, was.Color),
			Default: opt.Back(now.Default, was.Default), Active: opt.Back(now.Active, was.Active),
		}
	},
	own: func(p *Priority) (func(int64), int, bool) {
		return func(n int64) { p.ID = id.Priority(n) }, p.Position, p.Default
	},
}

// dropNewType deletes a type that was just created, unless a project or a workflow has
// it already: it would not come back there.
func dropNewType(ctx context.Context, tx *db.Tx, a access.Actor, t *Type, c journal.Change) error {
	used, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT (SELECT COUNT(*) FROM projects_types WHERE type_id = ?) + (SELECT COUNT(*) FROM workflows WHERE type_id = ?)`, t.ID, t.ID))
	if err != nil {
		return err
	}
	if used > 0 {
		return fault.InvalidField("base", "type_has_places")
	}
	return dropType(ctx, tx, a, t, c)
}

// UndoType takes the newest change of a type back, which must be the actor's own. It
// is a change like any other, so that undoing it in turn brings the change back. One
// that was deleted does not come back, because its workflow is gone.
//
// Faults: Forbidden for everyone but administrators, NotFound when there is none,
// Conflict when someone else has changed it since, Invalid when the rules of today
// refuse; the same holds for UndoStatus, UndoPriority and UndoWorkflow.
func (s *Service) UndoType(ctx context.Context, a access.Actor, n id.Type) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (journal.Entry, error) { return typeWay.take(ctx, tx, a, int64(n)) })
	return err
}

// UndoStatus takes the newest change of a status back. One that was deleted comes back
// with its steps in workflows that nobody has changed since.
func (s *Service) UndoStatus(ctx context.Context, a access.Actor, n id.Status) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int, error) {
		e, err := statusWay.take(ctx, tx, a, int64(n))
		if err != nil {
			return 0, err
		}
		return 0, returnSteps(ctx, tx, a, n, e)
	})
	return err
}

// UndoPriority takes the newest change of a priority back; one that was deleted comes back.
func (s *Service) UndoPriority(ctx context.Context, a access.Actor, n id.Priority) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (journal.Entry, error) { return priorityWay.take(ctx, tx, a, int64(n)) })
	return err
}

// returnSteps brings back the steps from and to a status that went with it by the change e.
func returnSteps(ctx context.Context, tx *db.Tx, a access.Actor, n id.Status, e journal.Entry) error {
	along, err := journal.Along[flowState](ctx, tx, e, journal.Workflow)
	if err != nil {
		return err
	}
	if len(along) == 0 {
		return nil
	}
	roles, err := db.All[id.Role](ctx, tx, db.SQL(`SELECT id FROM roles`))
	if err != nil {
		return err
	}
	known, err := db.All[id.Status](ctx, tx, db.SQL(`SELECT id FROM statuses`))
	if err != nil {
		return err
	}
	for _, l := range along {
		if l.Was == nil || l.Now == nil || len(l.Was.Steps) <= len(l.Now.Steps) {
			continue
		}
		back := slices.DeleteFunc(slices.Clone(l.Was.Steps), func(st Step) bool {
			return st.From != n && st.To != n || !slices.Contains(roles, st.Role) || !slices.Contains(known, st.From) || !slices.Contains(known, st.To)
		})
		for _, role := range rolesOf(back) {
			if err := insertSteps(ctx, tx, id.Type(l.EntityID), role, of(back, role)); err != nil {
				return err
			}
		}
		if err := recordWorkflow(ctx, tx, a, id.Type(l.EntityID), journal.Undoing()); err != nil {
			return err
		}
	}
	return nil
}

func rolesOf(all []Step) []id.Role {
	var out []id.Role
	for _, st := range all {
		if !slices.Contains(out, st.Role) {
			out = append(out, st.Role)
		}
	}
	return out
}

// of are the steps of one role.
func of(all []Step, role id.Role) []Step {
	return slices.DeleteFunc(slices.Clone(all), func(st Step) bool { return st.Role != role })
}

// UndoWorkflow takes the newest change of the workflows of types back, all or none.
func (s *Service) UndoWorkflow(ctx context.Context, a access.Actor, ns ...id.Type) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int, error) {
		for _, n := range ns {
			if err := undoWorkflow(ctx, tx, a, n); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	return err
}

func undoWorkflow(ctx context.Context, tx *db.Tx, a access.Actor, n id.Type) error {
	last, err := journal.Newest[flowState](ctx, tx, journal.Workflow, int64(n))
	if err == nil {
		_, err = find[Type](ctx, tx, types, n)
	}
	if err == nil {
		err = last.OwnedBy(a.ID)
	}
	if err != nil {
		return err
	}
	if last.Was == nil {
		return journal.NothingToUndo()
	}
	for _, role := range rolesOf(append(slices.Clone(last.Was.Steps), last.Now.Steps...)) {
		was := of(last.Was.Steps, role)
		if slices.Equal(was, of(last.Now.Steps, role)) {
			continue
		}
		if err := checkPair(ctx, tx, n, role); fault.Is(err, fault.KindNotFound) {
			return fault.Conflict("a role of the workflow is not there any more")
		} else if err != nil {
			return err
		}
		if err := checkSteps(ctx, tx, was); err != nil {
			return err
		}
		if err := replaceSteps(ctx, tx, n, role, was); err != nil {
			return err
		}
	}
	return recordWorkflow(ctx, tx, a, n, journal.Undoing())
}
