package catalog

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Plan is the catalog of a new instance.
type Plan struct {
	Types      []TypePatch
	Statuses   []StatusPatch
	Priorities []PriorityPatch
	// Flows names by type the statuses between which every step is open.
	Flows map[string][]string
	// Roles are those that take the steps.
	Roles []id.Role
}

// Install fills an empty catalog in the caller's transaction. Seeds use it.
//
// Faults: Conflict when the catalog is not empty.
func (s *Service) Install(ctx context.Context, tx *db.Tx, a access.Actor, p Plan) error {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT (SELECT COUNT(*) FROM types) + (SELECT COUNT(*) FROM statuses) +
		(SELECT COUNT(*) FROM priorities)`))
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.Conflict("the catalog is not empty")
	}
	byName := map[string]id.Status{}
	for _, in := range p.Statuses {
		st, err := createStatus(ctx, tx, a, in)
		if err != nil {
			return err
		}
		byName[st.Name] = st.ID
	}
	for _, in := range p.Priorities {
		if _, err := createPriority(ctx, tx, a, in); err != nil {
			return err
		}
	}
	for _, in := range p.Types {
		t, err := createType(ctx, tx, a, in)
		if err != nil {
			return err
		}
		if err := openFlow(ctx, tx, a, t, p.Roles, byName, p.Flows[t.Name]); err != nil {
			return err
		}
	}
	return nil
}

// openFlow opens every step between the named statuses, also to themselves.
func openFlow(ctx context.Context, tx *db.Tx, a access.Actor, t *Type, roles []id.Role, byName map[string]id.Status, names []string) error {
	var matrix []Step
	for _, from := range names {
		for _, to := range names {
			if byName[from] == 0 || byName[to] == 0 {
				return fault.InvalidField("status", "not_available")
			}
			matrix = append(matrix, Step{From: byName[from], To: byName[to]})
		}
	}
	for _, role := range roles {
		if err := replaceSteps(ctx, tx, t.ID, role, matrix); err != nil {
			return err
		}
	}
	return recordWorkflow(ctx, tx, a, t.ID, journal.Change{})
}
