package notification

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Reader is somebody who would be told.
type Reader struct {
	ID   id.User `db:"id"`
	Name string  `db:"name"`
}

// audienceMost is how many people Audience names.
const audienceMost = 12

// Audience is who would be told if actor commented on a work package with this text now, by
// name, and how many they are in all: the same people as Tell writes to. Whom the actor may not
// see is only counted, and so is who is told for watching it where they may not see watchers.
//
// Faults: NotFound when actor may not see the work package, Forbidden when they may not comment.
func (s *Service) Audience(ctx context.Context, a access.Actor, wp id.WorkPackage, text string) ([]Reader, int, error) {
	type audience struct {
		people []Reader
		total  int
	}
	got, err := db.Read(ctx, s.db, func(tx *db.Tx) (audience, error) {
		var out audience
		c := &changed{entry: journal.Entry{EntityID: int64(wp), Notes: text, UserID: a.ID}}
		if text == "" {
			c.entry.Notes = " " // somebody comments, whatever it will say
		}
		found, ok, err := db.One[people](ctx, tx, db.SQL(`SELECT w.project_id, w.assigned_to_id, w.responsible_id FROM work_packages w
			WHERE w.id = ? AND w.deleted_at IS NULL AND`, wp).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)))
		if err == nil && !ok {
			err = fault.NotFound("work package")
		}
		if err != nil {
			return out, err
		}
		c.wp = found
		shown, err := namedTo(ctx, tx, a, c.wp.Project)
		if err != nil {
			return out, err
		}
		from := db.SQL(`SELECT u.id, MIN(c.rank) AS rank, CASE WHEN u.firstname = '' THEN u.lastname ELSE u.firstname || ' ' || u.lastname END AS name FROM (`).
			Append(c.candidates()).Add(`) c JOIN users u ON u.id = c.user_id WHERE u.id <> ? AND`, a.ID).Append(access.Holders(access.ViewWorkPackages, c.wp.Project)).
			Add(`GROUP BY u.id, u.firstname, u.lastname
			HAVING MIN(c.rank) = 0 OR NOT EXISTS (SELECT 1 FROM notification_mutes q WHERE q.user_id = u.id AND q.work_package_id = ?)`, wp)
		if out.total, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM (`).Append(from).Add(`) n`)); err != nil || out.total == 0 {
			return out, err
		}
		out.people, err = db.All[Reader](ctx, tx, db.SQL(`SELECT id, name FROM (`).Append(from).Add(`) n WHERE`).Append(shown).Add(`ORDER BY rank, name, id LIMIT ?`, audienceMost))
		return out, err
	})
	return got.people, got.total, err
}

// namedTo is the condition that the actor, who is about to comment, may learn that n is told.
func namedTo(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) (db.Frag, error) {
	if err := access.Require(ctx, tx, a, access.AddWorkPackageComments, project); err != nil {
		return db.Frag{}, err
	}
	seen, err := access.VisiblePrincipals(ctx, tx, a, "n.id")
	if err != nil {
		return db.Frag{}, err
	}
	watchers, err := access.Allowed(ctx, tx, a, access.ViewWorkPackageWatchers, project)
	if err != nil || watchers {
		return seen.Paren(), err
	}
	return db.And(seen.Paren(), db.SQL(`n.rank < `+rankOf(Watched))), nil
}
