package project

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

const columns = `p.id, p.identifier, p.name, p.description, p.public, p.active, p.templated, p.parent_id, p.status_code,
	p.status_explanation, p.created_at, p.updated_at`

// visible returns the project with all that belongs to it, or NotFound.
func visible(ctx context.Context, tx *db.Tx, a access.Actor, n id.Project) (*Project, error) {
	return first(ctx, tx, a, db.SQL(`p.id = ?`, n))
}

func first(ctx context.Context, tx *db.Tx, a access.Actor, cond db.Frag) (*Project, error) {
	p, err := db.Find[Project](ctx, tx, "project", db.SQL(`SELECT `+columns+` FROM projects p WHERE`).
		Append(db.And(cond, access.Visible("p.id", a, access.ViewProject))))
	if err != nil {
		return nil, err
	}
	one := []Project{p}
	return &one[0], fill(ctx, tx, a, one)
}

// fill loads ancestors, modules and types of the projects, one statement each.
func fill(ctx context.Context, tx *db.Tx, a access.Actor, ps []Project) error {
	if len(ps) == 0 {
		return nil
	}
	at := make(map[id.Project]int, len(ps))
	ids := make([]id.Project, len(ps))
	for i := range ps {
		at[ps[i].ID], ids[i] = i, ps[i].ID
	}
	if err := fillAncestors(ctx, tx, a, ps, at, ids); err != nil {
		return err
	}
	if err := fillFavorites(ctx, tx, a, ps, at, ids); err != nil {
		return err
	}
	type module struct {
		Project id.Project `db:"project_id"`
		Name    string     `db:"name"`
	}
	modules, err := db.All[module](ctx, tx, db.SQL(`SELECT project_id, name FROM enabled_modules WHERE`).Append(db.In("project_id", ids)).
		Add(`ORDER BY name`))
	if err != nil {
		return err
	}
	for _, m := range modules {
		ps[at[m.Project]].Modules = append(ps[at[m.Project]].Modules, m.Name)
	}
	type typeRow struct {
		Project id.Project `db:"project_id"`
		Type    id.Type    `db:"type_id"`
	}
	types, err := db.All[typeRow](ctx, tx, db.SQL(`SELECT pt.project_id, pt.type_id FROM projects_types pt JOIN types t ON t.id = pt.type_id
		WHERE`).Append(db.In("pt.project_id", ids)).Add(`ORDER BY t.position, t.id`))
	for _, t := range types {
		ps[at[t.Project]].Types = append(ps[at[t.Project]].Types, t.Type)
	}
	return err
}

func fillAncestors(ctx context.Context, tx *db.Tx, a access.Actor, ps []Project, at map[id.Project]int, ids []id.Project) error {
	if !slices.ContainsFunc(ps, func(p Project) bool { return p.ParentID != nil }) {
		return nil
	}
	type row struct {
		Below id.Project `db:"below"`
		Ref
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`WITH RECURSIVE up (below, id, depth) AS (
		SELECT c.id, c.parent_id, 1 FROM projects c WHERE c.parent_id IS NOT NULL AND`).Append(db.In("c.id", ids)).
		Add(`UNION ALL SELECT u.below, c.parent_id, u.depth + 1 FROM up u JOIN projects c ON c.id = u.id WHERE c.parent_id IS NOT NULL)
		SELECT u.below, p.id, p.identifier, p.name, p.active FROM up u JOIN projects p ON p.id = u.id WHERE`).
		Append(access.Visible("p.id", a, access.ViewProject)).Add(`ORDER BY u.below, u.depth DESC`))
	for _, r := range rows {
		ps[at[r.Below]].Ancestors = append(ps[at[r.Below]].Ancestors, r.Ref)
	}
	return err
}

// below returns the ids of the projects under n, nearest first, without n.
// Extra restricts them, with the alias c.
func below(ctx context.Context, tx *db.Tx, n id.Project, extra string) ([]id.Project, error) {
	return db.All[id.Project](ctx, tx, db.SQL(`WITH RECURSIVE down (id) AS (
		SELECT c.id FROM projects c WHERE c.parent_id = ? AND `+extra+`
		UNION SELECT c.id FROM projects c JOIN down d ON c.parent_id = d.id WHERE `+extra+`) SELECT id FROM down ORDER BY id`, n))
}

const inUse = `c.deleted_at IS NULL`

func insert(ctx context.Context, tx *db.Tx, p *Project) error {
	p.CreatedAt, p.UpdatedAt = tx.Stamp(), tx.Stamp()
	n, err := db.Insert[id.Project](ctx, tx, db.SQL(`INSERT INTO projects (identifier, identifier_folded, name, name_folded, description,
		public, active, templated, parent_id, status_code, status_explanation, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		p.Identifier, db.Fold(p.Identifier), p.Name, db.Fold(p.Name), p.Description, p.Public, p.Active, p.Templated,
		p.ParentID, p.Status, p.StatusExplanation, p.CreatedAt, p.UpdatedAt))
	if err != nil {
		return taken(err)
	}
	p.ID = n
	if err := addModules(ctx, tx, n, p.Modules); err != nil {
		return err
	}
	return addTypes(ctx, tx, n, p.Types)
}

func update(ctx context.Context, tx *db.Tx, before, p *Project) error {
	p.UpdatedAt = tx.Stamp()
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET identifier = ?, identifier_folded = ?, name = ?, name_folded = ?,
		description = ?, public = ?, templated = ?, parent_id = ?, status_code = ?, status_explanation = ?, updated_at = ? WHERE id = ?`,
		p.Identifier, db.Fold(p.Identifier), p.Name, db.Fold(p.Name), p.Description, p.Public, p.Templated, p.ParentID,
		p.Status, p.StatusExplanation, p.UpdatedAt, p.ID)); err != nil {
		return taken(err)
	}
	if !slices.Equal(before.Modules, p.Modules) {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM enabled_modules WHERE project_id = ?`, p.ID)); err != nil {
			return err
		}
		if err := addModules(ctx, tx, p.ID, p.Modules); err != nil {
			return err
		}
	}
	if slices.Equal(before.Types, p.Types) {
		return nil
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM projects_types WHERE project_id = ?`, p.ID)); err != nil {
		return err
	}
	return addTypes(ctx, tx, p.ID, p.Types)
}

func addModules(ctx context.Context, tx *db.Tx, n id.Project, names []string) error {
	if len(names) == 0 {
		return nil
	}
	rows := make([]db.Frag, len(names))
	for i, m := range names {
		rows[i] = db.SQL(`(?, ?)`, n, m)
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO enabled_modules (project_id, name) VALUES`).Append(db.List(rows...)))
	return err
}

func addTypes(ctx context.Context, tx *db.Tx, n id.Project, types []id.Type) error {
	if len(types) == 0 {
		return nil
	}
	rows := make([]db.Frag, len(types))
	for i, t := range types {
		rows[i] = db.SQL(`(?, ?)`, n, t)
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO projects_types (project_id, type_id) VALUES`).Append(db.List(rows...)))
	return err
}

// taken turns the violation of the unique identifier, met only in a race, into a fault.
func taken(err error) error {
	if err != nil && db.IsUnique(err) {
		return fault.InvalidField("identifier", "taken")
	}
	return err
}

// State is what the journal keeps of a project: everything after a change.
type State struct {
	Identifier        string      `json:"identifier"`
	Name              string      `json:"name"`
	Description       string      `json:"description"`
	Public            bool        `json:"public"`
	Active            bool        `json:"active"`
	Templated         bool        `json:"templated"`
	ParentID          *id.Project `json:"parent"`
	Status            *string     `json:"status"`
	StatusExplanation string      `json:"statusExplanation"`
	Modules           []string    `json:"modules"`
	Types             []id.Type   `json:"types"`
	Deleted           bool        `json:"deleted,omitempty"`
}

func (p *Project) state() State {
	return State{
		Identifier: p.Identifier, Name: p.Name, Description: p.Description, Public: p.Public, Active: p.Active,
		Templated: p.Templated, ParentID: p.ParentID, Status: p.Status, StatusExplanation: p.StatusExplanation,
		Modules: p.Modules, Types: p.Types,
	}
}

// change says how a change is journaled.
type change struct {
	cause                 string
	first, deleted, apart bool
}

func record(ctx context.Context, tx *db.Tx, a access.Actor, p *Project, c change) error {
	st := p.state()
	st.Deleted = c.deleted
	_, err := journal.Record(ctx, tx, journal.Change{
		EntityType: journal.Project, EntityID: int64(p.ID), UserID: a.ID, State: st,
		Cause: c.cause, First: c.first, Apart: c.apart || c.deleted,
	})
	return err
}

func recordAll(ctx context.Context, tx *db.Tx, a access.Actor, rows []Project, c change) error {
	for i := range rows {
		if err := record(ctx, tx, a, &rows[i], c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) auditAct(ctx context.Context, tx *db.Tx, a access.Actor, action string, p *Project) error {
	act := audit.Act{
		ActorName: a.Name, IP: a.IP, Action: action, Object: fmt.Sprintf("project %d", p.ID),
		Detail: map[string]any{"identifier": p.Identifier},
	}
	if a.Kind == access.Person {
		act.ActorID = a.ID
		if a.Login != "" {
			act.ActorName = a.Login
		}
	}
	return s.audit.Record(ctx, tx, act)
}
