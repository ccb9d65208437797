package catalog

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// TypeUses counts the work packages of each type, also those in the trash:
// they can come back, so a type that one of them has stays.
//
// Faults: Forbidden for everyone but administrators.
func (s *Service) TypeUses(ctx context.Context, a access.Actor) (map[id.Type]int, error) {
	return countUses[id.Type](ctx, s, a, "type_id")
}

// StatusUses counts the work packages of each status as TypeUses does.
func (s *Service) StatusUses(ctx context.Context, a access.Actor) (map[id.Status]int, error) {
	return countUses[id.Status](ctx, s, a, "status_id")
}

// PriorityUses counts the work packages of each priority as TypeUses does.
func (s *Service) PriorityUses(ctx context.Context, a access.Actor) (map[id.Priority]int, error) {
	return countUses[id.Priority](ctx, s, a, "priority_id")
}

func countUses[I ~int64](ctx context.Context, s *Service, a access.Actor, column string) (map[I]int, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[I]int, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		type row struct {
			ID I   `db:"id"`
			N  int `db:"n"`
		}
		rows, err := db.All[row](ctx, tx, db.SQL(`SELECT `+column+` AS id, COUNT(*) AS n FROM work_packages GROUP BY `+column+` ORDER BY `+column))
		out := make(map[I]int, len(rows))
		for _, r := range rows {
			out[r.ID] = r.N
		}
		return out, err
	})
}
