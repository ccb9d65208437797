package project

import (
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
)

// byName looks for a text in name and identifier; = and ! compare them whole.
func byName(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if len(c.Values) == 0 {
		return db.Frag{}, filter.WrongValue(c, "a text")
	}
	folded := make([]string, len(c.Values))
	for i, v := range c.Values {
		folded[i] = db.Fold(v)
	}
	whole := db.Or(db.In("p.name_folded", folded), db.In("p.identifier_folded", folded))
	part := db.Or(db.Contains("p.name_folded", c.Values[0]), db.Contains("p.identifier_folded", c.Values[0]))
	switch c.Op {
	case "=":
		return whole, nil
	case "!":
		return db.Not(whole), nil
	case "~", "**":
		return part, nil
	case "!~":
		return db.Not(part), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}

// either is the set of = or, negated, of !.
func either(c filter.Condition, e filter.Env, set func(ids []int64) db.Frag) (db.Frag, error) {
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

func byAncestor(c filter.Condition, e filter.Env) (db.Frag, error) {
	return either(c, e, func(ids []int64) db.Frag {
		return db.SQL(`p.id IN (WITH RECURSIVE under (id) AS (SELECT id FROM projects WHERE`).Append(db.In("parent_id", ids)).
			Add(`UNION SELECT x.id FROM projects x JOIN under u ON x.parent_id = u.id) SELECT id FROM under)`)
	})
}

func byMember(c filter.Condition, e filter.Env) (db.Frag, error) {
	return either(c, e, func(ids []int64) db.Frag {
		return db.SQL(`p.id IN (SELECT m.project_id FROM members m WHERE m.project_id IS NOT NULL AND`).Append(db.In("m.user_id", ids)).Add(`)`)
	})
}

func byType(c filter.Condition, e filter.Env) (db.Frag, error) {
	return either(c, e, func(ids []int64) db.Frag {
		return db.SQL(`p.id IN (SELECT pt.project_id FROM projects_types pt WHERE`).Append(db.In("pt.type_id", ids)).Add(`)`)
	})
}

func byStatus(c filter.Condition, _ filter.Env) (db.Frag, error) {
	switch c.Op {
	case "*":
		return db.SQL(`p.status_code IS NOT NULL`), nil
	case "!*":
		return db.SQL(`p.status_code IS NULL`), nil
	case "=":
		return db.In("p.status_code", c.Values), nil
	case "!":
		return db.Or(db.SQL(`p.status_code IS NULL`), db.Not(db.In("p.status_code", c.Values))), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}
