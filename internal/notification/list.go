package notification

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// Filters are what lists of notifications are selected and sorted by.
var Filters = filter.Fields{
	"id":            {Kind: filter.Ref, Column: "n.id"},
	"read_ian":      {Kind: filter.Bool, Column: "(n.read_at IS NOT NULL)"},
	"reason":        {Kind: filter.Special, Compile: byReason, SortBy: "n.reason"},
	"project":       {Kind: filter.Ref, Column: "w.project_id", SortBy: "p.name_folded"},
	"resource":      {Kind: filter.Ref, Column: "n.work_package_id", SortBy: "-"},
	"resource_type": {Kind: filter.Special, Compile: byType, SortBy: "-"},
}

// byReason takes the reasons; those that nothing here has match nothing.
func byReason(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if len(c.Values) == 0 {
		return db.Frag{}, filter.WrongValue(c, "a reason")
	}
	in := db.In("n.reason", c.Values)
	switch c.Op {
	case "=":
		return in, nil
	case "!":
		return db.Not(in), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}

// byType knows one type of resource.
func byType(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if len(c.Values) == 0 {
		return db.Frag{}, filter.WrongValue(c, "a type")
	}
	has := slices.Contains(c.Values, "WorkPackage")
	switch c.Op {
	case "=", "!":
		if has == (c.Op == "=") {
			return db.True, nil
		}
		return db.False, nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}

// ListInput selects a page of notifications; without an order the newest come first.
type ListInput struct {
	Filters []filter.Condition
	Place   Place
	Sort    []filter.Sort
	Page    filter.Page
}

func (in ListInput) where(a access.Actor, tx *db.Tx) (db.Frag, error) {
	cond, err := Filters.Compile(in.Filters, filter.Env{Now: tx.Now(), Me: int64(a.ID)})
	if err != nil {
		return db.Frag{}, err
	}
	return db.And(mine(a), cond, in.Place.within(tx.Stamp())), nil
}

type page struct {
	items []Notification
	total int
}

// List returns a page of the actor's notifications, and how many there are in all.
//
// Faults: Unauthenticated for visitors, Invalid for filters and orders that are not known.
func (s *Service) List(ctx context.Context, a access.Actor, in ListInput) ([]Notification, int, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, 0, err
	}
	p, err := db.Read(ctx, s.db, func(tx *db.Tx) (page, error) {
		where, err := in.where(a, tx)
		if err != nil {
			return page{}, err
		}
		order, err := Filters.Order(in.Sort)
		if err != nil {
			return page{}, err
		}
		if len(in.Sort) > 0 {
			order = order.Add(`,`)
		}
		var p page
		if p.total, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM `+tables+` WHERE`).Append(where)); err != nil || in.Page.Size == 0 {
			return p, err
		}
		p.items, err = db.All[Notification](ctx, tx, db.SQL(`SELECT `+columns+` FROM `+tables+` WHERE`).Append(where).
			Add(`ORDER BY`).Append(order).Add(`n.id DESC LIMIT ? OFFSET ?`, in.Page.Size, in.Page.Start()))
		return p, err
	})
	return p.items, p.total, err
}

// Find returns one of the actor's notifications.
//
// Faults: NotFound for those of others and of what the actor may not see (any more).
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Notification) (*Notification, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Notification, error) {
		v, err := db.Find[Notification](ctx, tx, "notification", db.SQL(`SELECT `+columns+` FROM `+tables+` WHERE n.id = ? AND`, n).Append(mine(a)))
		return &v, err
	})
}

// Group is how many notifications have a reason or a project in common.
type Group struct {
	Value string `db:"value"`
	ID    int64  `db:"id"` // of a project
	Count int    `db:"n"`
}

// Groups counts the actor's notifications by "reason" or "project".
//
// Faults: as List; Invalid for anything else.
func (s *Service) Groups(ctx context.Context, a access.Actor, in ListInput, by string) ([]Group, error) {
	value, of := "n.reason", "0"
	switch by {
	case "reason":
	case "project":
		value, of = "p.name", "p.id"
	default:
		return nil, fault.InvalidField("groupBy", "inclusion")
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Group, error) {
		where, err := in.where(a, tx)
		if err != nil {
			return nil, err
		}
		group := value
		if by == "project" {
			group += ", p.id"
		}
		return db.All[Group](ctx, tx, db.SQL(`SELECT `+value+` AS value, `+of+` AS id, COUNT(*) AS n FROM `+tables+` WHERE`).
			Append(where).Add(`GROUP BY `+group+` ORDER BY `+group))
	})
}

// MaxCounted is where Unread stops counting.
const MaxCounted = 100

// Unread is how many of the actor's notifications are unread and not put off, MaxCounted for
// that many or more. It is one short statement, as every page asks for it.
func (s *Service) Unread(ctx context.Context, a access.Actor) (int, error) {
	if !a.SignedIn() {
		return 0, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (int, error) {
		return db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM notifications n
			JOIN work_packages w ON w.id = n.work_package_id JOIN journals j ON j.id = n.journal_id
			WHERE n.read_at IS NULL AND (n.snoozed_until IS NULL OR n.snoozed_until <= ?) AND`, tx.Stamp()).Append(mine(a)).Add(`LIMIT ?) c`, MaxCounted))
	})
}

// Topical is a work package with the actor's newest notifications of it.
type Topical struct {
	WorkPackage id.WorkPackage `db:"work_package_id"`
	Count       int            `db:"n"`
	Unread      int            `db:"unread"`
	// Open is how many of them are not done with; SnoozedUntil is when what was put off is
	// in the inbox again.
	SnoozedUntil  *db.Time       `db:"snoozed_until"`
	Open          int            `db:"open"`
	Notifications []Notification `db:"-"`
}

// shown is how many notifications of a work package Topics returns.
const shown = 5

type topics struct {
	items []Topical
	total int
}

// Topics returns the actor's notifications by work package, the one with the newest
// first, and the number of work packages in all. Sort is left out of account.
//
// Faults: as List.
func (s *Service) Topics(ctx context.Context, a access.Actor, in ListInput) ([]Topical, int, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, 0, err
	}
	t, err := db.Read(ctx, s.db, func(tx *db.Tx) (topics, error) {
		where, err := in.where(a, tx)
		if err != nil {
			return topics{}, err
		}
		var t topics
		t.total, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(DISTINCT n.work_package_id) FROM `+tables+` WHERE`).Append(where))
		if err != nil || t.total == 0 {
			return t, err
		}
		t.items, err = db.All[Topical](ctx, tx, db.SQL(`SELECT n.work_package_id, COUNT(*) AS n,
			SUM(CASE WHEN n.read_at IS NULL THEN 1 ELSE 0 END) AS unread, SUM(CASE WHEN n.done_at IS NULL THEN 1 ELSE 0 END) AS open,
			MAX(CASE WHEN n.done_at IS NULL AND n.snoozed_until > ? THEN n.snoozed_until END) AS snoozed_until FROM `+tables+` WHERE`, tx.Stamp()).Append(where).
			Add(`GROUP BY n.work_package_id ORDER BY MAX(j.updated_at) DESC, n.work_package_id LIMIT ? OFFSET ?`, in.Page.Size, in.Page.Start()))
		if err != nil || len(t.items) == 0 {
			return t, err
		}
		return t, t.fill(ctx, tx, where)
	})
	return t.items, t.total, err
}

func (t *topics) fill(ctx context.Context, tx *db.Tx, where db.Frag) error {
	at := map[id.WorkPackage]*Topical{}
	var wps []id.WorkPackage
	for i := range t.items {
		at[t.items[i].WorkPackage] = &t.items[i]
		wps = append(wps, t.items[i].WorkPackage)
	}
	all, err := db.All[Notification](ctx, tx, db.SQL(`SELECT id, recipient_id, actor_id, actor_name, reason, work_package_id, subject, project_id,
		project_name, journal_id, read_at, done_at, created_at, updated_at FROM (SELECT `+columns+`,
		j.updated_at AS changed_at,
		ROW_NUMBER() OVER (PARTITION BY n.work_package_id ORDER BY j.updated_at DESC, n.id DESC) AS place FROM `+tables+` WHERE`).
		Append(db.And(where, db.In("n.work_package_id", wps))).
		Add(`) c WHERE place <= ? ORDER BY changed_at DESC, id DESC`, shown))
	for _, n := range all {
		t := at[n.WorkPackage]
		t.Notifications = append(t.Notifications, n)
	}
	return err
}
