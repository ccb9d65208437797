package workpackage

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// lookedBack is how many of a person's last changes Worked looks through.
const lookedBack = 200

// Worked returns up to n work packages that the actor made, changed or commented last,
// the latest first. What has been deleted or may not be seen any more is left out. It
// comes from the journal, so nothing has to be written down when a page is read.
//
// Faults: Unauthenticated for visitors.
func (s *Service) Worked(ctx context.Context, a access.Actor, n int) (*Page, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		ids, err := db.All[id.WorkPackage](ctx, tx, db.SQL(`SELECT j.entity_id FROM (SELECT entity_id, id FROM journals
			WHERE user_id = ? AND entity_type = ? ORDER BY id DESC LIMIT ?) j GROUP BY j.entity_id ORDER BY MAX(j.id) DESC LIMIT ?`,
			a.ID, journal.WorkPackage, lookedBack, 2*n))
		if err != nil || len(ids) == 0 {
			return &Page{Refs: &Refs{}}, err
		}
		values := make([]string, len(ids))
		for i, w := range ids {
			values[i] = strconv.FormatInt(int64(w), 10)
		}
		where, err := selection(a, ListInput{Filters: []filter.Condition{{Name: "id", Op: "=", Values: values}}}, tx.Now(), "w.project_id")
		if err != nil {
			return nil, err
		}
		p := &Page{}
		if p.Items, err = db.All[WorkPackage](ctx, tx, db.SQL(`SELECT `+columns+` FROM work_packages w WHERE`).Append(where)); err != nil {
			return nil, err
		}
		slices.SortFunc(p.Items, func(x, y WorkPackage) int { return cmp.Compare(slices.Index(ids, x.ID), slices.Index(ids, y.ID)) })
		p.Items = p.Items[:min(n, len(p.Items))]
		p.Total = len(p.Items)
		p.Refs, err = loadRefs(ctx, tx, a, p.Items)
		return p, err
	})
}
