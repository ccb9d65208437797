// Package id names the integer identifiers of every kind of record.
//
// Ids are OpenProject's: one sequence per kind, never reused, kept by imports
// and restores, so that links, commit messages and API clients stay valid. A
// named type per kind lets the compiler refuse a project's id where a user's
// is meant. The zero value means "none".
package id

import (
	"strconv"

	"github.com/holdfast/holdfast/internal/fault"
)

// Ids, one type per kind of record.
type (
	// User identifies any principal: a user, a group, a placeholder.
	User int64
	// Project identifies a project.
	Project int64
	// WorkPackage identifies a work package.
	WorkPackage int64
	// Type identifies a work package type.
	Type int64
	// Status identifies a work package status.
	Status int64
	// Priority identifies a priority.
	Priority int64
	// Version identifies a version of a project.
	Version int64
	// Category identifies a category of a project.
	Category int64
	// Role identifies a role.
	Role int64
	// Member identifies the membership of a principal in a project, or a global one.
	Member int64
	// Journal identifies one change of a record; API v3 calls it an activity.
	Journal int64
	// Attachment identifies an uploaded file's record.
	Attachment int64
	// Session identifies a browser session.
	Session int64
	// Token identifies an API key or a one-time token.
	Token int64
	// Backup identifies a requested backup.
	Backup int64
	// Job identifies a background job.
	Job int64
	// Mail identifies a queued mail.
	Mail int64
	// Audit identifies an entry of the audit log.
	Audit int64
	// Notification identifies a notification.
	Notification int64
)

// Parse reads an id as it stands in a path or a link. It returns a NotFound
// fault for anything that cannot be an id, because nothing can live there.
func Parse[T ~int64](what, s string) (T, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.NotFound(what)
	}
	return T(n), nil
}
