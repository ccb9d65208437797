package project

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
)

// Limits of texts, in characters.
const (
	MaxName        = 255
	MaxIdentifier  = 100
	MaxDescription = 1 << 20
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
	// HasDefault fields get a value when a new project leaves them out.
	HasDefault bool
	// Link fields live in _links of the API's documents.
	Link bool
	// ReadOnly fields are derived and never written.
	ReadOnly bool
	// Permission is needed to change the field of an existing project.
	Permission access.Permission
	// set says whether a patch gives the field.
	set func(p *Patch) bool
	// text is the field's value for comparing.
	text func(p *Project) string
}

// Fields is the contract, in the order of the form.
var Fields = []Field{
	{
		Name: "name", Label: "Name", Type: "String", Required: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Name.Set }, text: func(p *Project) string { return p.Name },
	},
	{
		Name: "identifier", Label: "Identifier", Type: "String", Required: true, HasDefault: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Identifier.Set }, text: func(p *Project) string { return p.Identifier },
	},
	{
		Name: "description", Label: "Description", Type: "Formattable", Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Description.Set }, text: func(p *Project) string { return p.Description },
	},
	{
		Name: "public", Label: "Public", Type: "Boolean", HasDefault: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Public.Set }, text: func(p *Project) string { return fmt.Sprint(p.Public) },
	},
	{
		Name: "active", Label: "Active", Type: "Boolean", HasDefault: true, Permission: access.ArchiveProject,
		set: func(p *Patch) bool { return p.Active.Set }, text: func(p *Project) string { return fmt.Sprint(p.Active) },
	},
	{
		Name: "templated", Label: "Template", Type: "Boolean", HasDefault: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Templated.Set }, text: func(p *Project) string { return fmt.Sprint(p.Templated) },
	},
	{
		Name: "status", Label: "Status", Type: "ProjectStatus", Link: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Status.Set }, text: func(p *Project) string { return text(p.Status) },
	},
	{
		Name: "statusExplanation", Label: "Status description", Type: "Formattable", Permission: access.EditProject,
		set: func(p *Patch) bool { return p.StatusExplanation.Set }, text: func(p *Project) string { return p.StatusExplanation },
	},
	{
		Name: "parent", Label: "Subproject of", Type: "Project", Link: true, Permission: access.EditProject,
		set: func(p *Patch) bool { return p.Parent.Set }, text: func(p *Project) string { return text(p.ParentID) },
	},
	{
		Name: "modules", Label: "Modules", Type: "[]String", HasDefault: true, Permission: access.SelectProjectModules,
		set: func(p *Patch) bool { return p.Modules.Set }, text: func(p *Project) string { return fmt.Sprint(p.Modules) },
	},
	{
		Name: "types", Label: "Types", Type: "[]Type", HasDefault: true, Link: true, Permission: access.ManageTypes,
		set: func(p *Patch) bool { return p.Types.Set }, text: func(p *Project) string { return fmt.Sprint(p.Types) },
	},
}

func text[T any](p *T) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

// ModuleNames are all modules that a project can turn on, sorted.
var ModuleNames = access.Modules

// reserved are addresses below /projects that no project can have.
var reserved = map[string]bool{
	"new": true, "menu": true, "queries": true, "export_list_modal": true, "autocomplete": true, "form": true,
	"schema": true, "available_parent_projects": true, "settings": true, "level_list": true, "trash": true,
}

var wellFormed = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// errorList collects refusals; the first of a field wins.
type errorList struct{ fields []fault.Field }

func (e *errorList) add(name, code string, params ...any) {
	if slices.ContainsFunc(e.fields, func(f fault.Field) bool { return f.Name == name }) {
		return
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
func (e *errorList) texts(p *Project) {
	switch n := utf8.RuneCountInString(p.Name); {
	case n == 0:
		e.add("name", "blank")
	case n > MaxName:
		e.add("name", "too_long", "count", MaxName)
	}
	switch {
	case p.Identifier == "":
		e.add("identifier", "blank")
	case utf8.RuneCountInString(p.Identifier) > MaxIdentifier:
		e.add("identifier", "too_long", "count", MaxIdentifier)
	case !wellFormed.MatchString(strings.ToLower(p.Identifier)), numeric(p.Identifier):
		e.add("identifier", "invalid")
	case reserved[strings.ToLower(p.Identifier)]:
		e.add("identifier", "exclusion")
	}
	if utf8.RuneCountInString(p.Description) > MaxDescription {
		e.add("description", "too_long", "count", MaxDescription)
	}
	if utf8.RuneCountInString(p.StatusExplanation) > MaxDescription {
		e.add("statusExplanation", "too_long", "count", MaxDescription)
	}
	if p.Status != nil && !slices.ContainsFunc(Statuses, func(s struct{ Code, Name string }) bool { return s.Code == *p.Status }) {
		e.add("status", "inclusion")
	}
	for _, m := range p.Modules {
		if !slices.Contains(ModuleNames, m) {
			e.add("modules", "inclusion", "module", m)
		}
	}
}

func numeric(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// slug derives an identifier from a name: lower-case ASCII letters and digits
// with hyphens between. It is never empty, numeric or reserved.
func slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // the accent of the letter before
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	if len(s) > MaxIdentifier-10 { // room for a number
		s = strings.TrimRight(s[:MaxIdentifier-10], "-")
	}
	if s == "" || numeric(s) || reserved[s] {
		s = strings.TrimSuffix("project-"+s, "-")
	}
	return s
}
