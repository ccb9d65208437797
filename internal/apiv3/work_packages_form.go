package apiv3

import (
	"strconv"

	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// workPackageFormDoc represents what saving would do: the payload to send, the
// schema, and what would be refused. The commit link is there when nothing is.
func workPackageFormDoc(f *workpackage.Form, n id.WorkPackage, self string) *hal.Object {
	o := hal.New("Form")
	o.Embed("payload", workPackagePayload(&f.Draft, f.Refs, f.Schema.Milestone, n != 0))
	o.Embed("schema", workPackageSchemaDoc(&f.Schema, self, true))
	o.Embed("validationErrors", validationErrors(f.Errors))
	o.Action("self", hal.Path{Base: self}, "post")
	o.Action("validate", hal.Path{Base: self}, "post")
	context := packages + strconv.FormatInt(int64(n), 10)
	if n == 0 {
		context = projects + strconv.FormatInt(int64(f.Draft.ProjectID), 10)
	}
	o.Action("previewMarkup", hal.Path{Base: Root + "/render/markdown?context=" + context}, "post")
	if len(f.Errors) > 0 || !f.MayCommit {
		return o
	}
	if n == 0 {
		o.Action("commit", hal.Path{Base: Root + "/work_packages"}, "post")
	} else {
		o.Action("commit", to(packages, n), "patch")
	}
	return o
}

func validationErrors(fields []fault.Field) *hal.Object {
	o := hal.New("")
	for _, f := range fields {
		o.Object(f.Name, fieldError(f).Object())
	}
	return o
}

// workPackagePayload is the body that a client can send as it is.
func workPackagePayload(w *workpackage.WorkPackage, refs *workpackage.Refs, milestone, update bool) *hal.Object {
	o := hal.New("")
	if update {
		o.Int("lockVersion", int64(w.LockVersion))
	}
	o.Str("subject", w.Subject)
	o.Formattable("description", hal.Markdown, w.Description, string(markup.Render(w.Description)))
	o.Bool("scheduleManually", w.ScheduleManually)
	o.Bool("ignoreNonWorkingDays", w.IgnoreNonWorkingDays)
	if milestone {
		o.Date("date", day(w.DueDate))
	} else {
		o.Date("startDate", day(w.StartDate))
		o.Date("dueDate", day(w.DueDate))
		o.DaysOrNull("duration", w.Duration)
	}
	o.DurationOrNull("estimatedTime", w.EstimatedSeconds)
	o.DurationOrNull("remainingTime", w.RemainingSeconds)
	o.IntOrNull("percentageDone", w.DoneRatio)
	optional(o, "project", projects, int64(w.ProjectID), refs.Projects[w.ProjectID].Name)
	optional(o, "type", types, int64(w.TypeID), refs.Types[w.TypeID].Name)
	optional(o, "status", statuses, int64(w.StatusID), refs.Statuses[w.StatusID].Name)
	optional(o, "priority", priorities, int64(w.PriorityID), refs.Priorities[w.PriorityID].Name)
	principalLink(o, "assignee", w.AssigneeID, refs)
	principalLink(o, "responsible", w.ResponsibleID, refs)
	planningLinks(o, w, refs)
	if w.ParentID == nil {
		o.LinkNull("parent")
	} else {
		o.To("parent", to(packages, *w.ParentID), "")
	}
	return o
}

func optional(o *hal.Object, rel, base string, n int64, title string) {
	if n == 0 {
		o.LinkNull(rel)
		return
	}
	o.To(rel, hal.Path{Base: base, ID: n}, title)
}

// derivedFields are published in the schema and never written.
var derivedFields = []struct{ name, label, kind string }{
	{"lockVersion", "Lock version", "Integer"},
	{"id", "ID", "Integer"},
	{"createdAt", "Created on", "DateTime"},
	{"updatedAt", "Updated on", "DateTime"},
	{"author", "Author", "User"},
	{"derivedStartDate", "Derived start date", "Date"},
	{"derivedDueDate", "Derived finish date", "Date"},
	{"derivedEstimatedTime", "Total work", "Duration"},
	{"derivedRemainingTime", "Total remaining work", "Duration"},
	{"derivedPercentageDone", "Total % complete", "Integer"},
	{"readonly", "Read only", "Boolean"},
}

// workPackageSchemaDoc publishes the contract of the fields. Forms carry the
// allowed values; a schema of its own carries those of the small sets.
func workPackageSchemaDoc(sc *workpackage.Schema, self string, form bool) *hal.Object {
	o := hal.New("Schema")
	deps := hal.Doc("[]")
	o.Raw("_dependencies", deps)
	for _, f := range derivedFields {
		o.Object(f.name, schemaProperty(f.kind, f.label, true, false, false, f.kind == "User"))
	}
	for _, f := range workpackage.Fields {
		name := f.Name
		if sc.Milestone && (name == "startDate" || name == "duration") {
			continue
		}
		lab := f.Label
		if sc.Milestone && name == "dueDate" {
			name, lab = "date", "Date"
		}
		p := schemaProperty(f.Type, lab, f.Required, f.HasDefault, sc.Writable[f.Name], f.Link)
		allowed(p, sc, f.Name, form)
		o.Object(name, p)
	}
	o.Raw("_attributeGroups", attributeGroups)
	o.Link("self", self, "")
	return o
}

var attributeGroups = hal.Doc(`[` +
	`{"_type":"WorkPackageFormAttributeGroup","name":"People","attributes":["assignee","responsible"]},` +
	`{"_type":"WorkPackageFormAttributeGroup","name":"Estimates and progress","attributes":["estimatedTime","remainingTime","percentageDone"]},` +
	`{"_type":"WorkPackageFormAttributeGroup","name":"Details","attributes":["category","version","priority","date"]}]`)

func schemaProperty(kind, name string, required, hasDefault, writable, linked bool) *hal.Object {
	p := hal.New("")
	p.Str("type", kind)
	p.Str("name", name)
	p.Bool("required", required)
	p.Bool("hasDefault", hasDefault)
	p.Bool("writable", writable)
	if linked {
		p.Str("location", "_links")
	}
	switch kind {
	case "String":
		p.Int("minLength", 1)
		p.Int("maxLength", workpackage.MaxSubject)
	}
	return p
}

// allowed adds the values that a link can have.
func allowed(p *hal.Object, sc *workpackage.Schema, field string, form bool) {
	set := func(base string, list []workpackage.Named) {
		links := make([]hal.Link, len(list))
		docs := make([]*hal.Object, len(list))
		for i, n := range list {
			path := hal.Path{Base: base, ID: n.ID}
			links[i] = hal.Link{Path: path, Title: n.Name}
			docs[i] = namedDoc(field, n, path)
		}
		p.LinkArray("allowedValues", links)
		p.EmbedArray("allowedValues", docs)
	}
	switch field {
	case "type":
		set(types, sc.Types)
	case "status":
		set(statuses, sc.Statuses)
	case "priority":
		set(priorities, sc.Priorities)
	case "version":
		set(versions, sc.Versions)
	case "category":
		set(categories, sc.Categories)
	case "assignee", "responsible":
		p.To("allowedValues", below(projects, sc.Project, "/available_assignees"), "")
	case "project":
		p.Link("allowedValues", packages+"available_projects", "")
	}
}

// namedDoc is a record in short, for the allowed values of a form.
func namedDoc(kind string, n workpackage.Named, self hal.Path) *hal.Object {
	o := hal.New(label(kind))
	o.Int("id", n.ID)
	o.Str("name", n.Name)
	switch kind {
	case "status":
		o.Bool("isClosed", n.Closed)
	case "type":
		o.Bool("isMilestone", n.Milestone)
	}
	o.To("self", self, n.Name)
	return o
}
