package workpackage

import (
	"context"
	"encoding/json"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

// Changed is the job that follows each change of a work package, enqueued in its
// transaction. Whoever tells people of changes carries it out.
type Changed struct {
	Journal id.Journal `json:"journal"`
	// Edited says that only the text of the comment is different.
	Edited bool `json:"edited,omitempty"`
}

// Kind implements job.Args.
func (Changed) Kind() string { return "work_package.changed" }

// Event is announced to every process when a change is durable. It names ids
// only: whoever passes it on asks first who may see the work package.
type Event struct {
	WorkPackage id.WorkPackage `json:"id"`
	Project     id.Project     `json:"project"`
	Version     int            `json:"version"`
	By          id.User        `json:"by"`
}

// Topic is the topic of db.Listen under which events are announced.
const Topic = "work_packages"

// announce has people told of a change and pages renewed.
func announce(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, c Changed) error {
	if _, err := job.Enqueue(ctx, tx, c); err != nil {
		return err
	}
	text, err := json.Marshal(Event{WorkPackage: w.ID, Project: w.ProjectID, Version: w.LockVersion, By: a.ID})
	if err != nil {
		return err
	}
	return db.Notify(ctx, tx, Topic, string(text))
}

// Seen returns those of the work packages that actor may see, or could see before they went
// to the trash: whoever is told of a change learns no more than that there was one.
func (s *Service) Seen(ctx context.Context, a access.Actor, wps []id.WorkPackage) ([]id.WorkPackage, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]id.WorkPackage, error) {
		return db.All[id.WorkPackage](ctx, tx, db.SQL(`SELECT w.id FROM work_packages w WHERE`).Append(db.In("w.id", wps)).
			Add(`AND`).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)).Add(`ORDER BY w.id`))
	})
}

// Names returns the names of people, for who may see what they have done.
func (s *Service) Names(ctx context.Context, users []id.User) (map[id.User]Named, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.User]Named, error) { return Principals(ctx, tx, users) })
}
