package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// groupColumns are what a list can be grouped by.
var groupColumns = map[string]string{
	"status": "w.status_id", "type": "w.type_id", "priority": "w.priority_id", "project": "w.project_id",
	"assignee": "w.assigned_to_id", "responsible": "w.responsible_id", "version": "w.version_id", "category": "w.category_id",
}

// Groups counts the work packages of a list, on all its pages, by the value of a
// field; those without one are under 0.
//
// Faults: as List; Invalid for a field that groups nothing.
func (s *Service) Groups(ctx context.Context, a access.Actor, in ListInput, by string) (map[int64]int, error) {
	column, ok := groupColumns[by]
	if !ok {
		return nil, fault.InvalidField("groupBy", "inclusion")
	}
	type row struct {
		Value int64 `db:"value"`
		Count int   `db:"n"`
	}
	rows, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
		where, err := selection(a, in, tx.Now(), "w.project_id")
		if err != nil {
			return nil, err
		}
		return db.All[row](ctx, tx, db.SQL(`SELECT COALESCE(`+column+`, 0) AS value, COUNT(*) AS n FROM work_packages w WHERE`).
			Append(where).Add(`GROUP BY COALESCE(`+column+`, 0)`))
	})
	out := map[int64]int{}
	for _, r := range rows {
		out[r.Value] = r.Count
	}
	return out, err
}

// Groupable says whether Groups knows the field.
func Groupable(by string) bool { return groupColumns[by] != "" }
