package account

import (
	"context"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Group is a principal with the people in it.
type Group struct {
	User
	// Members are the people whom the reader may see, by name.
	Members []User
}

// GroupInput is a new group.
type GroupInput struct {
	Name    string
	Members []id.User
}

// GroupPatch changes a group; Members replaces all of them.
type GroupPatch struct {
	Name    opt.Value[string]
	Members opt.Value[[]id.User]
}

// CreateGroup makes a group.
//
// Faults: Forbidden for everyone but administrators; Invalid.
func (s *Service) CreateGroup(ctx context.Context, a access.Actor, in GroupInput) (Group, error) {
	if err := access.RequireAdmin(a); err != nil {
		return Group{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Group, error) {
		g := User{Kind: KindGroup, Lastname: strings.TrimSpace(in.Name), Status: Active, Language: s.deps.Language}
		if err := validGroup(ctx, tx, g, in.Members); err != nil {
			return Group{}, err
		}
		n, err := insertUser(ctx, tx, g)
		if err != nil {
			return Group{}, err
		}
		return s.saveGroup(ctx, tx, a, n, in.Members, "group.create", journal.Change{First: true})
	})
}

// UpdateGroup renames a group or replaces its members.
//
// Faults: NotFound; Forbidden for everyone but administrators; Invalid.
func (s *Service) UpdateGroup(ctx context.Context, a access.Actor, group id.User, p GroupPatch) (Group, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Group, error) {
		g, err := managedGroup(ctx, tx, a, group)
		if err != nil {
			return Group{}, err
		}
		return s.updateGroup(ctx, tx, a, g, p, journal.Change{})
	})
}

func (s *Service) updateGroup(ctx context.Context, tx *db.Tx, a access.Actor, g User, p GroupPatch, c journal.Change) (Group, error) {
	old, err := memberIDs(ctx, tx, g.ID)
	if err != nil {
		return Group{}, err
	}
	members := p.Members.Or(old)
	g.Lastname = strings.TrimSpace(p.Name.Or(g.Lastname))
	if err := validGroup(ctx, tx, g, members); err != nil {
		return Group{}, err
	}
	if err := updateUser(ctx, tx, g); err != nil {
		return Group{}, err
	}
	return s.saveGroup(ctx, tx, a, g.ID, members, "group.update", c)
}

// AddToGroup and RemoveFromGroup change one member.
func (s *Service) AddToGroup(ctx context.Context, a access.Actor, group, user id.User) (Group, error) {
	return s.changeMembers(ctx, a, group, func(m []id.User) []id.User { return append(m, user) })
}

// RemoveFromGroup takes one person out of the group; see AddToGroup.
func (s *Service) RemoveFromGroup(ctx context.Context, a access.Actor, group, user id.User) (Group, error) {
	return s.changeMembers(ctx, a, group, func(m []id.User) []id.User {
		return slices.DeleteFunc(m, func(n id.User) bool { return n == user })
	})
}

func (s *Service) changeMembers(ctx context.Context, a access.Actor, group id.User, change func([]id.User) []id.User) (Group, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Group, error) {
		g, err := managedGroup(ctx, tx, a, group)
		if err != nil {
			return Group{}, err
		}
		old, err := memberIDs(ctx, tx, group)
		if err != nil {
			return Group{}, err
		}
		members := change(slices.Clone(old))
		if err := validGroup(ctx, tx, g, members); err != nil {
			return Group{}, err
		}
		return s.saveGroup(ctx, tx, a, group, members, "group.update", journal.Change{})
	})
}

// DeleteGroup removes a group; its members lose the roles they had through it.
//
// Faults: NotFound; Forbidden for everyone but administrators.
func (s *Service) DeleteGroup(ctx context.Context, a access.Actor, group id.User) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		g, err := managedGroup(ctx, tx, a, group)
		if err != nil {
			return err
		}
		if err := s.setMembers(ctx, tx, group, nil); err != nil {
			return err
		}
		if s.deps.Memberships != nil {
			if err := s.deps.Memberships.PrincipalRemoved(ctx, tx, group); err != nil {
				return err
			}
		}
		g.DeletedAt = stamp(tx)
		if err := updateUser(ctx, tx, g); err != nil {
			return err
		}
		if err := journalUser(ctx, tx, a, g, journal.Change{}); err != nil {
			return err
		}
		return s.record(ctx, tx, a, "group.delete", object("group", group), map[string]any{"name": g.Lastname})
	})
}

// FindGroup returns a group that the actor may see, with the members it may see.
func (s *Service) FindGroup(ctx context.Context, a access.Actor, group id.User) (Group, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Group, error) {
		g, err := visible(ctx, tx, a, group, KindGroup)
		if err != nil {
			return Group{}, err
		}
		return loadGroup(ctx, tx, a, g)
	})
}

// Groups is List for groups, without their members.
func (s *Service) Groups(ctx context.Context, a access.Actor, f Filter) ([]User, int, error) {
	f.Kinds = Set[Kind]{Values: []Kind{KindGroup}}
	return s.Principals(ctx, a, f)
}

// Members returns the members that the actor may see of each of the groups,
// with one statement.
func (s *Service) Members(ctx context.Context, a access.Actor, groups []id.User) (map[id.User][]User, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.User][]User, error) { return members(ctx, tx, a, groups) })
}

// GroupsOf returns the groups of a user, by name; it checks no rights.
func (s *Service) GroupsOf(ctx context.Context, tx *db.Tx, user id.User) ([]User, error) {
	return db.All[User](ctx, tx, db.SQL(selectUser+`u.deleted_at IS NULL AND u.id IN
		(SELECT gu.group_id FROM group_users gu WHERE gu.user_id = ?) ORDER BY u.name_folded, u.id`, user))
}

func members(ctx context.Context, tx *db.Tx, a access.Actor, groups []id.User) (map[id.User][]User, error) {
	may, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
	if err != nil {
		return nil, err
	}
	type row struct {
		User
		Group id.User `db:"group_id"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT `+userColumns+`, gu.group_id FROM group_users gu JOIN users u ON u.id = gu.user_id WHERE`).
		Append(db.And(db.In("gu.group_id", groups), db.SQL(`u.deleted_at IS NULL`), may)).Add(`ORDER BY u.name_folded, u.id`))
	if err != nil {
		return nil, err
	}
	users := make([]User, len(rows))
	for i, r := range rows {
		users[i] = r.User
	}
	if err := veilAll(ctx, tx, a, users); err != nil {
		return nil, err
	}
	out := map[id.User][]User{}
	for i, r := range rows {
		out[r.Group] = append(out[r.Group], users[i])
	}
	return out, nil
}

func loadGroup(ctx context.Context, tx *db.Tx, a access.Actor, g User) (Group, error) {
	m, err := members(ctx, tx, a, []id.User{g.ID})
	return Group{User: g, Members: m[g.ID]}, err
}

func managedGroup(ctx context.Context, tx *db.Tx, a access.Actor, group id.User) (User, error) {
	g, err := visible(ctx, tx, a, group, KindGroup)
	if err != nil {
		return User{}, err
	}
	return g, access.RequireAdmin(a)
}

func validGroup(ctx context.Context, tx *db.Tx, g User, members []id.User) error {
	var fields []fault.Field
	if g.Lastname == "" {
		fields = append(fields, fault.Field{Name: "name", Code: "blank"})
	}
	if f, ok := tooLong("name", g.Lastname); !ok {
		fields = append(fields, f)
	}
	if checkName(g.Lastname) != "" {
		fields = append(fields, fault.Field{Name: "name", Code: "invalid"})
	}
	_, same, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM users WHERE kind = 'Group' AND name_folded = ?
		AND id <> ? AND deleted_at IS NULL LIMIT 1`, key(g.Lastname), g.ID))
	if err != nil {
		return err
	}
	if same && g.Lastname != "" {
		fields = append(fields, fault.Field{Name: "name", Code: "taken"})
	}
	wanted := distinct(members)
	there, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM users WHERE kind = 'User' AND deleted_at IS NULL AND`).
		Append(db.In("id", wanted)))
	if err != nil {
		return err
	}
	if there != len(wanted) {
		fields = append(fields, fault.Field{Name: "members", Code: "inclusion"})
	}
	return fault.Invalid(fields...)
}

func distinct(ids []id.User) []id.User {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

func memberIDs(ctx context.Context, tx *db.Tx, group id.User) ([]id.User, error) {
	return db.All[id.User](ctx, tx, db.SQL(`SELECT user_id FROM group_users WHERE group_id = ? ORDER BY user_id`, group))
}

// saveGroup writes members, journal and audit of a group whose row is written.
func (s *Service) saveGroup(ctx context.Context, tx *db.Tx, a access.Actor, group id.User, members []id.User, action string, c journal.Change) (Group, error) {
	members = distinct(members)
	if err := s.setMembers(ctx, tx, group, members); err != nil {
		return Group{}, err
	}
	g, err := db.Find[User](ctx, tx, "group", db.SQL(selectUser+`u.id = ?`, group))
	if err != nil {
		return Group{}, err
	}
	if err := journalUser(ctx, tx, a, g, c, members...); err != nil {
		return Group{}, err
	}
	if err := s.record(ctx, tx, a, action, object("group", group), map[string]any{"name": g.Lastname, "members": members}); err != nil {
		return Group{}, err
	}
	return loadGroup(ctx, tx, a, g)
}

// setMembers makes the group's members exactly these and tells memberships.
func (s *Service) setMembers(ctx context.Context, tx *db.Tx, group id.User, members []id.User) error {
	old, err := memberIDs(ctx, tx, group)
	if err != nil {
		return err
	}
	added, removed := without(members, old), without(old, members)
	if len(removed) > 0 {
		_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM group_users WHERE group_id = ? AND`, group).Append(db.In("user_id", removed)))
		if err != nil {
			return err
		}
	}
	if len(added) > 0 {
		rows := make([]db.Frag, len(added))
		for i, n := range added {
			rows[i] = db.SQL(`(?, ?)`, group, n)
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO group_users (group_id, user_id) VALUES`).Append(db.List(rows...))); err != nil {
			return err
		}
	}
	if len(added)+len(removed) == 0 {
		return nil
	}
	if err := s.RightsChanged(ctx, tx, append(slices.Clone(added), removed...)...); err != nil || s.deps.Memberships == nil {
		return err
	}
	return s.deps.Memberships.GroupUsersChanged(ctx, tx, group, added, removed)
}

func without(a, b []id.User) []id.User {
	var out []id.User
	for _, n := range a {
		if !slices.Contains(b, n) {
			out = append(out, n)
		}
	}
	return out
}
