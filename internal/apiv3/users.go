package apiv3

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// userID reads the id in the path; "me" is the actor.
func userID(r *http.Request, a access.Actor) (id.User, error) {
	if chi.URLParam(r, "id") == "me" {
		if !a.SignedIn() {
			return access.AnonymousID, nil
		}
		return a.ID, nil
	}
	return id.Parse[id.User]("user", chi.URLParam(r, "id"))
}

func userDoc(u account.User, st account.Standing, a access.Actor) *hal.Object {
	o := hal.New("User")
	o.Int("id", int64(u.ID))
	o.Str("name", u.Name())
	o.Str("avatar", "")
	detailed := st.Admin || st.Manager || st.Self
	if detailed {
		o.Str("login", u.Login)
		o.Str("firstName", u.Firstname)
		o.Str("lastName", u.Lastname)
		o.Bool("admin", u.Admin)
		o.Str("language", u.Language)
		o.Null("identityUrl")
	}
	if u.Mail != "" {
		o.Str("email", u.Mail)
	}
	o.Str("status", u.Status.String())
	o.Time("createdAt", u.CreatedAt.Time)
	o.Time("updatedAt", u.UpdatedAt.Time)
	o.To("self", to(users, u.ID), u.Name())
	o.Link("memberships", Root+`/memberships?filters=`+`%5B%7B%22principal%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22`+idText(u.ID)+`%22%5D%7D%7D%5D`, "Memberships")
	o.AddLink("showUser", hal.Link{Path: to("/users/", u.ID), Type: "text/html"})
	if u.Kind != account.KindUser {
		return o
	}
	if st.Admin || st.Manager || st.Self {
		o.AddLink("updateImmediately", hal.Link{Path: to(users, u.ID), Method: "patch", Title: "Update " + u.Login})
	}
	if (st.Admin || st.Manager) && u.ID != a.ID {
		lock := hal.Link{Path: below(users, u.ID, "/lock"), Method: "post", Title: "Set lock on " + u.Login}
		if u.Status == account.Locked {
			lock.Method, lock.Title = "delete", "Remove lock on "+u.Login
			o.AddLink("unlock", lock)
		} else {
			o.AddLink("lock", lock)
		}
	}
	if st.Admin && u.ID != a.ID {
		o.AddLink("delete", hal.Link{Path: to(users, u.ID), Method: "delete", Title: "Delete " + u.Login})
	}
	return o
}

func (s *API) user(w http.ResponseWriter, r *http.Request, a access.Actor, status int, u account.User) error {
	st, err := s.app.Accounts.StandingTo(r.Context(), a, u)
	if err != nil {
		return err
	}
	return respond(w, r, status, userDoc(u, st, a))
}

func (s *API) showUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := userID(r, a)
	if err != nil {
		return err
	}
	u, err := s.app.Accounts.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.user(w, r, a, http.StatusOK, u)
}

func (s *API) listUsers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := s.mayListUsers(r, a); err != nil {
		return err
	}
	return s.accounts(w, r, a, account.KindUser)
}

// mayListUsers: the list of all users is for those who manage or see everyone.
func (s *API) mayListUsers(r *http.Request, a access.Actor) error {
	st, err := s.app.Accounts.StandingTo(r.Context(), a, account.User{})
	if err != nil || st.Admin || st.Manager || st.Creator {
		return err
	}
	return fault.Forbidden("You are not authorized to access this resource.")
}

func (s *API) listPrincipals(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.accounts(w, r, a, "")
}

// accounts answers a page of people, groups, or both.
func (s *API) accounts(w http.ResponseWriter, r *http.Request, a access.Actor, kind account.Kind) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	f, err := accountFilter(l, a)
	if err != nil {
		return err
	}
	if kind != "" {
		f.Kinds = account.Set[account.Kind]{Values: []account.Kind{kind}}
	} else if len(f.Kinds.Values) == 0 {
		f.Kinds.Values = []account.Kind{account.KindUser, account.KindGroup, account.KindPlaceholder}
	}
	f.Offset, f.Limit = l.page.Start(), max(l.page.Size, 1)
	found, total, err := s.app.Accounts.Principals(r.Context(), a, f)
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	if l.page.Size > 0 {
		docs, err := s.principalDocs(r, found, a)
		if err != nil {
			return err
		}
		for _, o := range docs {
			c.Add(o)
		}
	}
	return respond(w, r, http.StatusOK, c.Page(l.paging(r, total)))
}

// principalDocs represents people, groups and placeholders. What it has to know
// of the actor's rights and of members is read once for all.
func (s *API) principalDocs(r *http.Request, found []account.User, a access.Actor) ([]*hal.Object, error) {
	standing, err := s.app.Accounts.Standings(r.Context(), a)
	if err != nil {
		return nil, err
	}
	var groups []id.User
	for _, u := range found {
		if u.Kind == account.KindGroup {
			groups = append(groups, u.ID)
		}
	}
	var members map[id.User][]account.User
	if len(groups) > 0 {
		if members, err = s.app.Accounts.Members(r.Context(), a, groups); err != nil {
			return nil, err
		}
	}
	docs := make([]*hal.Object, len(found))
	for i, u := range found {
		switch u.Kind {
		case account.KindGroup:
			docs[i] = groupDoc(account.Group{User: u, Members: members[u.ID]}, a)
		case account.KindPlaceholder:
			docs[i] = placeholderDoc(u)
		default:
			docs[i] = userDoc(u, standing(u), a)
		}
	}
	return docs, nil
}

func placeholderDoc(u account.User) *hal.Object {
	o := hal.New("PlaceholderUser")
	o.Int("id", int64(u.ID))
	o.Str("name", u.Name())
	o.Time("createdAt", u.CreatedAt.Time)
	o.Time("updatedAt", u.UpdatedAt.Time)
	o.To("self", hal.Path{Base: principalBase("PlaceholderUser"), ID: int64(u.ID)}, u.Name())
	return o
}

var userStatuses = map[string]account.Status{
	"active": account.Active, "registered": account.Registered, "locked": account.Locked, "invited": account.Invited,
	"1": account.Active, "2": account.Registered, "3": account.Locked, "4": account.Invited,
}

// accountFilter turns the list's filters into those of accounts.
func accountFilter(l listing, a access.Actor) (account.Filter, error) {
	var f account.Filter
	for _, c := range l.filters {
		not := c.Op == "!"
		switch c.Name {
		case "id":
			ids, err := c.IDs(filter.Env{Me: int64(a.ID)})
			if err != nil {
				return f, err
			}
			for _, n := range ids {
				f.IDs.Values = append(f.IDs.Values, id.User(n))
			}
			f.IDs.Not = not
		case "type":
			for _, v := range c.Values {
				f.Kinds.Values = append(f.Kinds.Values, account.Kind(v))
			}
			f.Kinds.Not = not
		case "status":
			for _, v := range c.Values {
				st, ok := userStatuses[v]
				if !ok {
					return f, filter.WrongValue(c, "active, registered, locked or invited")
				}
				f.Statuses.Values = append(f.Statuses.Values, st)
			}
			f.Statuses.Not = not
		case "name", "typeahead", "any_name_attribute":
			t := account.Text{Values: c.Values, Contains: c.Op == "~" || c.Op == "**" || c.Op == "!~", Not: not || c.Op == "!~"}
			if c.Name == "name" {
				f.Name = t
			} else {
				f.AnyName = t
			}
		case "login":
			f.Login = account.Text{Values: c.Values, Contains: c.Op == "~" || c.Op == "**", Not: not}
		case "email", "mail":
			f.Mail = account.Text{Values: c.Values, Contains: c.Op == "~" || c.Op == "**", Not: not}
		case "group":
			ids, err := c.IDs(filter.Env{})
			if err != nil {
				return f, err
			}
			for _, n := range ids {
				f.Groups.Values = append(f.Groups.Values, id.User(n))
			}
			f.Groups.Not = not
		case "member":
			m, err := memberOf(c)
			if err != nil {
				return f, err
			}
			f.Member = m
		default:
			return f, &fault.Fault{Kind: fault.KindInvalid, Code: filter.CodeInvalidQuery, Message: "there is no filter named \"" + c.Name + "\""}
		}
	}
	for _, sort := range l.sort {
		f.Sort = append(f.Sort, account.Sort{By: camel(sort.Name), Desc: sort.Desc})
	}
	return f, nil
}

func memberOf(c filter.Condition) (*account.MemberOf, error) {
	switch c.Op {
	case "*":
		return &account.MemberOf{Any: true}, nil
	case "!*":
		return &account.MemberOf{Any: true, Not: true}, nil
	}
	ids, err := c.IDs(filter.Env{})
	if err != nil {
		return nil, err
	}
	m := &account.MemberOf{Not: c.Op == "!"}
	for _, n := range ids {
		m.Projects = append(m.Projects, id.Project(n))
	}
	return m, nil
}

// camel turns created_at into createdAt.
func camel(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// userPatch is the body of a user.
type userPatch struct {
	login, first, last, mail, language, password, status opt.Value[string]
	admin                                                opt.Value[bool]
}

func userIn(o object, a access.Actor) (userPatch, error) {
	p := newPayload(o, a)
	var u userPatch
	p.text("login", &u.login)
	p.text("firstName", &u.first)
	p.text("lastName", &u.last)
	p.text("email", &u.mail)
	p.text("language", &u.language)
	p.text("password", &u.password)
	p.text("status", &u.status)
	p.boolean("admin", &u.admin)
	return u, p.err()
}

func (s *API) createUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, err := userIn(body, a)
	if err != nil {
		return err
	}
	u, err := s.app.Accounts.Create(r.Context(), a, account.CreateInput{
		Login: in.login.V, Firstname: in.first.V, Lastname: in.last.V, Mail: in.mail.V, Language: in.language.V,
		Password: in.password.V, Admin: in.admin.V, Status: userStatuses[in.status.V],
	})
	if err != nil {
		return err
	}
	return s.user(w, r, a, http.StatusCreated, u)
}

func (s *API) updateUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := userID(r, a)
	if err != nil {
		return err
	}
	old, err := s.app.Accounts.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, err := userIn(body, a)
	if err != nil {
		return err
	}
	if in.password.Set && in.password.V != "" {
		if err := s.app.Accounts.SetPassword(r.Context(), a, old.ID, in.password.V, true); err != nil {
			return err
		}
	}
	u, err := s.app.Accounts.Update(r.Context(), a, old.ID, account.Patch{
		Login: in.login, Firstname: in.first, Lastname: in.last, Mail: in.mail, Language: in.language, Admin: in.admin,
	})
	if err != nil {
		return err
	}
	return s.user(w, r, a, http.StatusOK, u)
}

func (s *API) deleteUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := userID(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Accounts.Delete(r.Context(), a, n); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (s *API) lockUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := userID(r, a)
	if err != nil {
		return err
	}
	u, err := s.app.Accounts.Lock(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.user(w, r, a, http.StatusOK, u)
}

func (s *API) unlockUser(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := userID(r, a)
	if err != nil {
		return err
	}
	u, err := s.app.Accounts.Unlock(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.user(w, r, a, http.StatusOK, u)
}

// principals answers a list of people that a work package offers.
func (s *API) principals(w http.ResponseWriter, r *http.Request, people []workpackage.Named) error {
	c := hal.NewCollection(hal.TypeCollection)
	for _, p := range people {
		o := hal.New(p.Kind)
		o.Int("id", p.ID)
		o.Str("name", p.Name)
		if p.Kind == "User" {
			o.Str("avatar", "")
		}
		if p.Kind == "Group" {
			o.EmbedArray("members", nil)
		}
		o.To("self", hal.Path{Base: principalBase(p.Kind), ID: p.ID}, p.Name)
		c.Add(o)
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.Path))
}
