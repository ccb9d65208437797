package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Undo puts back the state before the newest restore, which is kept aside for
// KeepOld. The present is first kept as a snapshot and then aside as it is, so that
// an undo can be undone. Files were never taken away by a restore.
//
// Faults: NotFound when nothing is kept aside.
func Undo(ctx context.Context, t Target) (Report, error) {
	if _, err := Recover(ctx, t); err != nil {
		return Report{}, fmt.Errorf("undo: settle an earlier restore: %w", err)
	}
	r := &restoration{target: t, now: clock(t.DB)}
	r.began = r.now()
	defer func() {
		if r.place != nil {
			_ = r.place.close()
		}
	}()
	if err := r.undo(ctx); err != nil {
		return Report{}, explain(fmt.Errorf("undo: %w", err))
	}
	return r.result, nil
}

func (r *restoration) undo(ctx context.Context) error {
	var live string
	var err error
	if r.place, live, err = openPlace(ctx, r.target.DB); err != nil {
		return err
	}
	kept, err := olds(ctx, r.place, live)
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(name string) bool { _, ok := madeAt(name); return !ok })
	if len(kept) == 0 {
		return fault.WithHint(fault.NotFound("state before a restore"), "restores keep what was there for 7 days; holdfast backup list shows snapshots")
	}
	if err := r.place.rights(ctx, live); err != nil {
		return err
	}
	r.state = state{ID: newID(r.began), Live: live}
	r.state.name(r.target.DB.URL == "")
	r.state.Staged, r.state.Kept = slices.Max(kept), true // their names sort by time
	r.result = Report{ID: r.state.ID, Old: r.state.Old}
	if err := (gate{whole: true}).try(ctx, r.place.options(r.state.Staged)); err != nil {
		return fmt.Errorf("what was kept aside does not work: %w", err)
	}
	r.plan.Target = TargetInUse
	if err := r.safety(ctx); err != nil {
		return err
	}
	if err := r.noteUndo(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := r.enter(stepSwap); err != nil {
		return err
	}
	return complete(ctx, r.place, r.target, r.state, gate{whole: true})
}

// noteUndo carries the audit log over, holds mail back, and lists the safety copy,
// in the state that comes back. It may be done twice.
func (r *restoration) noteUndo(ctx context.Context) error {
	staged, err := db.Open(ctx, r.place.options(r.state.Staged))
	if err != nil {
		return err
	}
	live, err := db.Open(ctx, r.place.options(r.state.Live))
	if err != nil {
		_ = staged.Close()
		return err
	}
	r.head = &Head{Origin: Own, Manifest: Manifest{CreatedAt: "the state before the restore"}}
	err = db.Do(db.Alone(ctx), staged, func(tx *db.Tx) error {
		s := sanitiser{r: r, tx: tx}
		_, err := db.Read(ctx, live, func(from *db.Tx) (struct{}, error) {
			for _, f := range []func(context.Context, *db.Tx) error{s.quarantine, s.pinFiles, s.people, s.keys, s.passwords, s.backups, s.upkeep, s.liveBlobs, s.audit} {
				if err := f(ctx, from); err != nil {
					return struct{}{}, err
				}
			}
			r.result.Notes = s.notes
			return struct{}{}, nil
		})
		return err
	})
	if cerr := live.Close(); err == nil {
		err = cerr
	}
	if cerr := staged.Close(); err == nil {
		err = cerr
	}
	return err
}
