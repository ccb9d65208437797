// Package notification tells people of changes that concern them.
//
// Each change of a work package is followed by a job that makes one notification
// for each person it concerns, with the first reason that applies: mentioned,
// assigned, responsible (API v3's word for accountable), watched, and, for those
// who asked for it, commented, created, processed (another status), prioritized,
// scheduled (other dates) in the projects they are members of. Nobody is told of
// what they did themselves, and nobody of what they may not see: that is asked
// when the notification is made and again whenever it is read.
//
// There is one notification per person and journal entry. A further change that
// the journal merges into the entry makes it unread again.
//
// Notifications are in an inbox until they are done with or put off. Opening a work
// package marks what somebody was told of it as read, and leaves it there. API v3 knows
// one state only: what is marked as read by it is done with as well. Who has muted a
// work package is told of it only where something mentions them.
package notification

import (
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Reason is why somebody is told, in the spelling of API v3.
type Reason string

// The reasons, the strongest first.
const (
	Mentioned   Reason = "mentioned"
	Assigned    Reason = "assigned"
	Responsible Reason = "responsible"
	Watched     Reason = "watched"
	Commented   Reason = "commented"
	Created     Reason = "created"
	Processed   Reason = "processed"
	Prioritized Reason = "prioritized"
	Scheduled   Reason = "scheduled"
)

var reasons = []Reason{Mentioned, Assigned, Responsible, Watched, Commented, Created, Processed, Prioritized, Scheduled}

// Reasons returns all reasons, the strongest first.
func Reasons() []Reason { return slices.Clone(reasons) }

// Switchable returns the reasons that a person can switch off or on; who is
// mentioned is always told.
func Switchable() []Reason { return slices.Clone(reasons[1:]) }

// standard says whether a reason holds for who has said nothing.
func (r Reason) standard() bool { return slices.Contains(reasons[:4], r) }

// Notification is one notification with what names it.
type Notification struct {
	ID          id.Notification `db:"id"`
	Recipient   id.User         `db:"recipient_id"`
	Actor       id.User         `db:"actor_id"`
	ActorName   string          `db:"actor_name"`
	Reason      Reason          `db:"reason"`
	WorkPackage id.WorkPackage  `db:"work_package_id"`
	Subject     string          `db:"subject"`
	Project     id.Project      `db:"project_id"`
	ProjectName string          `db:"project_name"`
	Journal     id.Journal      `db:"journal_id"`
	ReadAt      *db.Time        `db:"read_at"`
	DoneAt      *db.Time        `db:"done_at"`
	CreatedAt   db.Time         `db:"created_at"`
	UpdatedAt   db.Time         `db:"updated_at"`
}

// Read says whether the recipient has seen it.
func (n Notification) Read() bool { return n.ReadAt != nil }

// Service makes notifications and shows them to their recipients.
type Service struct{ db *db.DB }

// New returns the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Register has the jobs that changes leave carried out.
func (s *Service) Register(r *job.Runner) {
	job.Register[workpackage.Changed](r, s.Tell)
	job.Register(r, s.awake)
}

// Topic is the topic of db.Listen under which is announced whose notifications
// are different now, as a JSON array of ids of people.
const Topic = "notified"

const columns = `n.id, n.recipient_id, n.actor_id, CASE WHEN u.firstname = '' THEN u.lastname ELSE u.firstname || ' ' || u.lastname END AS actor_name,
	n.reason, n.work_package_id, w.subject, w.project_id, p.name AS project_name, n.journal_id, n.read_at, n.done_at, n.created_at, n.updated_at`

const tables = `notifications n JOIN work_packages w ON w.id = n.work_package_id JOIN journals j ON j.id = n.journal_id
	JOIN users u ON u.id = n.actor_id JOIN projects p ON p.id = w.project_id`

// mine is the condition, over tables, that a notification is the actor's and of
// something the actor may see now.
func mine(a access.Actor) db.Frag {
	if !a.SignedIn() {
		return db.False
	}
	return db.And(db.SQL(`n.recipient_id = ? AND w.deleted_at IS NULL`, a.ID),
		access.VisibleEach("w.project_id", a, access.ViewWorkPackages),
		db.Or(db.SQL(`NOT j.internal`), access.VisibleEach("w.project_id", a, access.ViewInternalComments)).Paren())
}
