package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type usersPage struct {
	ui.Page
	Query  ui.Field
	Status ui.Select
	Rows   []userRow
	Roles  bool // those of people are shown
	Paging ui.Pagination
	None   ui.EmptyState
}

type userRow struct {
	Href, Login, Mail string
	Person            ui.Person
	State             ui.Chip
	Admin             bool
	LastLogin         time.Time
	Roles             []heldRole
}

// heldRole is a role that somebody has, in so many projects; in none when it is global.
type heldRole struct {
	Name, Where string
	Projects    int
}

var userHues = map[account.Status]ui.Hue{
	account.Active: ui.Green, account.Registered: ui.Blue, account.Locked: ui.Red, account.Invited: ui.Orange,
}

func (in reader) userChip(st account.Status) ui.Chip {
	return ui.Label(in.either("user.status_", st.String()), userHues[st])
}

var userStatuses = []account.Status{account.Active, account.Invited, account.Registered, account.Locked}

func (s *Site) userList(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	q, n := r.URL.Query(), pageNumber(r)
	options := []ui.Option{{Label: say.T("common.all")}}
	for _, st := range userStatuses {
		options = append(options, ui.Option{Value: st.String(), Label: say.either("user.status_", st.String())})
	}
	f := usersOf(q)
	f.Offset, f.Limit = (n-1)*adminPerPage, adminPerPage
	found, total, err := s.app.Accounts.List(r.Context(), a, f)
	if err != nil {
		return err
	}
	p := usersPage{Page: s.adminFrame(r, a, say.T("common.users"))}
	p.Query = ui.Text("q", say.T("user.name_login_or_mail"), q.Get("q"))
	p.Status = ui.Choose("status", say.T("common.status"), q.Get("status"), options...)
	held, err := s.held(r, a, found)
	if err != nil {
		return err
	}
	p.Roles = held != nil
	loc := location(a)
	for _, u := range found {
		row := userRow{
			Href: "/admin/users/" + strconv.FormatInt(int64(u.ID), 10), Login: u.Login, Mail: u.Mail, Admin: u.Admin,
			Person: ui.Person{ID: int64(u.ID), Name: u.Name()}, State: say.userChip(u.Status),
		}
		for _, h := range held[u.ID] {
			row.Roles = append(row.Roles, heldRole{h.Role, say.T("user.in_projects", "n", h.Projects), h.Projects})
		}
		if u.LastLoginAt != nil {
			row.LastLogin = u.LastLoginAt.In(loc)
		}
		p.Rows = append(p.Rows, row)
	}
	p.Paging = ui.Pagination{Page: n, PerPage: adminPerPage, Total: total, Href: func(n int) string {
		v := r.URL.Query()
		v.Set("page", strconv.Itoa(n))
		return "/admin/users?" + v.Encode()
	}}
	if total == 0 {
		filters := []inForce{{name: "q", label: say.T("list.text"), value: q.Get("q")}, {name: "status", label: p.Status.Label, value: chosenLabel(p.Status)}}
		p.None, _, err = say.nothingLeft("users", "/admin/users", q, filters, func(q url.Values) (int, error) {
			_, n, err := s.app.Accounts.List(r.Context(), a, usersOf(q))
			return n, err
		})
		if err != nil {
			return err
		}
		p.None.Title = say.T("user.nobody_found")
	}
	return s.ui.Render(w, http.StatusOK, "admin_users", p)
}

// held are the roles of people; nil for who may see them in the list, but not what they have elsewhere.
func (s *Site) held(r *http.Request, a access.Actor, people []account.User) (map[id.User][]membership.Held, error) {
	ids := make([]id.User, len(people))
	for i := range people {
		ids[i] = people[i].ID
	}
	held, err := s.app.Memberships.HeldBy(r.Context(), a, ids)
	if fault.Is(err, fault.KindForbidden) {
		return nil, nil
	}
	return held, err
}

// usersOf is what the address selects of the accounts.
func usersOf(q url.Values) account.Filter {
	f := account.Filter{Limit: 1, Sort: []account.Sort{{By: "name"}}}
	if t := q.Get("q"); t != "" {
		f.AnyName = account.Text{Values: []string{t}, Contains: true}
	}
	for _, st := range userStatuses {
		if q.Get("status") == st.String() {
			f.Statuses = account.Set[account.Status]{Values: []account.Status{st}}
		}
	}
	return f
}

type userPage struct {
	ui.Page
	Href, Action, Submit                         string
	Login, First, Last, Mail, Password           ui.Field
	Admin                                        ui.Checkbox
	New, Self, MayMail, Locked, Waiting, Deleted bool
	State                                        ui.Chip
	NewPassword                                  ui.Field
	Link                                         string // of an invitation, to hand over
	Problems                                     ui.ErrorSummary
}

func (s *Site) newUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.userForm(w, r, a, account.User{}, account.CreateInput{}, nil)
}

// userForm shows the form of a new user (without an id) or of u with the values of in.
func (s *Site) userForm(w http.ResponseWriter, r *http.Request, a access.Actor, u account.User, in account.CreateInput, refusal error) error {
	return s.userFormLink(w, r, a, u, in, "", refusal)
}

// userFormLink is userForm with the link of an invitation, which is shown this once.
func (s *Site) userFormLink(w http.ResponseWriter, r *http.Request, a access.Actor, u account.User, in account.CreateInput, link string, refusal error) error {
	say := speak(r)
	m := say.messages(refusal)
	p := userPage{Page: s.adminFrame(r, a, say.T("user.new_user")), Action: "/admin/users", Submit: say.T("user.create_user"), New: u.ID == 0, MayMail: s.app.Accounts.CanMail(), Link: link}
	if link != "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	if !p.New {
		p.Title, p.Submit, p.Self = u.Name(), say.T("common.save"), u.ID == a.ID
		p.Href = "/admin/users/" + strconv.FormatInt(int64(u.ID), 10)
		p.Action = p.Href
		p.State = say.userChip(u.Status)
		p.Locked, p.Waiting = u.Status == account.Locked, u.Status == account.Invited
	}
	p.Width = "narrow"
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: say.T("common.users"), Href: "/admin/users"}, {Label: p.Title}}
	p.Login = ui.Text("login", say.T("common.login"), in.Login).Require().Wrong(m["login"])
	p.First = ui.Text("firstName", say.T("common.first_name"), in.Firstname).Require().Wrong(m["firstName"])
	p.Last = ui.Text("lastName", say.T("common.last_name"), in.Lastname).Require().Wrong(m["lastName"])
	p.Mail = ui.Text("email", say.T("common.email"), in.Mail).Require().Wrong(m["email"])
	p.Mail.Type = "email"
	p.Admin = ui.Check("admin", say.T("common.administrator"), in.Admin)
	p.Password = ui.Password("password", say.T("common.password"), "new-password").Hinted(say.T(p.emptyPassword())).Wrong(m["password"])
	p.NewPassword = newPassword(say, "password").Wrong(m["password"])
	p.Problems = ui.Problems(p.Login.Problem(), p.First.Problem(), p.Last.Problem(), p.Mail.Problem(), p.Password.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "admin_user", p)
}

// emptyPassword is the key of what a new user without a password gets.
func (p *userPage) emptyPassword() string {
	if p.MayMail {
		return "user.leave_empty_to_invite"
	}
	return "user.leave_empty_for_a_link"
}

func userInput(r *http.Request) account.CreateInput {
	f := r.PostForm
	return account.CreateInput{
		Login: f.Get("login"), Firstname: f.Get("firstName"), Lastname: f.Get("lastName"), Mail: f.Get("email"),
		Admin: f.Get("admin") == "1", Password: f.Get("password"),
	}
}

func (s *Site) createUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := userInput(r)
	in.MustChange = in.Password != ""
	in.ByHand = in.Password == "" && !s.app.Accounts.CanMail()
	u, err := s.app.Accounts.Create(r.Context(), a, in)
	if fault.Of(err) != nil {
		return s.userForm(w, r, a, account.User{}, in, err)
	}
	if err != nil {
		return err
	}
	if in.ByHand {
		return s.handOver(w, r, a, u)
	}
	notice := "created"
	if u.Status == account.Invited {
		notice = "invited"
	}
	return redirect(w, r, "/admin/users?done="+notice)
}

// handOver shows the link of an invitation on the page of the person.
func (s *Site) handOver(w http.ResponseWriter, r *http.Request, a access.Actor, u account.User) error {
	link, err := s.app.Accounts.InvitationLink(r.Context(), a, u.ID)
	if err != nil {
		return err
	}
	return s.userFormLink(w, r, a, u, inputOf(u), link, nil)
}

// managed finds the user of the address.
func (s *Site) managed(r *http.Request, a access.Actor) (account.User, error) {
	n, err := id.Parse[id.User]("user", chi.URLParam(r, "id"))
	if err != nil {
		return account.User{}, err
	}
	return s.app.Accounts.Find(r.Context(), a, n)
}

func inputOf(u account.User) account.CreateInput {
	return account.CreateInput{Login: u.Login, Firstname: u.Firstname, Lastname: u.Lastname, Mail: u.Mail, Admin: u.Admin}
}

func (s *Site) editUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	return s.userForm(w, r, a, u, inputOf(u), nil)
}

func (s *Site) updateUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	in := userInput(r)
	_, err = s.app.Accounts.Update(r.Context(), a, u.ID, account.Patch{
		Login: opt.Of(in.Login), Firstname: opt.Of(in.Firstname), Lastname: opt.Of(in.Lastname), Mail: opt.Of(in.Mail), Admin: opt.Of(in.Admin),
	})
	if fault.Of(err) != nil {
		return s.userForm(w, r, a, u, in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, r.URL.Path, "saved", undoOf(undoAccount, u.ID))
}

func (s *Site) setPassword(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	err = s.app.Accounts.SetPassword(r.Context(), a, u.ID, r.PostForm.Get("password"), false)
	if fault.Of(err) != nil {
		return s.userForm(w, r, a, u, inputOf(u), err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/admin/users/"+strconv.FormatInt(int64(u.ID), 10)+"?done=saved")
}

func (s *Site) lockUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	notice := "locked"
	if u.Status == account.Locked {
		notice = "unlocked"
		_, err = s.app.Accounts.Unlock(r.Context(), a, u.ID)
	} else {
		_, err = s.app.Accounts.Lock(r.Context(), a, u.ID)
	}
	if fault.Of(err) != nil {
		return s.userForm(w, r, a, u, inputOf(u), err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, "/admin/users/"+strconv.FormatInt(int64(u.ID), 10), notice, undoOf(undoAccount, u.ID))
}

func (s *Site) invite(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	if !s.app.Accounts.CanMail() {
		return s.handOver(w, r, a, u)
	}
	if err := s.app.Accounts.Invite(r.Context(), a, u.ID); err != nil {
		return err
	}
	return redirect(w, r, "/admin/users/"+strconv.FormatInt(int64(u.ID), 10)+"?done=invited")
}

func (s *Site) confirmUserDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	p := confirmPage{
		Page:   s.adminPage(r, a, say.T("user.delete_title", "name", u.Name()), ui.Crumb{Label: say.T("common.users"), Href: "/admin/users"}),
		Cancel: "/admin/users/" + strconv.FormatInt(int64(u.ID), 10), Submit: say.T("user.delete_user"), Text: say.T("user.delete_text"),
	}
	return s.confirmAdmin(w, r, a, p, nil)
}

func (s *Site) deleteUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, err := s.managed(r, a)
	if err != nil {
		return err
	}
	err = s.app.Accounts.Delete(r.Context(), a, u.ID)
	if fault.Of(err) != nil {
		return s.userForm(w, r, a, u, inputOf(u), err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/admin/users?done=user_deleted")
}
