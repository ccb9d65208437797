package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Create makes a work package in p.Project on behalf of actor.
//
// Faults: NotFound when actor may not see the project, Forbidden without the
// right to add work packages there, Invalid with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, p Patch) (*WorkPackage, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*WorkPackage, error) {
		return s.create(ctx, tx, a, p)
	})
}

// CreateAll makes several work packages in one transaction, all or none; each
// patch is built from those made before it. Seeds use it.
func (s *Service) CreateAll(ctx context.Context, a access.Actor, n int, patch func(i int, made []*WorkPackage) Patch) ([]*WorkPackage, error) {
	return db.Write(db.Alone(ctx), s.db, func(tx *db.Tx) ([]*WorkPackage, error) {
		made := make([]*WorkPackage, 0, n)
		for i := range n {
			w, err := s.create(ctx, tx, a, patch(i, made))
			if err != nil {
				return nil, err
			}
			made = append(made, w)
		}
		return made, nil
	})
}

func (s *Service) create(ctx context.Context, tx *db.Tx, a access.Actor, p Patch) (*WorkPackage, error) {
	if p.Project.Set {
		if err := mayAdd(ctx, tx, a, p.Project.V); err != nil {
			return nil, err
		}
	}
	d, err := s.draft(ctx, tx, a, nil, p)
	if err != nil {
		return nil, err
	}
	if err := d.errs.err(); err != nil {
		return nil, err
	}
	w := d.after
	if err := insert(ctx, tx, &w); err != nil {
		return nil, err
	}
	if len(p.Attachments) > 0 {
		if err := s.attachments.Claim(ctx, tx, a, p.Attachments, container, int64(w.ID)); err != nil {
			return nil, err
		}
	}
	if err := record(ctx, tx, a, &w, change{notes: p.Notes, first: len(p.Attachments) == 0}); err != nil {
		return nil, err
	}
	return &w, s.rescheduleAncestors(ctx, tx, a, w.ParentID)
}

// mayAdd returns NotFound when the actor may not see the project and
// Forbidden without the right to add work packages to it.
func mayAdd(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) error {
	seen, err := access.Allowed(ctx, tx, a, access.ViewProject, project)
	if err != nil {
		return err
	}
	if !seen {
		return fault.NotFound("project")
	}
	return access.Require(ctx, tx, a, access.AddWorkPackages, project)
}
