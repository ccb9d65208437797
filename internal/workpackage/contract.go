package workpackage

import (
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
)

// Limits of texts, in characters.
const (
	MaxSubject     = 255
	MaxDescription = 1 << 20
	MaxNotes       = 1 << 20
)

// Field describes one field for everyone who deals with it: the service that
// refuses, the form that explains, the schema that publishes.
type Field struct {
	// Name is the API's name; forms use it as well.
	Name string
	// Label is the English name for people.
	Label string
	// Type is the API schema's type.
	Type string
	// Required fields cannot be empty.
	Required bool
	// HasDefault fields get a value when a new work package leaves them out.
	HasDefault bool
	// ReadOnly fields are derived and never written.
	ReadOnly bool
	// Link fields live in _links of the API's documents.
	Link bool
	// Permissions of which one is needed to write the field.
	Permissions []access.Permission
	// set says whether a patch gives the field.
	set func(p *Patch) bool
}

var editing = []access.Permission{access.EditWorkPackages}

// Fields is the contract, in the order of the form.
var Fields = []Field{
	{Name: "subject", Label: "Subject", Type: "String", Required: true, Permissions: editing, set: func(p *Patch) bool { return p.Subject.Set }},
	{Name: "description", Label: "Description", Type: "Formattable", Permissions: editing, set: func(p *Patch) bool { return p.Description.Set }},
	{Name: "project", Label: "Project", Type: "Project", Required: true, Link: true, Permissions: []access.Permission{access.MoveWorkPackages}, set: func(p *Patch) bool { return p.Project.Set }},
	{Name: "type", Label: "Type", Type: "Type", Required: true, HasDefault: true, Link: true, Permissions: editing, set: func(p *Patch) bool { return p.Type.Set }},
	{Name: "status", Label: "Status", Type: "Status", Required: true, HasDefault: true, Link: true, Permissions: []access.Permission{access.EditWorkPackages, access.ChangeWorkPackageStatus}, set: func(p *Patch) bool { return p.Status.Set }},
	{Name: "priority", Label: "Priority", Type: "Priority", Required: true, HasDefault: true, Link: true, Permissions: editing, set: func(p *Patch) bool { return p.Priority.Set }},
	{Name: "assignee", Label: "Assignee", Type: "User", Link: true, Permissions: editing, set: func(p *Patch) bool { return p.Assignee.Set }},
	{Name: "responsible", Label: "Accountable", Type: "User", Link: true, Permissions: editing, set: func(p *Patch) bool { return p.Responsible.Set }},
	{Name: "version", Label: "Version", Type: "Version", Link: true, Permissions: []access.Permission{access.AssignVersions}, set: func(p *Patch) bool { return p.Version.Set }},
	{Name: "category", Label: "Category", Type: "Category", Link: true, Permissions: editing, set: func(p *Patch) bool { return p.Category.Set }},
	{Name: "parent", Label: "Parent", Type: "WorkPackage", Link: true, Permissions: []access.Permission{access.ManageSubtasks}, set: func(p *Patch) bool { return p.Parent.Set }},
	{Name: "startDate", Label: "Start date", Type: "Date", Permissions: editing, set: func(p *Patch) bool { return p.StartDate.Set }},
	{Name: "dueDate", Label: "Finish date", Type: "Date", Permissions: editing, set: func(p *Patch) bool { return p.DueDate.Set }},
	{Name: "duration", Label: "Duration", Type: "Duration", Permissions: editing, set: func(p *Patch) bool { return p.Duration.Set }},
	{Name: "ignoreNonWorkingDays", Label: "Ignore non-working days", Type: "Boolean", HasDefault: true, Permissions: editing, set: func(p *Patch) bool { return p.IgnoreNonWorkingDays.Set }},
	{Name: "scheduleManually", Label: "Manual scheduling", Type: "Boolean", HasDefault: true, Permissions: editing, set: func(p *Patch) bool { return p.ScheduleManually.Set }},
	{Name: "estimatedTime", Label: "Work", Type: "Duration", Permissions: editing, set: func(p *Patch) bool { return p.EstimatedSeconds.Set }},
	{Name: "remainingTime", Label: "Remaining work", Type: "Duration", Permissions: editing, set: func(p *Patch) bool { return p.RemainingSeconds.Set }},
	{Name: "percentageDone", Label: "% complete", Type: "Integer", Permissions: editing, set: func(p *Patch) bool { return p.DoneRatio.Set }},
}

// writable says whether the holder of the grants may write the field.
func (f Field) writable(may func(access.Permission) bool) bool {
	if f.ReadOnly {
		return false
	}
	for _, p := range f.Permissions {
		if may(p) {
			return true
		}
	}
	return false
}

// errorList collects refusals; the first of a field wins.
type errorList struct{ fields []fault.Field }

func (e *errorList) add(name, code string, params ...any) {
	for _, f := range e.fields {
		if f.Name == name {
			return
		}
	}
	f := fault.Field{Name: name, Code: code}
	for i := 0; i+1 < len(params); i += 2 {
		if f.Params == nil {
			f.Params = map[string]any{}
		}
		f.Params[params[i].(string)] = params[i+1]
	}
	e.fields = append(e.fields, f)
}

func (e *errorList) err() error { return fault.Invalid(e.fields...) }

// texts checks what needs no database.
func (e *errorList) texts(w *WorkPackage) {
	switch n := utf8.RuneCountInString(w.Subject); {
	case n == 0:
		e.add("subject", "blank")
	case n > MaxSubject:
		e.add("subject", "too_long", "count", MaxSubject)
	}
	if utf8.RuneCountInString(w.Description) > MaxDescription {
		e.add("description", "too_long", "count", MaxDescription)
	}
}
