// Package workpackage is the heart of planning: tasks, milestones, bugs.
//
// A work package belongs to a project, has a type, a status, a priority and a
// subject, and may have a description, people, dates, estimates and a parent.
// Whoever changes one sends the lock version last seen; a stale one is a
// Conflict. Deleting moves to the trash, with all descendants.
//
// The rules of fields stand in one table (contract.go) that serves creating,
// updating, previewing (forms) and the published schema. Dates and progress
// derive from each other by pure functions (schedule.go, progress.go).
package workpackage

import (
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// WorkPackage is one work package as stored.
type WorkPackage struct {
	ID                   id.WorkPackage  `db:"id"`
	ProjectID            id.Project      `db:"project_id"`
	TypeID               id.Type         `db:"type_id"`
	StatusID             id.Status       `db:"status_id"`
	PriorityID           id.Priority     `db:"priority_id"`
	Subject              string          `db:"subject"`
	Description          string          `db:"description"`
	AuthorID             id.User         `db:"author_id"`
	AssigneeID           *id.User        `db:"assigned_to_id"`
	ResponsibleID        *id.User        `db:"responsible_id"`
	VersionID            *id.Version     `db:"version_id"`
	CategoryID           *id.Category    `db:"category_id"`
	ParentID             *id.WorkPackage `db:"parent_id"`
	StartDate            *db.Day         `db:"start_date"`
	DueDate              *db.Day         `db:"due_date"`
	Duration             *int            `db:"duration"` // days, both ends included
	IgnoreNonWorkingDays bool            `db:"ignore_non_working_days"`
	ScheduleManually     bool            `db:"schedule_manually"`
	DoneRatio            *int            `db:"done_ratio"` // percent
	EstimatedSeconds     *int64          `db:"estimated_seconds"`
	RemainingSeconds     *int64          `db:"remaining_seconds"`
	LockVersion          int             `db:"lock_version"`
	CreatedAt            db.Time         `db:"created_at"`
	UpdatedAt            db.Time         `db:"updated_at"`
}

// Patch says what to set; absent fields are left alone. It serves creating as
// well, where absent fields get defaults.
type Patch struct {
	Project              opt.Value[id.Project]
	Type                 opt.Value[id.Type]
	Status               opt.Value[id.Status]
	Priority             opt.Value[id.Priority]
	Subject              opt.Value[string]
	Description          opt.Value[string]
	Assignee             opt.Value[*id.User]
	Responsible          opt.Value[*id.User]
	Version              opt.Value[*id.Version]
	Category             opt.Value[*id.Category]
	Parent               opt.Value[*id.WorkPackage]
	StartDate            opt.Value[*db.Day]
	DueDate              opt.Value[*db.Day]
	Duration             opt.Value[*int]
	IgnoreNonWorkingDays opt.Value[bool]
	ScheduleManually     opt.Value[bool]
	DoneRatio            opt.Value[*int]
	EstimatedSeconds     opt.Value[*int64]
	RemainingSeconds     opt.Value[*int64]
	// Attachments are uploads of the actor without a container, to be claimed.
	Attachments []id.Attachment
	// LockVersion is the version the change is based on; updates require it.
	LockVersion opt.Value[int]
	// Notes is a comment that goes with the change.
	Notes string
}

// State is what the journal keeps of a work package: everything after a change.
type State struct {
	ProjectID            id.Project      `json:"project"`
	TypeID               id.Type         `json:"type"`
	StatusID             id.Status       `json:"status"`
	PriorityID           id.Priority     `json:"priority"`
	Subject              string          `json:"subject"`
	Description          string          `json:"description"`
	AuthorID             id.User         `json:"author"`
	AssigneeID           *id.User        `json:"assignee"`
	ResponsibleID        *id.User        `json:"responsible"`
	VersionID            *id.Version     `json:"version"`
	CategoryID           *id.Category    `json:"category"`
	ParentID             *id.WorkPackage `json:"parent"`
	StartDate            *db.Day         `json:"startDate"`
	DueDate              *db.Day         `json:"dueDate"`
	Duration             *int            `json:"duration"`
	IgnoreNonWorkingDays bool            `json:"ignoreNonWorkingDays"`
	ScheduleManually     bool            `json:"scheduleManually"`
	DoneRatio            *int            `json:"percentageDone"`
	EstimatedSeconds     *int64          `json:"estimatedTime"`
	RemainingSeconds     *int64          `json:"remainingTime"`
	Attachments          []AttachedFile  `json:"attachments,omitempty"`
	Deleted              bool            `json:"deleted,omitempty"`
}

// AttachedFile names a file in a journaled state.
type AttachedFile struct {
	ID   id.Attachment `json:"id" db:"id"`
	Name string        `json:"name" db:"file_name"`
}

func (w *WorkPackage) state(files []AttachedFile) State {
	return State{
		ProjectID: w.ProjectID, TypeID: w.TypeID, StatusID: w.StatusID, PriorityID: w.PriorityID,
		Subject: w.Subject, Description: w.Description, AuthorID: w.AuthorID, AssigneeID: w.AssigneeID,
		ResponsibleID: w.ResponsibleID, VersionID: w.VersionID, CategoryID: w.CategoryID, ParentID: w.ParentID, StartDate: w.StartDate, DueDate: w.DueDate,
		Duration: w.Duration, IgnoreNonWorkingDays: w.IgnoreNonWorkingDays, ScheduleManually: w.ScheduleManually,
		DoneRatio: w.DoneRatio, EstimatedSeconds: w.EstimatedSeconds, RemainingSeconds: w.RemainingSeconds,
		Attachments: files,
	}
}
