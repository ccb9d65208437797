package workpackage

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
)

// ListInput selects a page of work packages.
type ListInput struct {
	// Project restricts the list to a project and its descendants; 0 to none.
	Project id.Project
	Filters []filter.Condition
	Sort    []filter.Sort
	Page    filter.Page
	// Location is where days begin for relative date filters; UTC when nil.
	Location *time.Location
}

// Page is a page of a list, with what its items link to.
type Page struct {
	Items []WorkPackage
	// Total counts everything the filters select, on all pages.
	Total int
	Refs  *Refs
}

// List returns the page of the work packages that actor may see.
//
// Faults: NotFound when actor may not see the project, Invalid for unknown
// filters and sort criteria.
func (s *Service) List(ctx context.Context, a access.Actor, in ListInput) (*Page, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		where, err := selection(a, in, tx.Now(), "w.project_id")
		if err != nil {
			return nil, err
		}
		order, err := Filters.Order(in.Sort)
		if err != nil {
			return nil, err
		}
		p := &Page{}
		size, err := db.Scalar[listSize](ctx, tx, db.SQL(`SELECT COUNT(*) AS total,
			(SELECT COALESCE(MAX(id), 0) FROM work_packages) AS newest FROM work_packages w WHERE`).Append(where))
		if err != nil {
			return nil, err
		}
		p.Total = size.Total
		if in.Page.Size > 0 && p.Total > in.Page.Start() {
			if size.walk(tx, in.Page) {
				if where, err = selection(a, in, tx.Now(), "+w.project_id"); err != nil {
					return nil, err
				}
			}
			p.Items, err = db.All[WorkPackage](ctx, tx, db.SQL(`SELECT `+columns+` FROM work_packages w`+joins(in.Sort)+` WHERE`).
				Append(where).Add(`ORDER BY`).Append(db.List(order, db.SQL("w.id DESC"))).
				Add(`LIMIT ? OFFSET ?`, in.Page.Size, in.Page.Start()))
			if err != nil {
				return nil, err
			}
		}
		p.Refs, err = loadRefs(ctx, tx, a, p.Items)
		return p, err
	})
}

// listSize is what is known of a list before its page is read.
type listSize struct{ Total, Newest int }

// walk says whether SQLite does better to walk along the order of the list
// until the page is full than to gather and sort everything selected. It has
// no figures about the rows, so it cannot know: where much of the table is
// selected, the page is full after a few steps.
func (l listSize) walk(tx *db.Tx, p filter.Page) bool {
	return tx.Dialect() == db.SQLite && float64(l.Total)*float64(l.Total) > float64(p.Start()+p.Size)*float64(l.Newest)
}

// Show returns one work package with what it links to.
//
// Faults: NotFound when actor may not see it.
func (s *Service) Show(ctx context.Context, a access.Actor, wp id.WorkPackage) (*WorkPackage, *Refs, error) {
	p, err := db.Read(ctx, s.db, func(tx *db.Tx) (*Page, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		p := &Page{Items: []WorkPackage{*w}}
		p.Refs, err = loadRefs(ctx, tx, a, p.Items)
		return p, err
	})
	if err != nil {
		return nil, nil, err
	}
	return &p.Items[0], p.Refs, nil
}

// selection is the condition on the rows of a list. project is the expression
// that visibility is asked of; as "+w.project_id" it uses no index.
func selection(a access.Actor, in ListInput, now time.Time, project string) (db.Frag, error) {
	cond, err := Filters.Compile(in.Filters, filter.Env{Now: now, Location: in.Location, Me: int64(a.ID)})
	if err != nil {
		return db.Frag{}, err
	}
	if len(in.Filters) == 0 {
		cond = db.Frag{}
	}
	conds := []db.Frag{db.SQL(`w.deleted_at IS NULL`), access.Visible(project, a, access.ViewWorkPackages), cond}
	if in.Project != 0 {
		conds = append(conds, db.SQL(`w.project_id IN (WITH RECURSIVE tree (id) AS (SELECT CAST(? AS BIGINT)
			UNION SELECT c.id FROM projects c JOIN tree t ON c.parent_id = t.id) SELECT id FROM tree)`, in.Project))
	}
	return db.And(conds...), nil
}

// joins returns the joins that the sort criteria need.
func joins(sorts []filter.Sort) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, s := range sorts {
		if j := sortJoins[s.Name]; j != "" && !seen[j] {
			seen[j] = true
			b.WriteString(" " + j)
		}
	}
	return b.String()
}

var sortJoins = map[string]string{
	"type":        "JOIN types st ON st.id = w.type_id",
	"status":      "JOIN statuses ss ON ss.id = w.status_id",
	"priority":    "JOIN priorities sp ON sp.id = w.priority_id",
	"project":     "JOIN projects sj ON sj.id = w.project_id",
	"author":      "JOIN users sa ON sa.id = w.author_id",
	"assignee":    "LEFT JOIN users sg ON sg.id = w.assigned_to_id",
	"responsible": "LEFT JOIN users sr ON sr.id = w.responsible_id",
	"version":     "LEFT JOIN versions sv ON sv.id = w.version_id",
	"category":    "LEFT JOIN categories sc ON sc.id = w.category_id",
}

// Filters are what work packages can be filtered and sorted by.
var Filters = filter.Fields{
	"id":              {Kind: filter.Ref, Column: "w.id"},
	"subject":         {Kind: filter.Text, Column: "w.subject_folded"},
	"description":     {Kind: filter.Text, Column: "w.description_folded", SortBy: "-"},
	"project":         {Kind: filter.Ref, Column: "w.project_id", SortBy: "sj.name_folded"},
	"subproject":      {Kind: filter.Ref, Column: "w.project_id", SortBy: "-"},
	"type":            {Kind: filter.Ref, Column: "w.type_id", SortBy: "st.position"},
	"status":          {Kind: filter.Special, SortBy: "ss.position", Compile: byStatus},
	"priority":        {Kind: filter.Ref, Column: "w.priority_id", SortBy: "sp.position"},
	"author":          {Kind: filter.Ref, Column: "w.author_id", SortBy: "sa.name_folded"},
	"assignee":        {Kind: filter.Ref, Column: "w.assigned_to_id", SortBy: "sg.name_folded"},
	"responsible":     {Kind: filter.Ref, Column: "w.responsible_id", SortBy: "sr.name_folded"},
	"parent":          {Kind: filter.Ref, Column: "w.parent_id"},
	"ancestor":        {Kind: filter.Special, SortBy: "-", Compile: byAncestor},
	"watcher":         {Kind: filter.Special, SortBy: "-", Compile: byWatcher},
	"version":         {Kind: filter.Special, SortBy: "(sv.name_folded || ' ' || sv.id)", Compile: byVersion}, // names repeat in other projects
	"category":        {Kind: filter.Ref, Column: "w.category_id", SortBy: "(sc.name_folded || ' ' || sc.id)"},
	"start_date":      {Kind: filter.Date, Column: "w.start_date"},
	"due_date":        {Kind: filter.Date, Column: "w.due_date"},
	"date":            {Kind: filter.Date, Column: "COALESCE(w.due_date, w.start_date)"},
	"dates_interval":  {Kind: filter.Special, SortBy: "-", Compile: byDatesInterval},
	"created_at":      {Kind: filter.Instant, Column: "w.created_at"},
	"updated_at":      {Kind: filter.Instant, Column: "w.updated_at"},
	"duration":        {Kind: filter.Number, Column: "w.duration"},
	"percentage_done": {Kind: filter.Number, Column: "w.done_ratio"},
	"done_ratio":      {Kind: filter.Number, Column: "w.done_ratio"},
	"estimated_time":  {Kind: filter.Number, Column: "(w.estimated_seconds / 3600.0)"},
	"remaining_time":  {Kind: filter.Number, Column: "(w.remaining_seconds / 3600.0)"},
	"search":          {Kind: filter.Special, SortBy: "-", Compile: bySearch},
	"subject_or":      {Kind: filter.Special, SortBy: "-", Compile: bySubjectOrID},
	"typeahead":       {Kind: filter.Special, SortBy: "-", Compile: bySubjectOrID},
}

func byStatus(c filter.Condition, e filter.Env) (db.Frag, error) {
	switch c.Op {
	case "o":
		return db.SQL(`w.status_id IN (SELECT id FROM statuses WHERE NOT is_closed)`), nil
	case "c":
		return db.SQL(`w.status_id IN (SELECT id FROM statuses WHERE is_closed)`), nil
	case "*":
		return db.True, nil
	}
	ids, err := c.IDs(e)
	switch {
	case err != nil:
		return db.Frag{}, err
	case c.Op == "=":
		return db.In("w.status_id", ids), nil
	case c.Op == "!":
		return db.Not(db.In("w.status_id", ids)), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}

// byDatesInterval selects what takes place between two days, both included; one date
// alone stands for both. An empty day leaves that side open.
func byDatesInterval(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if c.Op != "<>d" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	if len(c.Values) != 2 {
		return db.Frag{}, filter.WrongValue(c, "two dates")
	}
	conds := []db.Frag{db.SQL(`COALESCE(w.start_date, w.due_date) IS NOT NULL`)}
	for i, cmp := range []string{`COALESCE(w.due_date, w.start_date) >= ?`, `COALESCE(w.start_date, w.due_date) <= ?`} {
		if c.Values[i] == "" {
			continue
		}
		d, err := db.ParseDay(c.Values[i])
		if err != nil {
			return db.Frag{}, filter.WrongValue(c, "two dates")
		}
		conds = append(conds, db.SQL(cmp, d))
	}
	return db.And(conds...), nil
}

func byWatcher(c filter.Condition, e filter.Env) (db.Frag, error) {
	watched := func(cond db.Frag) db.Frag {
		return db.SQL(`w.id IN (SELECT work_package_id FROM watchers WHERE`).Append(cond).Add(`)`)
	}
	switch c.Op {
	case "*":
		return watched(db.True), nil
	case "!*":
		return db.Not(watched(db.True)), nil
	}
	ids, err := c.IDs(e)
	switch {
	case err != nil:
		return db.Frag{}, err
	case c.Op == "=":
		return watched(db.In("user_id", ids)), nil
	case c.Op == "!":
		return db.Not(watched(db.In("user_id", ids))), nil
	}
	return db.Frag{}, filter.WrongOperator(c)
}

func byAncestor(c filter.Condition, e filter.Env) (db.Frag, error) {
	ids, err := c.IDs(e)
	if err != nil {
		return db.Frag{}, err
	}
	if c.Op != "=" && c.Op != "!" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	below := db.SQL(`w.id IN (WITH RECURSIVE below (id) AS (SELECT id FROM work_packages WHERE`).Append(db.In("parent_id", ids)).
		Add(`UNION SELECT x.id FROM work_packages x JOIN below b ON x.parent_id = b.id) SELECT id FROM below)`)
	if c.Op == "!" {
		return db.Not(below), nil
	}
	return below, nil
}

func bySearch(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if c.Op != "**" && c.Op != "~" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	if len(c.Values) != 1 {
		return db.Frag{}, filter.WrongValue(c, "one text")
	}
	var words []db.Frag
	for _, word := range strings.Fields(c.Values[0]) {
		words = append(words, db.Or(
			db.Contains("w.subject_folded", word),
			db.Contains("w.description_folded", word),
			db.SQL(`EXISTS (SELECT 1 FROM journals j WHERE j.entity_type = 'WorkPackage' AND j.entity_id = w.id AND NOT j.internal AND`).
				Append(db.Contains("j.notes_folded", word)).Add(`)`),
		))
	}
	return db.And(words...), nil
}

func bySubjectOrID(c filter.Condition, _ filter.Env) (db.Frag, error) {
	if c.Op != "**" && c.Op != "~" {
		return db.Frag{}, filter.WrongOperator(c)
	}
	if len(c.Values) != 1 {
		return db.Frag{}, filter.WrongValue(c, "one text")
	}
	text := strings.TrimPrefix(strings.TrimSpace(c.Values[0]), "#")
	subject := db.Contains("w.subject_folded", text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return db.Or(db.SQL(`w.id = ?`, n), subject), nil
	}
	return subject, nil
}
