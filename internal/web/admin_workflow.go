package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const workflowHref = "/admin/workflow"

type workflowPage struct {
	ui.Page
	Type                 ui.Select
	Roles                []ui.Checkbox
	All                  ui.Checkbox
	Tabs                 ui.Tabs
	Note                 string
	Odd                  []ui.Alert
	Heads                []flowHead
	Rows                 []flowRow
	Chosen               flowInput
	Seen                 string
	None                 ui.EmptyState
	Problems             ui.ErrorSummary
	RolesError           string
	Names                string // of the type and the roles
	From                 ui.Select
	ToTypes, ToRoles     []ui.Checkbox
	TypesError, ToErrors string
}

type flowHead struct {
	ID   id.Status
	Chip ui.Chip
	Name string
}

type flowRow struct {
	flowHead
	Cells []flowCell
}

type flowCell struct {
	Value, Label string // Value is from-to
	Same, On     bool
	// Mixed says how many of the roles have the step, where not all agree.
	Mixed string
}

// flowInput is what the matrix shows.
type flowInput struct {
	Type     id.Type
	Roles    []id.Role
	Rule     catalog.Rule
	Statuses bool // all of them, also those that no step names
}

func (in flowInput) query() string {
	v := url.Values{"type": {idText(in.Type)}, "rule": {string(in.Rule)}}
	for _, r := range in.Roles {
		v.Add("role", idText(r))
	}
	if in.Statuses {
		v.Set("all", "1")
	}
	return workflowHref + "?" + v.Encode()
}

// flowInputOf reads which matrix is meant; without a type and roles the first ones are.
func flowInputOf(v url.Values, types []catalog.Type, roles []membership.Role) flowInput {
	in := flowInput{Rule: catalog.Rule(v.Get("rule")), Statuses: v.Get("all") == "1"}
	if !slices.Contains([]catalog.Rule{catalog.ForAuthor, catalog.ForAssignee}, in.Rule) {
		in.Rule = catalog.ForAll
	}
	for _, t := range types {
		if in.Type == 0 || v.Get("type") == idText(t.ID) {
			in.Type = t.ID
		}
	}
	for _, r := range roles {
		if slices.Contains(v["role"], idText(r.ID)) {
			in.Roles = append(in.Roles, r.ID)
		}
	}
	if !v.Has("type") {
		for _, r := range roles {
			if r.Givable() {
				in.Roles = []id.Role{r.ID}
				break
			}
		}
	}
	return in
}

func (s *Site) workflow(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.workflowPage(w, r, a, r.URL.Query(), nil)
}

// workflowPage shows the matrix that the values name; refusal is why a form was not saved.
func (s *Site) workflowPage(w http.ResponseWriter, r *http.Request, a access.Actor, v url.Values, refusal error) error {
	say := speak(r)
	types, err := s.app.Catalog.Types(r.Context(), a)
	if err != nil {
		return err
	}
	statuses, err := s.app.Catalog.Statuses(r.Context(), a)
	if err != nil {
		return err
	}
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{Kind: membership.ProjectRole})
	if err != nil {
		return err
	}
	p := workflowPage{Page: s.adminFrame(r, a, say.T("flow.title")), Chosen: flowInputOf(v, types, roles)}
	p.Lead, p.Width = say.T("flow.lead"), "full"
	if len(types) == 0 || len(statuses) == 0 {
		p.None = ui.EmptyState{Icon: "list-checks", Title: say.T("flow.nothing"), Text: say.T("flow.nothing_text"), Actions: []ui.Button{ui.Link(say.T("catalog.types"), typesHref)}}
		return s.ui.Render(w, http.StatusOK, "admin_workflow", p)
	}
	steps, err := s.app.Catalog.Workflow(r.Context(), a, p.Chosen.Type, 0)
	if err != nil {
		return err
	}
	p.Seen = catalog.FlowMark(steps)
	p.choose(say, types, roles)
	p.grid(say, statuses, steps)
	p.odd(say, catalog.CheckFlow(statuses, steps))
	p.copying(say, types, roles, v)
	p.refuse(say, refusal)
	return s.ui.Render(w, statusOf(refusal), "admin_workflow", p)
}

// choose fills the choice of type, roles and rule.
func (p *workflowPage) choose(say reader, types []catalog.Type, roles []membership.Role) {
	p.Type = ui.Choose("type", say.T("common.type"), idText(p.Chosen.Type))
	names := []string{}
	for _, t := range types {
		p.Type.Options = append(p.Type.Options, ui.Option{Value: idText(t.ID), Label: t.Name, Selected: t.ID == p.Chosen.Type})
		if t.ID == p.Chosen.Type {
			names = append(names, t.Name)
		}
	}
	for _, r := range roles {
		c := ui.Check("role", r.Name, slices.Contains(p.Chosen.Roles, r.ID))
		c.Value = idText(r.ID)
		p.Roles = append(p.Roles, c)
		if c.Checked {
			names = append(names, r.Name)
		}
	}
	p.Names = strings.Join(names, ", ")
	p.All = ui.Check("all", say.T("flow.all_statuses"), p.Chosen.Statuses)
	p.Tabs.Label = say.T("flow.rule")
	for _, rule := range []catalog.Rule{catalog.ForAll, catalog.ForAuthor, catalog.ForAssignee} {
		to := p.Chosen
		to.Rule = rule
		p.Tabs.Items = append(p.Tabs.Items, ui.NavItem{Label: say.either("flow.rule_", string(rule)), Href: to.query(), Current: rule == p.Chosen.Rule})
	}
	p.Note = say.either("flow.note_", string(p.Chosen.Rule))
}

// grid fills the matrix: statuses that some step of the type names, or all.
func (p *workflowPage) grid(say reader, statuses []catalog.Status, steps []catalog.Step) {
	type key struct{ from, to id.Status }
	have := map[key]int{}
	named := map[id.Status]bool{}
	for _, st := range steps {
		named[st.From], named[st.To] = true, true
		if st.Is(p.Chosen.Rule) && slices.Contains(p.Chosen.Roles, st.Role) {
			have[key{st.From, st.To}]++
		}
	}
	for _, st := range statuses {
		if p.Chosen.Statuses || len(named) == 0 || named[st.ID] || st.Default {
			p.Heads = append(p.Heads, flowHead{st.ID, ui.Status(st.Name, ui.HueOf(st.Color)), st.Name})
		}
	}
	all := len(p.Chosen.Roles)
	for _, from := range p.Heads {
		row := flowRow{flowHead: from}
		for _, to := range p.Heads {
			n := have[key{from.ID, to.ID}]
			c := flowCell{Value: idText(from.ID) + "-" + idText(to.ID), Label: say.T("flow.cell", "from", from.Name, "to", to.Name), Same: from.ID == to.ID, On: all > 0 && n == all}
			if n > 0 && n < all {
				c.Mixed = say.T("flow.mixed", "some", n, "all", all)
			}
			row.Cells = append(row.Cells, c)
		}
		p.Rows = append(p.Rows, row)
	}
}

// odd says which statuses nobody reaches or leaves.
func (p *workflowPage) odd(say reader, report catalog.FlowReport) {
	warn := func(key string, list []catalog.Status) {
		if len(list) == 0 {
			return
		}
		names := make([]string, len(list))
		for i, st := range list {
			names[i] = st.Name
		}
		p.Odd = append(p.Odd, ui.Alert{Tone: ui.Warning, Text: say.T(key, "n", len(list), "names", strings.Join(names, ", "))})
	}
	warn("flow.unreachable", report.Unreachable)
	warn("flow.dead_ends", report.DeadEnds)
}

// copying fills the form that copies a workflow; v has what was chosen before.
func (p *workflowPage) copying(say reader, types []catalog.Type, roles []membership.Role, v url.Values) {
	p.From = ui.Choose("from_role", say.T("flow.from_role"), v.Get("from_role"))
	for i, r := range roles {
		selected := v.Get("from_role") == idText(r.ID) || !v.Has("from_role") && len(p.Chosen.Roles) > 0 && r.ID == p.Chosen.Roles[0]
		p.From.Options = append(p.From.Options, ui.Option{Value: idText(r.ID), Label: r.Name, Selected: selected})
		c := ui.Check("to_role", r.Name, slices.Contains(v["to_role"], idText(r.ID)))
		c.Value = idText(roles[i].ID)
		p.ToRoles = append(p.ToRoles, c)
	}
	for _, t := range types {
		c := ui.Check("to_type", t.Name, slices.Contains(v["to_type"], idText(t.ID)))
		c.Value = idText(t.ID)
		p.ToTypes = append(p.ToTypes, c)
	}
}

func (p *workflowPage) refuse(say reader, refusal error) {
	if fault.Is(refusal, fault.KindConflict) {
		p.Odd = append([]ui.Alert{{Tone: ui.Danger, Text: say.T("flow.changed_meanwhile")}}, p.Odd...)
	}
	m := say.messages(refusal)
	p.RolesError, p.TypesError, p.ToErrors = m["roles"], m["to_types"], m["to_roles"]
	p.Problems = ui.Problems(ui.Problem{Href: "#roles", Label: say.T("admin.roles"), Text: p.RolesError},
		ui.Problem{Href: "#to-types", Label: say.T("flow.to_types"), Text: p.TypesError}, ui.Problem{Href: "#to-roles", Label: say.T("flow.to_roles"), Text: p.ToErrors},
		ui.Problem{Text: m["status"]}, ui.Problem{Text: m["rule"]})
}

// flowChange reads the form: a box decides for all chosen roles, and a cell in which
// they differ only where somebody chose.
func flowChange(f url.Values) catalog.FlowChange {
	in := catalog.FlowChange{Type: parsed[id.Type](f.Get("type")), Rule: catalog.Rule(f.Get("rule")), Seen: f.Get("seen")}
	for _, r := range f["role"] {
		in.Roles = append(in.Roles, parsed[id.Role](r))
	}
	on := map[string]bool{}
	for _, cell := range f["on"] {
		on[cell] = true
	}
	for _, from := range f["status"] {
		for _, to := range f["status"] {
			cell := from + "-" + to
			choice, mixed := f["mixed-"+cell]
			if from == to || mixed && choice[0] == "" {
				continue
			}
			in.Cells = append(in.Cells, catalog.Cell{
				From: parsed[id.Status](from), To: parsed[id.Status](to), On: mixed && choice[0] == "all" || !mixed && on[cell],
			})
		}
	}
	return in
}

// parsed is an id from a form; what is none is one that nothing has.
func parsed[T ~int64](s string) T {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = -1
	}
	return T(n)
}

func (s *Site) saveWorkflow(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := flowChange(r.PostForm)
	err := s.app.Catalog.ChangeWorkflow(r.Context(), a, in)
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.workflowPage(w, r, a, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	shown := flowInput{Type: in.Type, Roles: in.Roles, Rule: in.Rule, Statuses: r.PostForm.Get("all") == "1"}
	return s.led(w, r, a, shown.query(), "saved", undoOf(undoWorkflow, in.Type))
}

func (s *Site) copyWorkflow(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	typ, role := parsed[id.Type](f.Get("type")), parsed[id.Role](f.Get("from_role"))
	types := formIDs[id.Type](r, "to_type")
	err := s.app.Catalog.CopyWorkflow(r.Context(), a, typ, role, types, formIDs[id.Role](r, "to_role"))
	if refused(err) {
		return s.workflowPage(w, r, a, f, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, flowInput{Type: typ, Roles: []id.Role{role}, Rule: catalog.ForAll}.query(), "workflow_copied", undoOf(undoWorkflow, types...))
}
