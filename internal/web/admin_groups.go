package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const groupsHref = "/admin/groups"

type groupsPage struct {
	ui.Page
	Rows   []groupRow
	Paging ui.Pagination
	None   ui.EmptyState
}

type groupRow struct {
	Href, Name string
	People     int
}

// groupList lists the groups with how many people are in each.
func (s *Site) groupList(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	n := pageNumber(r)
	found, total, err := s.app.Accounts.Groups(r.Context(), a, account.Filter{Offset: (n - 1) * adminPerPage, Limit: adminPerPage, Sort: []account.Sort{{By: "name"}}})
	if err != nil {
		return err
	}
	ids := make([]id.User, len(found))
	for i, g := range found {
		ids[i] = g.ID
	}
	members, err := s.app.Accounts.Members(r.Context(), a, ids)
	if err != nil {
		return err
	}
	p := groupsPage{Page: s.adminFrame(r, a, say.T("manage.groups"))}
	for _, g := range found {
		p.Rows = append(p.Rows, groupRow{Href: groupsHref + "/" + strconv.FormatInt(int64(g.ID), 10), Name: g.Name(), People: len(members[g.ID])})
	}
	p.Paging = ui.Pagination{Page: n, PerPage: adminPerPage, Total: total, Href: func(n int) string { return groupsHref + "?page=" + strconv.Itoa(n) }}
	p.None = ui.EmptyState{Icon: "users", Title: say.T("manage.no_groups"), Text: say.T("manage.no_groups_text"), Example: say.T("example.group")}
	return s.ui.Render(w, http.StatusOK, "admin_groups", p)
}

type groupPage struct {
	ui.Page
	Action, Submit, Deletion string
	Name                     ui.Field
	People                   []ui.Checkbox
	PeopleError              string
	Problems                 ui.ErrorSummary
}

func (s *Site) newGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.groupForm(w, r, a, 0, "", account.GroupInput{}, nil)
}

// groupForm shows the form of a new group (0), or of one that is named title.
func (s *Site) groupForm(w http.ResponseWriter, r *http.Request, a access.Actor, group id.User, title string, in account.GroupInput, refusal error) error {
	say := speak(r)
	people, err := s.peopleWith(r, a, in.Members)
	if err != nil {
		return err
	}
	m := say.messages(refusal)
	p := groupPage{Action: groupsHref, Submit: say.T("manage.create_group"), PeopleError: m["members"]}
	if group == 0 {
		title = say.T("manage.new_group")
	} else {
		p.Action, p.Submit = groupsHref+"/"+strconv.FormatInt(int64(group), 10), say.T("common.save")
		p.Deletion = p.Action + "/deletion"
	}
	p.Page = s.adminPage(r, a, title, ui.Crumb{Label: say.T("manage.groups"), Href: groupsHref})
	p.Name = ui.Text("name", say.T("common.name"), in.Name).Require().Wrong(m["name"])
	for _, u := range people {
		c := ui.Check("members", u.Name(), slices.Contains(in.Members, u.ID))
		c.Value = strconv.FormatInt(int64(u.ID), 10)
		p.People = append(p.People, c)
	}
	p.Problems = ui.Problems(p.Name.Problem(), ui.Problem{Href: "#people", Label: say.T("manage.people"), Text: m["members"]})
	return s.ui.Render(w, statusOf(refusal), "admin_group", p)
}

// mostPeople bounds the people that a form offers besides those it names.
const mostPeople = 1000

// peopleWith are the people of the instance by name, the named ones in any case:
// a form that left them out would take them away.
func (s *Site) peopleWith(r *http.Request, a access.Actor, named []id.User) ([]account.User, error) {
	people, total, err := s.app.Accounts.List(r.Context(), a, account.Filter{Sort: []account.Sort{{By: "name"}}, Limit: mostPeople})
	if err != nil || total <= len(people) {
		return people, err
	}
	for from := 0; from < len(named); from += mostPeople {
		some, _, err := s.app.Accounts.List(r.Context(), a, account.Filter{IDs: account.Set[id.User]{Values: named[from:min(from+mostPeople, len(named))]}, Limit: mostPeople})
		if err != nil {
			return nil, err
		}
		for _, u := range some {
			if !slices.ContainsFunc(people, func(p account.User) bool { return p.ID == u.ID }) {
				people = append(people, u)
			}
		}
	}
	return people, nil
}

func groupInput(r *http.Request) account.GroupInput {
	return account.GroupInput{Name: r.PostForm.Get("name"), Members: formIDs[id.User](r, "members")}
}

// formIDs are the numbers that a form sent under one name; what is none stays as one that nothing has.
func formIDs[T ~int64](r *http.Request, name string) []T {
	var out []T
	for _, v := range r.PostForm[name] {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			n = -1
		}
		out = append(out, T(n))
	}
	return out
}

func (s *Site) createGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := groupInput(r)
	_, err := s.app.Accounts.CreateGroup(r.Context(), a, in)
	if refused(err) {
		return s.groupForm(w, r, a, 0, "", in, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, groupsHref+"?done=created")
}

// groupOf finds the group of the address.
func (s *Site) groupOf(r *http.Request, a access.Actor) (account.Group, error) {
	n, err := id.Parse[id.User]("group", chi.URLParam(r, "id"))
	if err != nil {
		return account.Group{}, err
	}
	return s.app.Accounts.FindGroup(r.Context(), a, n)
}

func (s *Site) editGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	g, err := s.groupOf(r, a)
	if err != nil {
		return err
	}
	in := account.GroupInput{Name: g.Name()}
	for _, u := range g.Members {
		in.Members = append(in.Members, u.ID)
	}
	return s.groupForm(w, r, a, g.ID, g.Name(), in, nil)
}

func (s *Site) updateGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	g, err := s.groupOf(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	in := groupInput(r)
	_, err = s.app.Accounts.UpdateGroup(r.Context(), a, g.ID, account.GroupPatch{Name: opt.Of(in.Name), Members: opt.Of(in.Members)})
	if refused(err) {
		return s.groupForm(w, r, a, g.ID, g.Name(), in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, groupsHref, "saved", undoOf(undoAccount, g.ID))
}

func (s *Site) confirmGroupDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	g, err := s.groupOf(r, a)
	if err != nil {
		return err
	}
	say := speak(r)
	return s.confirmAdmin(w, r, a, confirmPage{
		Page:   s.adminPage(r, a, say.T("manage.delete_title", "name", g.Name()), ui.Crumb{Label: say.T("manage.groups"), Href: groupsHref}),
		Cancel: groupsHref + "/" + strconv.FormatInt(int64(g.ID), 10), Submit: say.T("manage.delete_group"),
		Text: say.T("manage.delete_group_text", "n", len(g.Members)),
	}, nil)
}

func (s *Site) deleteGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	g, err := s.groupOf(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Accounts.DeleteGroup(r.Context(), a, g.ID); err != nil {
		return err
	}
	return redirect(w, r, groupsHref+"?done=removed")
}

// adminPage is the frame of a page below one of the administration.
func (s *Site) adminPage(r *http.Request, a access.Actor, title string, up ui.Crumb) ui.Page {
	p := s.adminFrame(r, a, title)
	p.Width = "narrow"
	p.Breadcrumbs = []ui.Crumb{{Label: speak(r).T("common.administration"), Href: "/admin"}, up, {Label: title}}
	return p
}

// confirmAdmin asks before something is deleted; refusal is why it could not be.
func (s *Site) confirmAdmin(w http.ResponseWriter, r *http.Request, _ access.Actor, p confirmPage, refusal error) error {
	p.Action, p.HideTitle = r.URL.Path, true
	if fault.Of(refusal) != nil {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: speak(r).summary(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "confirm", p)
}
