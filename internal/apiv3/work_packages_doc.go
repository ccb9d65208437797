package apiv3

import (
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Paths of resources, before the id.
const (
	packages    = Root + "/work_packages/"
	projects    = Root + "/projects/"
	users       = Root + "/users/"
	groups      = Root + "/groups/"
	types       = Root + "/types/"
	statuses    = Root + "/statuses/"
	priorities  = Root + "/priorities/"
	versions    = Root + "/versions/"
	categories  = Root + "/categories/"
	roles       = Root + "/roles/"
	memberships = Root + "/memberships/"
	activities  = Root + "/activities/"
	attachments = Root + "/attachments/"
)

func to[T ~int64](base string, n T) hal.Path { return hal.Path{Base: base, ID: int64(n)} }

func below[T ~int64](base string, n T, tail string) hal.Path {
	return hal.Path{Base: base, ID: int64(n), Tail: tail}
}

// workPackageDoc represents a work package as the actor sees it.
func workPackageDoc(w *workpackage.WorkPackage, refs *workpackage.Refs, a access.Actor) *hal.Object {
	o := hal.New("WorkPackage")
	derived := refs.Derived[w.ID]
	o.Int("id", int64(w.ID))
	o.Str("displayId", strconv.FormatInt(int64(w.ID), 10))
	o.Int("lockVersion", int64(w.LockVersion))
	o.Str("subject", w.Subject)
	o.Formattable("description", hal.Markdown, w.Description, string(markup.Render(w.Description)))
	o.Bool("scheduleManually", w.ScheduleManually)
	o.Bool("readonly", false)
	if refs.Types[w.TypeID].Milestone {
		o.Date("date", day(w.DueDate))
	} else {
		o.Date("startDate", day(w.StartDate))
		o.Date("dueDate", day(w.DueDate))
	}
	o.Date("derivedStartDate", day(derived.Start))
	o.Date("derivedDueDate", day(derived.Due))
	o.DurationOrNull("estimatedTime", w.EstimatedSeconds)
	o.DurationOrNull("derivedEstimatedTime", derived.Work)
	o.DurationOrNull("remainingTime", w.RemainingSeconds)
	o.DurationOrNull("derivedRemainingTime", derived.Remaining)
	o.DaysOrNull("duration", w.Duration)
	o.Bool("ignoreNonWorkingDays", w.IgnoreNonWorkingDays)
	o.Duration("spentTime", 0)
	o.IntOrNull("percentageDone", w.DoneRatio)
	o.IntOrNull("derivedPercentageDone", derived.Percent)
	o.Time("createdAt", w.CreatedAt.Time)
	o.Time("updatedAt", w.UpdatedAt.Time)
	workPackageLinks(o, w, refs)
	workPackageActions(o, w, refs, a)
	return o
}

func day[T ~string](d *T) string {
	if d == nil {
		return ""
	}
	return string(*d)
}

func schemaHref(p id.Project, t id.Type) string {
	return packages + "schemas/" + strconv.FormatInt(int64(p), 10) + "-" + strconv.FormatInt(int64(t), 10)
}

// workPackageLinks are the links to other records.
func workPackageLinks(o *hal.Object, w *workpackage.WorkPackage, refs *workpackage.Refs) {
	o.To("self", to(packages, w.ID), w.Subject)
	o.Link("schema", schemaHref(w.ProjectID, w.TypeID), "")
	o.To("activities", below(packages, w.ID, "/activities"), "")
	o.To("attachments", below(packages, w.ID, "/attachments"), "")
	o.To("relations", below(packages, w.ID, "/relations"), "")
	o.To("revisions", below(packages, w.ID, "/revisions"), "")
	o.To("type", to(types, w.TypeID), refs.Types[w.TypeID].Name)
	o.To("priority", to(priorities, w.PriorityID), refs.Priorities[w.PriorityID].Name)
	o.To("project", to(projects, w.ProjectID), refs.Projects[w.ProjectID].Name)
	o.To("status", to(statuses, w.StatusID), refs.Statuses[w.StatusID].Name)
	principalLink(o, "author", &w.AuthorID, refs)
	principalLink(o, "responsible", w.ResponsibleID, refs)
	principalLink(o, "assignee", w.AssigneeID, refs)
	planningLinks(o, w, refs)
	o.LinkArray("ancestors", packageLinks(refs.Ancestors[w.ID]))
	switch above := refs.Ancestors[w.ID]; {
	case w.ParentID == nil:
		o.LinkNull("parent")
	case len(above) > 0 && above[len(above)-1].ID == int64(*w.ParentID):
		o.To("parent", to(packages, *w.ParentID), above[len(above)-1].Name)
	default:
		o.Link("parent", hal.Undisclosed, "Undisclosed")
	}
	if below := refs.Children[w.ID]; len(below) > 0 {
		o.LinkArray("children", packageLinks(below))
	}
}

// planningLinks are those to the version and the category.
func planningLinks(o *hal.Object, w *workpackage.WorkPackage, refs *workpackage.Refs) {
	if w.VersionID == nil {
		o.LinkNull("version")
	} else {
		o.To("version", to(versions, *w.VersionID), refs.Versions[*w.VersionID].Name)
	}
	if w.CategoryID == nil {
		o.LinkNull("category")
	} else {
		o.To("category", to(categories, *w.CategoryID), refs.Categories[*w.CategoryID].Name)
	}
}

func packageLinks(list []workpackage.Named) []hal.Link {
	out := make([]hal.Link, len(list))
	for i, n := range list {
		out[i] = hal.Link{Path: hal.Path{Base: packages, ID: n.ID}, Title: n.Name}
	}
	return out
}

func principalLink(o *hal.Object, rel string, u *id.User, refs *workpackage.Refs) {
	if u == nil {
		o.LinkNull(rel)
		return
	}
	n := refs.Users[*u]
	o.To(rel, hal.Path{Base: principalBase(n.Kind), ID: int64(*u)}, n.Name)
}

func principalBase(kind string) string {
	switch kind {
	case "Group":
		return groups
	case "PlaceholderUser":
		return Root + "/placeholder_users/"
	}
	return users
}

// workPackageActions are the links to what the actor may do now.
func workPackageActions(o *hal.Object, w *workpackage.WorkPackage, refs *workpackage.Refs, a access.Actor) {
	may := func(p access.Permission) bool { return refs.Grants.Has(p, w.ProjectID) }
	edit := may(access.EditWorkPackages)
	if edit || may(access.ChangeWorkPackageStatus) || may(access.MoveWorkPackages) || may(access.ManageSubtasks) || may(access.AssignVersions) {
		o.Action("update", below(packages, w.ID, "/form"), "post")
		o.Action("updateImmediately", to(packages, w.ID), "patch")
	}
	if may(access.DeleteWorkPackages) {
		o.Action("delete", to(packages, w.ID), "delete")
	}
	if may(access.MoveWorkPackages) {
		o.AddLink("move", hal.Link{Path: below("/work_packages/", w.ID, "/edit"), Type: "text/html", Title: "Move " + w.Subject})
	}
	if edit {
		o.To("availableWatchers", below(packages, w.ID, "/available_watchers"), "")
		o.AddLink("previewMarkup", hal.Link{Href: Root + "/render/markdown?context=" + packages + strconv.FormatInt(int64(w.ID), 10), Method: "post"})
	}
	if edit || may(access.AddWorkPackageAttachments) {
		o.Action("addAttachment", below(packages, w.ID, "/attachments"), "post")
	}
	if may(access.AddWorkPackageComments) {
		o.AddLink("addComment", hal.Link{Path: below(packages, w.ID, "/activities"), Method: "post", Title: "Add comment"})
	}
	if may(access.AddWorkPackages) && may(access.ManageSubtasks) {
		o.AddLink("addChild", hal.Link{Path: below(projects, w.ProjectID, "/work_packages"), Method: "post", Title: "Add child of " + w.Subject})
		o.AddLink("changeParent", hal.Link{Path: to(packages, w.ID), Method: "patch", Title: "Change parent of " + w.Subject})
	}
	watchActions(o, w, refs, a, may)
}

func watchActions(o *hal.Object, w *workpackage.WorkPackage, refs *workpackage.Refs, a access.Actor, may func(access.Permission) bool) {
	if may(access.ViewWorkPackageWatchers) {
		o.To("watchers", below(packages, w.ID, "/watchers"), "")
	}
	if may(access.AddWorkPackageWatchers) {
		o.AddLink("addWatcher", hal.Link{
			Path: below(packages, w.ID, "/watchers"), Method: "post",
			Payload: hal.Doc(`{"user":{"href":"/api/v3/users/{user_id}"}}`), Templated: true,
		})
	}
	if may(access.DeleteWorkPackageWatchers) {
		o.AddLink("removeWatcher", hal.Link{Href: packages + strconv.FormatInt(int64(w.ID), 10) + "/watchers/{user_id}", Method: "delete", Templated: true})
	}
	if !a.SignedIn() {
		return
	}
	me := strconv.FormatInt(int64(a.ID), 10)
	if refs.Watching[w.ID] {
		o.Action("unwatch", below(packages, w.ID, "/watchers/"+me), "delete")
	} else {
		o.AddLink("watch", hal.Link{
			Path: below(packages, w.ID, "/watchers"), Method: "post",
			Payload: hal.Doc(`{"user":{"href":"/api/v3/users/` + me + `"}}`),
		})
	}
}
