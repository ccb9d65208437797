package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type membersPage struct {
	ui.Page
	Tabs           ui.Tabs
	Rows           []memberRow
	Paging         ui.Pagination
	None           ui.EmptyState
	Add            *addMembers
	Problems       ui.ErrorSummary
	MayManage      bool
	InheritedKnown bool
}

type memberRow struct {
	ID       int64
	Person   ui.Avatar
	Kind     string
	Roles    []ui.Chip
	From     string // why roles are there that cannot be taken here
	Since    string
	Action   string
	Removal  string // "" where a group keeps the person in
	Choices  []ui.Checkbox
	Error    string
	Inherits bool
}

// addMembers is the form that adds people and groups.
type addMembers struct {
	Action, Search           string
	Query                    ui.Field
	People, Roles            []ui.Checkbox
	PeopleError, RolesError  string
	Open, Asked              bool
	NotShown                 int
	Hidden                   string
	NobodyLeft, NothingFound bool
}

// projectMembers lists who takes part in a project, and in which roles. Who manages
// them does so in the settings.
func (s *Site) projectMembers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	switch {
	case can.ManageMembers:
		return redirect(w, r, projectHref(pr)+"/settings"+tabMembers)
	case !can.ViewMembers:
		return fault.NotFound("page")
	}
	p := membersPage{Page: s.projectFrame(r, a, pr, can, speak(r).T("project.members"))}
	p.Subtitle = pr.Name
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)}, ui.Crumb{Label: p.Title})
	if _, err := s.memberRows(r, a, &p, pr); err != nil {
		return err
	}
	return s.ui.Render(w, http.StatusOK, "project_members", p)
}

func (s *Site) memberRows(r *http.Request, a access.Actor, p *membersPage, pr *project.Project) ([]membership.Member, error) {
	say := speak(r)
	number := pageNumber(r)
	list, err := s.app.Memberships.List(r.Context(), a, membership.ListInput{
		Project: pr.ID, Page: filter.Page{Number: number, Size: perPage}, Sort: []filter.Sort{{Name: "principal"}}, Location: location(a),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range list.Items {
		row := memberRow{ID: int64(m.ID), Person: ui.Avatar{Person: ui.Person{ID: int64(m.Principal), Name: m.PrincipalName}}, Since: m.CreatedAt.In(location(a)).Format("2006-01-02"), Inherits: m.Inherited()}
		if m.PrincipalKind == "Group" {
			row.Kind = say.T("project.group")
		}
		for _, role := range m.Roles {
			row.Roles = append(row.Roles, ui.Label(role.Name, ui.Gray))
		}
		if row.Inherits {
			row.From = say.T("settings.by_group")
		}
		p.Rows = append(p.Rows, row)
	}
	p.Paging = paging(r, number, list.Total)
	p.None = ui.EmptyState{Icon: "users", Title: say.T("project.no_members"), Text: say.T("project.no_members_text"), Example: say.T("example.member")}
	return list.Items, nil
}

// memberInput is what somebody typed into one of the forms of members.
type memberInput struct {
	people []id.User
	roles  []id.Role
	member id.Member // whose roles were changed, 0 for the form that adds
}

func (s *Site) manageMembers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if !can.ManageMembers {
		return fault.Forbidden("you are not allowed to manage the members of this project")
	}
	return s.members(w, r, a, pr, can, memberInput{}, nil)
}

// members is the tab of the settings, with what was typed and why it was refused.
func (s *Site) members(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, in memberInput, refusal error) error {
	p := membersPage{MayManage: true}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabMembers)
	list, err := s.memberRows(r, a, &p, pr)
	if err != nil {
		return err
	}
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
	if err != nil {
		return err
	}
	say := speak(r)
	base := projectHref(pr) + "/settings" + tabMembers
	m := say.messages(refusal)
	for i := range p.Rows {
		row, mem := &p.Rows[i], list[i]
		row.Action = base + "/" + strconv.FormatInt(row.ID, 10)
		if !row.Inherits {
			row.Removal = row.Action + "/removal"
		}
		var own []id.Role
		for _, role := range mem.Roles {
			if role.Own {
				own = append(own, role.Role)
			}
		}
		if in.member == mem.ID && refusal != nil {
			own, row.Error = in.roles, m["roles"]
			p.Problems = ui.Problems(ui.Problem{Href: "#roles-" + strconv.FormatInt(row.ID, 10), Label: mem.PrincipalName, Text: row.Error})
		}
		row.Choices = roleBoxes(roles, own, strconv.FormatInt(row.ID, 10))
	}
	if p.Add, err = s.addable(r, a, pr, roles, in, len(list) == 1); err != nil {
		return err
	}
	if in.member == 0 && refusal != nil {
		p.Add.Open, p.Add.PeopleError, p.Add.RolesError = true, m["principal"], m["roles"]
		p.Problems = ui.Problems(ui.Problem{Href: "#people", Label: say.T("settings.people_and_groups"), Text: m["principal"]}, ui.Problem{Href: "#roles", Label: say.T("project.roles"), Text: m["roles"]})
	}
	return s.ui.Render(w, statusOf(refusal), "project_members", p)
}

// roleBoxes are the roles to choose from; prefix tells those of one member from the others'.
func roleBoxes(roles []membership.Role, on []id.Role, prefix string) []ui.Checkbox {
	out := make([]ui.Checkbox, len(roles))
	for i, role := range roles {
		out[i] = ui.Check("roles", role.Name, slices.Contains(on, role.ID))
		out[i].Value, out[i].Prefix = strconv.FormatInt(int64(role.ID), 10), prefix
	}
	return out
}

// mostToAdd bounds the people that the form offers; a search finds the others.
const mostToAdd = 60

// addable is the form that adds members: who is none yet.
func (s *Site) addable(r *http.Request, a access.Actor, pr *project.Project, roles []membership.Role, in memberInput, few bool) (*addMembers, error) {
	say := speak(r)
	q := r.FormValue("find")
	f := account.Filter{
		Kinds:    account.Set[account.Kind]{Values: []account.Kind{account.KindUser, account.KindGroup}},
		Statuses: account.Set[account.Status]{Values: []account.Status{account.Locked}, Not: true},
		Member:   &account.MemberOf{Projects: []id.Project{pr.ID}, Not: true}, Sort: []account.Sort{{By: "name"}}, Limit: mostToAdd,
	}
	if q != "" {
		f.AnyName = account.Text{Values: []string{q}, Contains: true}
	}
	found, total, err := s.app.Accounts.Principals(r.Context(), a, f)
	if err != nil {
		return nil, err
	}
	base := projectHref(pr) + "/settings" + tabMembers
	add := &addMembers{Action: base, Search: base, Open: few || q != "", Asked: q != "", NotShown: total - len(found), Hidden: q}
	add.Query = ui.Text("find", say.T("settings.find"), q)
	add.Query.Type = "search"
	add.NothingFound, add.NobodyLeft = len(found) == 0 && q != "", len(found) == 0 && q == ""
	for _, u := range found {
		c := ui.Check("people", u.Name(), slices.Contains(in.people, u.ID))
		c.Value = strconv.FormatInt(int64(u.ID), 10)
		if u.Kind == account.KindGroup {
			c.Label += " (" + say.T("project.group") + ")"
		}
		add.People = append(add.People, c)
	}
	on := in.roles
	if len(on) == 0 && len(roles) > 0 && in.people == nil && in.member == 0 {
		on = []id.Role{roles[0].ID}
	}
	if in.member != 0 {
		on = nil
	}
	add.Roles = roleBoxes(roles, on, "new")
	return add, nil
}

func (s *Site) addProjectMembers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	in := memberInput{people: formIDs[id.User](r, "people"), roles: formIDs[id.Role](r, "roles")}
	if in.people == nil {
		in.people = []id.User{}
	}
	made, err := s.app.Memberships.CreateAll(r.Context(), a, pr.ID, in.people, in.roles)
	if refused(err) && can.ManageMembers {
		return s.members(w, r, a, pr, can, in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings"+tabMembers, "saved", undoOf(undoMember, made...))
}

// memberOf is the membership in the address, which is one of the project.
func (s *Site) memberOf(r *http.Request, a access.Actor, pr *project.Project) (*membership.Member, error) {
	n, err := id.Parse[id.Member]("membership", chi.URLParam(r, "member"))
	if err != nil {
		return nil, err
	}
	m, err := s.app.Memberships.Find(r.Context(), a, n)
	if err != nil {
		return nil, err
	}
	if m.Project == nil || *m.Project != pr.ID {
		return nil, fault.NotFound("membership")
	}
	return m, nil
}

func (s *Site) changeMember(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	m, err := s.memberOf(r, a, pr)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	in := memberInput{roles: formIDs[id.Role](r, "roles"), member: m.ID}
	_, err = s.app.Memberships.Update(r.Context(), a, m.ID, in.roles)
	if refused(err) && can.ManageMembers {
		return s.members(w, r, a, pr, can, in, err)
	}
	if err != nil {
		return err
	}
	return s.afterMember(w, r, a, pr, m.ID)
}

// afterMember leads on after a change of members; who took the own rights away sees
// the project, or the list where that is out of sight, and cannot take it back.
func (s *Site) afterMember(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, n id.Member) error {
	_, can, err := s.projectOf(r, a, pr.ID)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return redirect(w, r, "/projects?done=saved")
	case err != nil:
		return err
	case !can.ManageMembers:
		return redirect(w, r, projectHref(pr)+"?done=saved")
	}
	return s.led(w, r, a, projectHref(pr)+"/settings"+tabMembers, "saved", undoOf(undoMember, n))
}

func (s *Site) confirmMemberRemoval(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	m, err := s.memberOf(r, a, pr)
	if err != nil {
		return err
	}
	if !can.ManageMembers {
		return fault.Forbidden("you are not allowed to manage the members of this project")
	}
	say := speak(r)
	base := projectHref(pr) + "/settings" + tabMembers
	p := confirmPage{
		Page: s.projectFrame(r, a, pr, can, say.T("settings.remove_title", "name", m.PrincipalName)), Action: r.URL.Path, Cancel: base,
		Submit: say.T("settings.remove"), Text: say.T("settings.remove_text", "name", m.PrincipalName, "project", pr.Name),
	}
	if m.PrincipalKind == "Group" {
		p.Text = say.T("settings.remove_group_text", "name", m.PrincipalName, "project", pr.Name)
	}
	p.Width, p.HideTitle = "narrow", true
	return s.ui.Render(w, http.StatusOK, "confirm", p)
}

func (s *Site) removeMember(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, _, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	m, err := s.memberOf(r, a, pr)
	if err != nil {
		return err
	}
	if err := s.app.Memberships.Delete(r.Context(), a, m.ID); err != nil {
		return err
	}
	return s.afterMember(w, r, a, pr, m.ID)
}
