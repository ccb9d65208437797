package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// recountBatch is how many work packages one transaction looks at.
const recountBatch = 200

// CauseCalendar is the journaled cause of durations that follow the working days.
const CauseCalendar = "working_days_changed"

// Recount counts the durations of all work packages anew, after the working
// days have changed, and returns how many are different now. Dates stay: a plan
// that people agreed on does not move by itself. Work packages that ignore
// non-working days and milestones keep their durations, too. It may be
// interrupted and repeated.
func (s *Service) Recount(ctx context.Context, a access.Actor) (int, error) {
	changed := 0
	for after := id.WorkPackage(0); ; {
		type batch struct {
			last  id.WorkPackage
			total int
		}
		got, err := db.Write(ctx, s.db, func(tx *db.Tx) (batch, error) {
			some, err := db.All[WorkPackage](ctx, tx, db.SQL(`SELECT `+columns+` FROM work_packages w
				WHERE w.id > ? AND w.deleted_at IS NULL AND w.start_date IS NOT NULL AND w.due_date IS NOT NULL AND NOT w.ignore_non_working_days
				ORDER BY w.id LIMIT ?`, after, recountBatch))
			if err != nil || len(some) == 0 {
				return batch{}, err
			}
			b := batch{last: some[len(some)-1].ID}
			for i := range some {
				w := &some[i]
				n := max(1, s.week(w).count(*w.StartDate, *w.DueDate))
				if w.Duration != nil && *w.Duration == n {
					continue
				}
				w.Duration = &n
				if err := update(ctx, tx, w); err != nil {
					return b, err
				}
				if err := record(ctx, tx, a, w, change{cause: CauseCalendar, apart: true}); err != nil {
					return b, err
				}
				b.total++
			}
			return b, nil
		})
		if err != nil || got.last == 0 {
			return changed, err
		}
		changed += got.total
		after = got.last
	}
}
