package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// Favor marks a project as one that the actor wants at hand. Marking it again
// changes nothing. It is the actor's own affair and not journaled.
//
// Faults: NotFound when actor may not see the project, Unauthenticated for visitors.
func (s *Service) Favor(ctx context.Context, a access.Actor, n id.Project) error {
	return s.mark(ctx, a, n, func(tx *db.Tx) db.Frag {
		return db.SQL(`INSERT INTO favorites (user_id, project_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, a.ID, n, tx.Stamp())
	})
}

// Disfavor takes the mark away; a project without it stays as it is.
//
// Faults: as Favor.
func (s *Service) Disfavor(ctx context.Context, a access.Actor, n id.Project) error {
	return s.mark(ctx, a, n, func(*db.Tx) db.Frag {
		return db.SQL(`DELETE FROM favorites WHERE user_id = ? AND project_id = ?`, a.ID, n)
	})
}

func (s *Service) mark(ctx context.Context, a access.Actor, n id.Project, change func(tx *db.Tx) db.Frag) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if _, err := visible(ctx, tx, a, n); err != nil {
			return err
		}
		if err := access.RequireSignedIn(a); err != nil {
			return err
		}
		_, err := db.Exec(ctx, tx, change(tx))
		return err
	})
}

// favored is the condition that the actor marked the project.
func favored(me int64) db.Frag {
	return db.SQL(`EXISTS (SELECT 1 FROM favorites fv WHERE fv.project_id = p.id AND fv.user_id = ?)`, me)
}

// byFavorite is = or ! of "t" or "f".
func byFavorite(c filter.Condition, e filter.Env) (db.Frag, error) {
	if len(c.Values) != 1 || c.Values[0] != "t" && c.Values[0] != "f" {
		return db.Frag{}, filter.WrongValue(c, "t or f")
	}
	if c.Op != "=" && c.Op != "!" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	if (c.Op == "=") == (c.Values[0] == "t") {
		return favored(e.Me), nil
	}
	return db.Not(favored(e.Me)), nil
}

// fillFavorites notes which of the projects the actor marked.
func fillFavorites(ctx context.Context, tx *db.Tx, a access.Actor, ps []Project, at map[id.Project]int, ids []id.Project) error {
	if !a.SignedIn() {
		return nil
	}
	marked, err := db.All[id.Project](ctx, tx, db.SQL(`SELECT project_id FROM favorites WHERE user_id = ? AND`, a.ID).Append(db.In("project_id", ids)))
	for _, n := range marked {
		ps[at[n]].Favorited = true
	}
	return err
}

// Favorites returns up to n of the active projects that the actor marked, by name: what
// a page shows of them at its side.
func (s *Service) Favorites(ctx context.Context, a access.Actor, n int) ([]Ref, error) {
	if !a.SignedIn() {
		return nil, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Ref, error) {
		return db.All[Ref](ctx, tx, db.SQL(`SELECT p.id, p.identifier, p.name, p.active FROM favorites f JOIN projects p ON p.id = f.project_id
			WHERE f.user_id = ? AND p.active AND`, a.ID).Append(access.VisibleEach("f.project_id", a, access.ViewProject)).Add(`ORDER BY p.name_folded, p.id LIMIT ?`, n))
	})
}
