package account

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Text is a condition on a text: equal to or containing one of Values, or, with
// Not, none of them. Case does not matter. Without values it holds always.
type Text struct {
	Values   []string
	Contains bool
	Not      bool
}

// Set is a condition on membership in a set of values. Without values it holds always.
type Set[T any] struct {
	Values []T
	Not    bool
}

// MemberOf is a condition on the projects a principal is a member of. Projects
// the actor cannot see do not count.
type MemberOf struct {
	Projects []id.Project
	// Any asks for a membership in any project instead.
	Any bool
	Not bool
}

// Sort is one part of an order: by id, name, login, mail, status, type, admin,
// createdAt, updatedAt or lastLogin.
type Sort struct {
	By   string
	Desc bool
}

// Filter selects principals. The zero value selects all the actor may see.
type Filter struct {
	IDs      Set[id.User]
	Kinds    Set[Kind]
	Statuses Set[Status]
	Name     Text
	Login    Text
	Mail     Text
	// AnyName looks in name, login and, where the actor may see it, mail.
	AnyName Text
	Member  *MemberOf
	// Groups selects the users of these groups.
	Groups Set[id.User]
	Admin  *bool

	Sort   []Sort
	Offset int
	Limit  int // 20 when zero, at most 1000
}

const maxPage = 1000

// List returns one page of the users that the actor may see and that match,
// and how many there are in all.
//
// Faults: Invalid for an unknown sort.
func (s *Service) List(ctx context.Context, a access.Actor, f Filter) ([]User, int, error) {
	f.Kinds = Set[Kind]{Values: []Kind{KindUser}}
	return s.Principals(ctx, a, f)
}

type userPage struct {
	users []User
	total int
}

// Principals is List for users, groups and placeholders together.
func (s *Service) Principals(ctx context.Context, a access.Actor, f Filter) ([]User, int, error) {
	p, err := db.Read(ctx, s.db, func(tx *db.Tx) (userPage, error) {
		where, err := conditions(ctx, tx, a, f)
		if err != nil {
			return userPage{}, err
		}
		order, err := order(f.Sort)
		if err != nil {
			return userPage{}, err
		}
		total, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM users u WHERE`).Append(where))
		if err != nil {
			return userPage{}, err
		}
		users, err := db.All[User](ctx, tx, db.SQL(selectUser).Append(where).Append(order).
			Add(`LIMIT ? OFFSET ?`, min(orDefault(f.Limit, 20), maxPage), max(f.Offset, 0)))
		if err != nil {
			return userPage{}, err
		}
		return userPage{users, total}, veilAll(ctx, tx, a, users)
	})
	return p.users, p.total, err
}

var sortColumns = map[string]string{
	"id": "u.id", "name": "u.name_folded", "login": "u.login_folded", "mail": "u.mail_folded", "email": "u.mail_folded",
	"status": "u.status", "type": "u.kind", "admin": "u.admin", "createdAt": "u.created_at", "updatedAt": "u.updated_at",
	"lastLogin": "u.last_login_at",
}

func order(by []Sort) (db.Frag, error) {
	var parts []db.Frag
	for _, s := range by {
		col, ok := sortColumns[s.By]
		if !ok {
			return db.Frag{}, fault.Invalid(fault.Field{Name: "sortBy", Code: "inclusion", Params: map[string]any{"value": s.By}})
		}
		if s.Desc {
			col += " DESC"
		}
		parts = append(parts, db.SQL(col+" NULLS LAST"))
	}
	if len(parts) == 0 {
		parts = append(parts, db.SQL("u.name_folded"))
	}
	return db.SQL("ORDER BY").Append(db.List(append(parts, db.SQL("u.id"))...)), nil
}

func conditions(ctx context.Context, tx *db.Tx, a access.Actor, f Filter) (db.Frag, error) {
	may, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
	if err != nil {
		return db.Frag{}, err
	}
	seesMail, err := mailVisible(ctx, tx, a)
	if err != nil {
		return db.Frag{}, err
	}
	mail := db.SQL(`u.mail_folded`)
	if !seesMail { // else a filter would tell what the document hides
		mail = db.SQL(`CASE WHEN u.id = ? THEN u.mail_folded END`, a.ID)
	}
	kinds := f.Kinds
	if len(kinds.Values) == 0 {
		kinds = Set[Kind]{Values: []Kind{KindUser, KindGroup, KindPlaceholder}}
	}
	name, login := db.SQL(`u.name_folded`), db.SQL(`u.login_folded`)
	conds := []db.Frag{
		db.SQL(`u.deleted_at IS NULL AND u.kind IN ('User', 'Group', 'PlaceholderUser')`), may,
		set("u.kind", kinds), set("u.id", f.IDs), set("u.status", f.Statuses),
		text(f.Name, name), text(f.Login, login), text(f.Mail, mail), text(f.AnyName, name, login, mail),
		memberOf(a, f.Member), inGroups(f.Groups),
	}
	if f.Admin != nil {
		conds = append(conds, db.SQL(`u.admin = ?`, *f.Admin))
	}
	return db.And(conds...), nil
}

func set[T any](column string, s Set[T]) db.Frag {
	switch {
	case len(s.Values) == 0:
		return db.Frag{}
	case s.Not:
		return db.Not(db.In(column, s.Values))
	}
	return db.In(column, s.Values)
}

// text is the condition that one of the expressions matches.
func text(t Text, exprs ...db.Frag) db.Frag {
	if len(t.Values) == 0 {
		return db.Frag{}
	}
	var any []db.Frag
	for _, e := range exprs {
		for _, v := range t.Values {
			any = append(any, matches(e, v, t.Contains))
		}
	}
	if t.Not {
		return db.Not(db.Or(any...))
	}
	return db.Or(any...)
}

// matches compares missing texts as empty ones, so that Not finds them too.
func matches(expr db.Frag, value string, contains bool) db.Frag {
	e := db.SQL(`COALESCE(` + expr.SQL + `, '')`)
	if contains {
		c := db.Contains(e.SQL, storable(value))
		return db.Frag{SQL: c.SQL, Args: append(append([]any{}, expr.Args...), c.Args...)}
	}
	return db.Frag{SQL: e.SQL + ` = ?`, Args: append(append([]any{}, expr.Args...), key(value))}
}

func memberOf(a access.Actor, m *MemberOf) db.Frag {
	if m == nil || !m.Any && len(m.Projects) == 0 {
		return db.Frag{}
	}
	q := db.SQL(`u.id IN (SELECT m.user_id FROM members m WHERE`).Append(access.Visible("m.project_id", a, access.ViewProject))
	if !m.Any {
		q = q.Add(`AND`).Append(db.In("m.project_id", m.Projects))
	}
	q = q.Add(`)`)
	if m.Not {
		return db.Not(q)
	}
	return q
}

func inGroups(s Set[id.User]) db.Frag {
	if len(s.Values) == 0 {
		return db.Frag{}
	}
	q := db.SQL(`u.id IN (SELECT gu.user_id FROM group_users gu WHERE`).Append(db.In("gu.group_id", s.Values)).Add(`)`)
	if s.Not {
		return db.Not(q)
	}
	return q
}

// mailVisible says whether the actor may see everyone's mail address.
func mailVisible(ctx context.Context, tx *db.Tx, a access.Actor) (bool, error) {
	for _, p := range []access.Permission{access.ViewUserEmail, access.ManageUser} {
		if ok, err := access.Allowed(ctx, tx, a, p, 0); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// veilAll clears what the actor may not see of people it may see: addresses,
// and when they signed in last.
func veilAll(ctx context.Context, tx *db.Tx, a access.Actor, us []User) error {
	sees, err := mailVisible(ctx, tx, a)
	if err != nil || sees {
		return err
	}
	for i := range us {
		if us[i].ID != a.ID {
			us[i].Mail, us[i].LastLoginAt, us[i].MailChangedAt, us[i].RightsChangedAt = "", nil, nil, nil
		}
	}
	return nil
}

// ActiveAdmins returns every active administrator, for notices that concern the instance.
func (s *Service) ActiveAdmins(ctx context.Context, tx *db.Tx) ([]User, error) {
	return db.All[User](ctx, tx, db.SQL(selectUser+`u.admin AND u.status = ? AND u.kind = 'User' AND u.deleted_at IS NULL ORDER BY u.id`, Active))
}

// Person returns a living user inside a transaction, for other packages. It
// checks no rights.
func (s *Service) Person(ctx context.Context, tx *db.Tx, user id.User) (User, error) {
	return person(ctx, tx, user)
}
