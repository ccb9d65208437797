package catalog

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/journal"
)

// kind is one of the three small tables.
type kind struct{ table, columns, what, entity string }

var (
	types = kind{
		"types", `id, name, color, position, is_default, is_milestone, is_in_roadmap, description, created_at, updated_at`,
		"type", journal.Type,
	}
	statuses = kind{
		"statuses", `id, name, color, position, is_default, is_closed, is_readonly, excluded_from_totals, default_done_ratio,
			created_at, updated_at`, "status", journal.Status,
	}
	priorities = kind{
		"priorities", `id, name, color, position, is_default, active, created_at, updated_at`, "priority", journal.Priority,
	}
)

func list[T any](ctx context.Context, tx *db.Tx, k kind) ([]T, error) {
	return db.All[T](ctx, tx, db.SQL(`SELECT `+k.columns+` FROM `+k.table+` ORDER BY position, id`))
}

func find[T any, I ~int64](ctx context.Context, tx *db.Tx, k kind, n I) (*T, error) {
	row, err := db.Find[T](ctx, tx, k.what, db.SQL(`SELECT `+k.columns+` FROM `+k.table+` WHERE id = ?`, n))
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// mayRead lets in people, and visitors who may see work packages somewhere.
func mayRead(ctx context.Context, tx *db.Tx, a access.Actor) error {
	if a.Kind != access.Visitor {
		return nil
	}
	return access.Require(ctx, tx, a, access.ViewWorkPackages, 0)
}

// read is the common shape of everything that only looks.
func read[T any](ctx context.Context, s *Service, a access.Actor, fn func(tx *db.Tx) (T, error)) (T, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (T, error) {
		if err := mayRead(ctx, tx, a); err != nil {
			var zero T
			return zero, err
		}
		return fn(tx)
	})
}

// write is the common shape of what administrators change.
func write[T any](ctx context.Context, s *Service, a access.Actor, fn func(tx *db.Tx) (T, error)) (T, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (T, error) {
		if err := access.RequireAdmin(a); err != nil {
			var zero T
			return zero, err
		}
		return fn(tx)
	})
}

// record journals the state of a row; a nil state says that it was deleted.
func record(ctx context.Context, tx *db.Tx, a access.Actor, k kind, n int64, state any, c journal.Change) error {
	c.EntityType, c.EntityID, c.UserID, c.State = k.entity, n, a.ID, state
	if state == nil {
		c.State, c.Apart = map[string]bool{"deleted": true}, true
	}
	_, err := journal.Record(ctx, tx, c)
	return err
}

// move puts the row at the 1-based position to among its peers.
func move(ctx context.Context, tx *db.Tx, k kind, n int64, to int) error {
	ids, err := db.All[int64](ctx, tx, db.SQL(`SELECT id FROM `+k.table+` ORDER BY position, id`))
	if err != nil {
		return err
	}
	order := make([]int64, 0, len(ids))
	for _, other := range ids {
		if other != n {
			order = append(order, other)
		}
	}
	if len(order) == len(ids) {
		return fault.NotFound(k.what)
	}
	to = min(max(to, 1), len(ids)) - 1
	order = append(order[:to], append([]int64{n}, order[to:]...)...)
	set := db.SQL(`UPDATE ` + k.table + ` SET position = CASE id`)
	for i, other := range order {
		set = set.Add(`WHEN ? THEN CAST(? AS BIGINT)`, other, i+1)
	}
	_, err = db.Exec(ctx, tx, set.Add(`ELSE position END`))
	return err
}

// clearDefault takes the default mark from whoever has it, which is journaled there.
func clearDefault[T any](ctx context.Context, tx *db.Tx, a access.Actor, k kind, c journal.Change) error {
	former, found, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM `+k.table+` WHERE is_default`))
	if err != nil || !found {
		return err
	}
	return mark[T](ctx, tx, a, k, former, false, c)
}

// place moves a row and journals that.
func place[T any](ctx context.Context, s *Service, a access.Actor, k kind, n int64, to int) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int, error) { return 0, moved[T](ctx, tx, a, k, n, to, journal.Change{}) })
	return err
}

func moved[T any](ctx context.Context, tx *db.Tx, a access.Actor, k kind, n int64, to int, c journal.Change) error {
	if err := move(ctx, tx, k, n, to); err != nil {
		return err
	}
	row, err := find[T](ctx, tx, k, n)
	if err != nil {
		return err
	}
	return record(ctx, tx, a, k, n, row, c)
}

// mark makes a row the default or takes the mark away.
func mark[T any](ctx context.Context, tx *db.Tx, a access.Actor, k kind, n int64, on bool, c journal.Change) error {
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE `+k.table+` SET is_default = ? WHERE id = ?`, on, n)); err != nil {
		return err
	}
	row, err := find[T](ctx, tx, k, n)
	if err != nil {
		return err
	}
	return record(ctx, tx, a, k, n, row, c)
}

// placed is the number and the place of a new row: at the end, or for one that comes
// back where it was.
func placed(ctx context.Context, tx *db.Tx, k kind, n int64, position *int) (cols string, vals db.Frag, err error) {
	end, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COALESCE(MAX(position), 0) + 1 FROM `+k.table))
	if err != nil || n == 0 {
		*position = end
		return "", db.SQL(``), err
	}
	*position = min(*position, end)
	cols, vals = "id, ", db.SQL(`?,`, n)
	taken, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM `+k.table+` WHERE position = ?`, *position))
	if err != nil || taken == 0 {
		return cols, vals, err
	}
	_, err = db.Exec(ctx, tx, db.SQL(`UPDATE `+k.table+` SET position = position + 1 WHERE position >= ?`, *position))
	return cols, vals, err
}

// uses counts rows that refer to a row of the catalog, by the name of what uses it.
func uses(ctx context.Context, tx *db.Tx, n int64, queries map[string]string) (map[string]any, error) {
	out := map[string]any{}
	for name, q := range queries {
		c, err := db.Scalar[int](ctx, tx, db.SQL(q, n))
		if err != nil {
			return nil, err
		}
		if c > 0 {
			out[name] = c
		}
	}
	return out, nil
}

// refuseUsed is Invalid with the numbers when something uses the row.
func refuseUsed(ctx context.Context, tx *db.Tx, n int64, queries map[string]string) error {
	used, err := uses(ctx, tx, n, queries)
	if err != nil || len(used) == 0 {
		return err
	}
	return fault.Invalid(fault.Field{Name: "base", Code: "in_use", Params: used})
}

const maxName = 255

var colour = regexp.MustCompile(`^(#[0-9A-Fa-f]{6})?$`)

// problems collects refused fields.
type problems []fault.Field

func (p *problems) add(name, code string) { *p = append(*p, fault.Field{Name: name, Code: code}) }

// nameAndColour checks what all three tables have in common.
func (p *problems) nameAndColour(ctx context.Context, tx *db.Tx, k kind, n int64, name, color string) error {
	switch {
	case name == "":
		p.add("name", "blank")
	case utf8.RuneCountInString(name) > maxName:
		*p = append(*p, fault.Field{Name: "name", Code: "too_long", Params: map[string]any{"count": maxName}})
	}
	if !colour.MatchString(color) {
		p.add("color", "invalid")
	}
	names, err := db.All[string](ctx, tx, db.SQL(`SELECT name FROM `+k.table+` WHERE id <> ?`, n))
	for _, other := range names {
		if db.Fold(other) == db.Fold(name) {
			p.add("name", "taken")
			break
		}
	}
	return err
}

func (p problems) err() error { return fault.Invalid(p...) }

func trimmed(s string) string { return strings.TrimSpace(s) }
