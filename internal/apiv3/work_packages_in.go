package apiv3

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// workPackagePatch reads a body. Read-only members are not looked at: clients
// send whole documents back.
func (s *API) workPackagePatch(r *http.Request, a access.Actor, o object) (workpackage.Patch, error) {
	in := newPayload(o, a)
	var p workpackage.Patch
	in.text("subject", &p.Subject)
	in.formattable("description", &p.Description)
	in.date("startDate", &p.StartDate)
	in.date("dueDate", &p.DueDate)
	if _, ok := o["date"]; ok {
		in.date("date", &p.StartDate)
		p.DueDate = p.StartDate
	}
	in.days("duration", &p.Duration)
	in.boolean("ignoreNonWorkingDays", &p.IgnoreNonWorkingDays)
	in.boolean("scheduleManually", &p.ScheduleManually)
	in.duration("estimatedTime", &p.EstimatedSeconds)
	in.duration("remainingTime", &p.RemainingSeconds)
	in.integerOrNull("percentageDone", &p.DoneRatio)
	in.integer("lockVersion", &p.LockVersion)
	link(in, "type", &p.Type, "types")
	link(in, "status", &p.Status, "statuses")
	link(in, "priority", &p.Priority, "priorities")
	linkOrNull(in, "assignee", &p.Assignee, "users", "groups", "placeholder_users", "principals")
	linkOrNull(in, "responsible", &p.Responsible, "users", "groups", "placeholder_users", "principals")
	linkOrNull(in, "version", &p.Version, "versions")
	linkOrNull(in, "category", &p.Category, "categories")
	linkOrNull(in, "parent", &p.Parent, "work_packages")
	p.Attachments, _ = linkList[id.Attachment](in, "attachments", "attachments")
	if err := s.projectLink(r, a, in, "project", &p.Project); err != nil {
		return p, err
	}
	return p, in.err()
}

// projectLink reads a link to a project, by id or identifier.
func (s *API) projectLink(r *http.Request, a access.Actor, in *payload, rel string, to *opt.Value[id.Project]) error {
	ref, null, ok := in.ref(rel, "projects", "workspaces")
	switch {
	case !ok:
		return nil
	case null:
		*to = opt.Of(id.Project(0))
		return nil
	case ref.ID != 0:
		*to = opt.Of(id.Project(ref.ID))
		return nil
	}
	p, err := s.app.Projects.FindRef(r.Context(), a, ref.Name)
	if fault.Is(err, fault.KindNotFound) {
		in.errs = append(in.errs, fault.Field{Name: rel, Code: "not_available"})
		return nil
	}
	if err == nil {
		*to = opt.Of(p.ID)
	}
	return err
}
