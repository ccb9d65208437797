package workpackage

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// Close gives a work package the first closed status, in the order of the statuses, that its workflow
// allows the actor. One that is closed already stays as it is.
//
// Faults: as Update; Conflict when the workflow leads to no closed status from here.
func (s *Service) Close(ctx context.Context, a access.Actor, wp id.WorkPackage) (*WorkPackage, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*WorkPackage, error) {
		before, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		all, err := statuses(ctx, tx)
		if err != nil {
			return nil, err
		}
		p := Patch{LockVersion: opt.Of(before.LockVersion)}
		if err := s.mayChange(ctx, tx, a, before, &p); err != nil {
			return nil, err
		}
		if now, ok := statusByID(all, before.StatusID); ok && now.Closed {
			return before, nil
		}
		next, err := reachable(ctx, tx, a, before, before.StatusID)
		if err != nil {
			return nil, err
		}
		for _, st := range all {
			if st.Closed && slices.Contains(next, st.ID) {
				p.Status = opt.Of(st.ID)
				return s.update(ctx, tx, a, before, p)
			}
		}
		return nil, &fault.Fault{Kind: fault.KindConflict, Message: "the workflow leads to no closed status from here", Key: "home.cannot_close"}
	})
}
