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
