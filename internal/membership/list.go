package membership

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// ListInput selects a page of memberships.
type ListInput struct {
	// Project restricts the list to one project; 0 to none.
	Project  id.Project
	Filters  []filter.Condition
	Sort     []filter.Sort
	Page     filter.Page
	Location *time.Location
}

// Page is a page of a list.
type Page struct {
	Items []Member
	// Total counts everything the filters select, on all pages.
	Total int
}

// Filters are what memberships can be filtered and sorted by.
var Filters = filter.Fields{
	"id":         {Kind: filter.Ref, Column: "m.id"},
	"project":    {Kind: filter.Ref, Column: "m.project_id", SortBy: "p.name_folded"},
	"principal":  {Kind: filter.Ref, Column: "m.user_id", SortBy: "u.name_folded"},
	"name":       {Kind: filter.Text, Column: "u.name_folded"},
	"any_name":   {Kind: filter.Special, SortBy: "-", Compile: byAnyName},
	"role":       {Kind: filter.Special, SortBy: "-", Compile: byRole},
	"group":      {Kind: filter.Special, SortBy: "-", Compile: byGroup},
	"status":     {Kind: filter.Special, SortBy: "-", Compile: byStatus},
	"type":       {Kind: filter.Special, SortBy: "-", Compile: byKind},
	"created_at": {Kind: filter.Instant, Column: "m.created_at"},
	"updated_at": {Kind: filter.Instant, Column: "m.updated_at"},
}

// List returns a page of the memberships that actor may see.
//
// Faults: Unauthenticated for visitors, NotFound when actor may not see
// in.Project, Invalid for unknown filters.
func (s *Service) List(ctx context.Context, a access.Actor, in ListInput) (*Page, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		where, err := selection(ctx, tx, a, in)
		if err != nil {
			return nil, err
		}
		order, err := Filters.Order(in.Sort)
		if err != nil {
			return nil, err
		}
		if order.Empty() {
			order = db.SQL(`u.name_folded`)
		}
		p := &Page{}
		p.Total, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*)`+memberTables+` WHERE`).Append(where))
		if err != nil || in.Page.Size <= 0 || p.Total <= in.Page.Start() {
			return p, err
		}
		p.Items, err = db.All[Member](ctx, tx, db.SQL(`SELECT `+memberColumns+memberTables+` WHERE`).Append(where).
			Add(`ORDER BY`).Append(db.List(order, db.SQL(`m.id`))).Add(`LIMIT ? OFFSET ?`, in.Page.Size, in.Page.Start()))
		if err != nil {
			return nil, err
		}
		return p, fill(ctx, tx, p.Items)
	})
}

func selection(ctx context.Context, tx *db.Tx, a access.Actor, in ListInput) (db.Frag, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return db.Frag{}, err
	}
	cond, err := Filters.Compile(in.Filters, filter.Env{Now: tx.Now(), Location: in.Location, Me: int64(a.ID)})
	if err != nil {
		return db.Frag{}, err
	}
	conds := []db.Frag{db.SQL(`u.deleted_at IS NULL`), visible(a), cond}
	if in.Project != 0 {
		seen, err := access.Allowed(ctx, tx, a, access.ViewProject, in.Project)
		if err != nil {
			return db.Frag{}, err
		}
		if !seen {
			return db.Frag{}, fault.NotFound("project")
		}
		conds = append(conds, db.SQL(`m.project_id = ?`, in.Project))
	}
	return db.And(conds...), nil
}

// member is the condition that the membership is, or is not, in a set.
func member(c filter.Condition, e filter.Env, set func(ids []int64) db.Frag) (db.Frag, error) {
	if c.Op != "=" && c.Op != "!" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	ids, err := c.IDs(e)
	if err != nil {
		return db.Frag{}, err
	}
	if c.Op == "!" {
		return db.Not(set(ids)), nil
	}
	return set(ids), nil
}

func byRole(c filter.Condition, e filter.Env) (db.Frag, error) {
	return member(c, e, func(ids []int64) db.Frag {
		return db.SQL(`m.id IN (SELECT mr.member_id FROM member_roles mr WHERE`).Append(db.In("mr.role_id", ids)).Add(`)`)
	})
}

func byGroup(c filter.Condition, e filter.Env) (db.Frag, error) {
	return member(c, e, func(ids []int64) db.Frag {
		return db.SQL(`m.user_id IN (SELECT gu.user_id FROM group_users gu WHERE`).Append(db.In("gu.group_id", ids)).Add(`)`)
	})
}

// byAnyName looks into name, login and mail address.
func byAnyName(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if c.Op != "~" && c.Op != "**" && c.Op != "!~" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	if len(c.Values) != 1 {
		return db.Frag{}, filter.WrongValue(c, "one text")
	}
	found := db.Or(db.Contains("u.name_folded", c.Values[0]), db.Contains("COALESCE(u.login_folded, '')", c.Values[0]))
	if c.Op == "!~" {
		return db.Not(found), nil
	}
	return found, nil
}

var statuses = map[string]int{"active": 1, "registered": 2, "locked": 3, "invited": 4}

func byStatus(c filter.Condition, _ filter.Env) (db.Frag, error) {
	var numbers []int
	for _, v := range c.Values {
		n, ok := statuses[v]
		if !ok {
			return db.Frag{}, filter.WrongValue(c, "active, registered, locked or invited")
		}
		numbers = append(numbers, n)
	}
	return oneOf(c, db.In("u.status", numbers))
}

func byKind(c filter.Condition, _ filter.Env) (db.Frag, error) {
	return oneOf(c, db.In("u.kind", c.Values))
}

func oneOf(c filter.Condition, in db.Frag) (db.Frag, error) {
	switch c.Op {
	case "=":
		return in, nil
	case "!":
		return db.Not(in), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}
