package setting

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/journal"
)

// RecordID is under what number the journal keeps the settings, all together.
const RecordID = 1

// kept are the settings that undoing leaves alone: what the program notes for itself,
// and mail that has been let go.
var kept = []string{"demo_seeded", "demo_projects", "demo_people", "demo_groups", "instance_id", "installed_at", "mail_quarantine"}

// Undo takes the newest change of the settings or the non-working days back, which
// must be the actor's own. It is a change like any other, so that undoing it in turn
// brings the change back.
//
// Faults: as Change; Conflict when someone else has changed settings since.
func (s *Service) Undo(ctx context.Context, a access.Actor) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		last, err := journal.Newest[state](ctx, tx, journal.Setting, RecordID)
		if err == nil {
			err = last.OwnedBy(a.ID)
		}
		if err != nil {
			return err
		}
		if last.Was == nil {
			return journal.NothingToUndo()
		}
		days, err := s.daysBack(ctx, tx, a, *last.Now, *last.Was)
		if err != nil {
			return err
		}
		before, err := stored(ctx, tx)
		if err != nil {
			return err
		}
		after, changed, err := goBack(before, last.Now.Values, last.Was.Values)
		if err != nil {
			return err
		}
		if !changed && !days {
			return journal.NothingToUndo()
		}
		if !changed {
			return nil
		}
		return s.settle(ctx, tx, a, before, after, journal.Undoing())
	})
}

// goBack are the settings v, with those as they were that the change from was to now
// has changed, and whether there are some.
func goBack(v, now, was Values) (Values, bool, error) {
	from, err := members(now)
	if err != nil {
		return v, false, err
	}
	to, err := members(was)
	if err != nil {
		return v, false, err
	}
	maps.DeleteFunc(to, func(name string, value json.RawMessage) bool {
		return string(from[name]) == string(value) || slices.Contains(kept, name)
	})
	data, err := json.Marshal(to)
	if err != nil {
		return v, false, err
	}
	after := v.clone()
	err = json.Unmarshal(data, &after)
	return after, len(to) > 0, err
}

// daysBack makes the non-working days those that they were, and says whether that
// was a change.
func (s *Service) daysBack(ctx context.Context, tx *db.Tx, a access.Actor, now, was state) (bool, error) {
	changed := false
	for _, n := range now.NonWorkingDays {
		if !slices.Contains(was.NonWorkingDays, n) {
			if err := s.removeDay(ctx, tx, a, n.Date, journal.Undoing()); err != nil {
				return false, err
			}
			changed = true
		}
	}
	for _, n := range was.NonWorkingDays {
		if !slices.Contains(now.NonWorkingDays, n) {
			if err := s.addDay(ctx, tx, a, n, journal.Undoing()); err != nil {
				return false, err
			}
			changed = true
		}
	}
	return changed, nil
}
