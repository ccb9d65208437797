package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// groupColumns are what a list can be grouped by.
var groupColumns = map[string]string{
	"status": "w.status_id", "type": "w.type_id", "priority": "w.priority_id", "project": "w.project_id",
	"assignee": "w.assigned_to_id", "responsible": "w.responsible_id", "version": "w.version_id", "category": "w.category_id",
}

// Groups counts the work packages of a list, on all its pages, by the value of a
// field; those without one are under 0.
//
// Faults: as List; Invalid for a field that groups nothing.
func (s *Service) Groups(ctx context.Context, a access.Actor, in ListInput, by string) (map[int64]int, error) {
	column, ok := groupColumns[by]
	if !ok {
		return nil, fault.InvalidField("groupBy", "inclusion")
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[int64]int, error) {
		where, err := selection(a, in, tx.Now(), "w.project_id")
		if err != nil {
			return nil, err
		}
		return countGroups(ctx, tx, where, db.SQL(column))
	})
}

func countGroups(ctx context.Context, tx *db.Tx, where, value db.Frag) (map[int64]int, error) {
	type row struct {
		Value int64 `db:"value"`
		Count int   `db:"n"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT COALESCE(`).Append(value).Add(`, 0) AS value, COUNT(*) AS n FROM work_packages w WHERE`).
		Append(where).Add(`GROUP BY 1`))
	out := map[int64]int{}
	for _, r := range rows {
		out[r.Value] = r.Count
	}
	return out, err
}

// Columns are the beginnings of a list's groups: the first work packages of each value of a
// field, and how many there are of each. Those without a value are under 0.
type Columns struct {
	Items  map[int64][]WorkPackage
	Counts map[int64]int
	Refs   *Refs
}

// Beginnings say how much of each group Columns returns: the first Each work packages of every value
// of By, and where More has the value, the first of that number. Today is what ByUrgency goes by.
type Beginnings struct {
	By    string
	Each  int
	More  map[int64]int
	Today db.Day
}

// ByUrgency groups by what waits: Due today or before, Begun, and what comes Later.
const ByUrgency = "urgency"

// The groups of ByUrgency.
const (
	Due   = 1
	Begun = 2
	Later = 3
)

// value is the expression that groups.
func (b Beginnings) value() (db.Frag, error) {
	if b.By == ByUrgency {
		return db.SQL(`CASE WHEN w.due_date <= ? THEN 1 WHEN w.done_ratio > 0 OR w.start_date <= ? THEN 2 ELSE 3 END`, b.Today, b.Today), nil
	}
	if column, ok := groupColumns[b.By]; ok {
		return db.SQL(column), nil
	}
	return db.Frag{}, fault.InvalidField("groupBy", "inclusion")
}

// Columns returns the beginnings of the groups of a list, in its order. The page of in is not asked for.
//
// Faults: as List; Invalid for a field that groups nothing.
func (s *Service) Columns(ctx context.Context, a access.Actor, in ListInput, b Beginnings) (*Columns, error) {
	value, err := b.value()
	if err != nil {
		return nil, err
	}
	order, err := Filters.Order(in.Sort)
	if err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Columns, error) {
		where, err := selection(a, in, tx.Now(), "w.project_id")
		if err != nil {
			return nil, err
		}
		out := &Columns{Items: map[int64][]WorkPackage{}}
		if out.Counts, err = countGroups(ctx, tx, where, value); err != nil {
			return nil, err
		}
		all, err := out.read(ctx, tx, db.SQL(`SELECT `+columns+`, p.value FROM
			(SELECT w.id, COALESCE(`).Append(value).Add(`, 0) AS value, ROW_NUMBER() OVER (PARTITION BY`).Append(value).Add(`ORDER BY`).
			Append(db.List(order, db.SQL("w.id DESC"))).Add(`) AS place FROM work_packages w`+joins(in.Sort)+` WHERE`).Append(where).
			Add(`) p JOIN work_packages w ON w.id = p.id WHERE`).Append(b.within()).Add(`ORDER BY p.place`))
		if err != nil {
			return nil, err
		}
		out.Refs, err = loadRefs(ctx, tx, a, all)
		return out, err
	})
}

// within is the condition on the places in the groups. Only numbers are sorted; rows are read of what is within.
func (b Beginnings) within() db.Frag {
	out := db.SQL(`p.place <= ?`, b.Each)
	for value, n := range b.More {
		out = db.Or(out, db.SQL(`(p.value = ? AND p.place <= ?)`, value, n))
	}
	return out
}

func (c *Columns) read(ctx context.Context, tx *db.Tx, query db.Frag) ([]WorkPackage, error) {
	type placed struct {
		WorkPackage
		Value int64 `db:"value"`
	}
	rows, err := db.All[placed](ctx, tx, query)
	all := make([]WorkPackage, len(rows))
	for i := range rows {
		all[i] = rows[i].WorkPackage
		c.Items[rows[i].Value] = append(c.Items[rows[i].Value], all[i])
	}
	return all, err
}

// Groupable says whether Groups knows the field.
func Groupable(by string) bool { return groupColumns[by] != "" }
