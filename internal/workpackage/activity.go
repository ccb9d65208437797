package workpackage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Activity is one entry of a work package's history with what it changed.
type Activity struct {
	ID          id.Journal
	WorkPackage id.WorkPackage
	Version     int
	User        Named
	Notes       string
	Internal    bool
	Cause       string
	CreatedAt   db.Time
	UpdatedAt   db.Time
	Changes     []FieldChange
	// Editable says whether the reader may edit the note, EditedBySelf that they were the
	// last to do so, which UndoComment takes back.
	Editable, EditedBySelf bool
}

// FieldChange is one field's change, with values as people read them; an empty
// text stands for no value.
type FieldChange struct {
	Field, Label string
	Old, New     string
}

// Activities returns the history of a work package, oldest first. Internal
// notes are left out for readers without the right to see them.
//
// Faults: NotFound when actor may not see it.
func (s *Service) Activities(ctx context.Context, a access.Actor, wp id.WorkPackage) ([]Activity, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Activity, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		entries, err := journal.List(ctx, tx, journal.WorkPackage, int64(wp))
		if err != nil {
			return nil, err
		}
		return narrate(ctx, tx, a, w.ProjectID, journal.Entry{}, entries)
	})
}

// Activity returns one entry of the history of a work package.
//
// Faults: NotFound when there is none or actor may not see it.
func (s *Service) Activity(ctx context.Context, a access.Actor, jid id.Journal) (*Activity, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Activity, error) { return activity(ctx, tx, a, jid) })
}

func activity(ctx context.Context, tx *db.Tx, a access.Actor, jid id.Journal) (*Activity, error) {
	e, before, err := journal.Find(ctx, tx, jid)
	if err != nil {
		return nil, err
	}
	if e.EntityType != journal.WorkPackage {
		return nil, fault.NotFound("activity")
	}
	w, err := visible(ctx, tx, a, id.WorkPackage(e.EntityID))
	if err != nil {
		return nil, fault.NotFound("activity")
	}
	out, err := narrate(ctx, tx, a, w.ProjectID, before, []journal.Entry{e})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fault.NotFound("activity")
	}
	return &out[0], nil
}

// ActivitiesByID returns entries of the histories of any work packages, those that are there
// and that actor may see, with a number of statements that does not grow with them.
func (s *Service) ActivitiesByID(ctx context.Context, a access.Actor, ids []id.Journal) (map[id.Journal]Activity, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.Journal]Activity, error) {
		pairs, err := journal.FindAll(ctx, tx, journal.WorkPackage, ids)
		if err != nil || len(pairs) == 0 {
			return nil, err
		}
		entries, states, before := make([]journal.Entry, len(pairs)), make([]State, len(pairs)), make([]State, len(pairs))
		wps := make([]id.WorkPackage, len(pairs))
		for i, p := range pairs {
			entries[i], wps[i] = p.Entry, id.WorkPackage(p.EntityID)
			if states[i], err = stateOf(p.Data); err != nil {
				return nil, fmt.Errorf("journal %d: %w", p.ID, err)
			}
			if before[i], err = stateOf(p.Previous); err != nil {
				return nil, fmt.Errorf("journal before %d: %w", p.ID, err)
			}
		}
		in, projects, err := projectsOf(ctx, tx, a, unique(wps))
		if err != nil {
			return nil, err
		}
		n, err := loadNames(ctx, tx, a, entries, append(before, states...))
		if err != nil {
			return nil, err
		}
		g, err := access.Load(ctx, tx, a, projects)
		if err != nil {
			return nil, err
		}
		out := map[id.Journal]Activity{}
		for i, e := range entries {
			project, ok := in[wps[i]]
			if !ok {
				continue
			}
			if act, ok := n.tell(a, g, project, e, before[i], states[i]); ok {
				out[e.ID] = act
			}
		}
		return out, nil
	})
}

func stateOf(data string) (State, error) {
	var st State
	if data == "" {
		return st, nil
	}
	err := json.Unmarshal([]byte(data), &st)
	return st, err
}

// projectsOf returns the projects of those of the work packages that actor may see.
func projectsOf(ctx context.Context, tx *db.Tx, a access.Actor, wps []id.WorkPackage) (map[id.WorkPackage]id.Project, []id.Project, error) {
	type row struct {
		ID      id.WorkPackage `db:"id"`
		Project id.Project     `db:"project_id"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT w.id, w.project_id FROM work_packages w WHERE w.deleted_at IS NULL AND`).
		Append(db.In("w.id", wps)).Add(`AND`).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)))
	in := map[id.WorkPackage]id.Project{}
	var projects []id.Project
	for _, r := range rows {
		in[r.ID] = r.Project
		projects = append(projects, r.Project)
	}
	return in, unique(projects), err
}

// Comment adds a note to the history.
//
// Faults: NotFound when actor may not see it, Forbidden without the right to
// comment, Invalid for an empty or too long note.
func (s *Service) Comment(ctx context.Context, a access.Actor, wp id.WorkPackage, notes string, internal bool) (*Activity, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Activity, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		perm := access.AddWorkPackageComments
		if internal {
			perm = access.AddInternalComments
		}
		if err := access.Require(ctx, tx, a, perm, w.ProjectID); err != nil {
			return nil, err
		}
		if err := checkNotes(notes); err != nil {
			return nil, err
		}
		if err := touch(ctx, tx, wp); err != nil {
			return nil, err
		}
		jid, err := recordID(ctx, tx, a, w, change{notes: notes, internal: internal})
		if err != nil {
			return nil, err
		}
		return activity(ctx, tx, a, jid)
	})
}

// EditComment replaces the note of an activity. UndoComment takes it back.
//
// Faults: NotFound when actor may not see it, Forbidden unless it is the
// actor's own note or actor may edit those of others, Invalid for a bad note.
func (s *Service) EditComment(ctx context.Context, a access.Actor, jid id.Journal, notes string) (*Activity, error) {
	return s.rewrite(ctx, a, jid, func(tx *db.Tx, was string) error {
		if err := checkNotes(notes); err != nil || notes == was {
			return err
		}
		return journal.EditNotes(ctx, tx, jid, notes, a.ID)
	})
}

// UndoComment puts back what the last edit of a note replaced, which must have been the
// actor's. Undoing it in turn brings the edit back.
//
// Faults: NotFound and Forbidden as EditComment, Conflict when somebody else has edited it
// since, or nobody has.
func (s *Service) UndoComment(ctx context.Context, a access.Actor, jid id.Journal) error {
	_, err := s.rewrite(ctx, a, jid, func(tx *db.Tx, _ string) error { return journal.UndoNotes(ctx, tx, jid, a.ID) })
	return err
}

// rewrite has the note of an activity changed where actor may, and tells of it.
func (s *Service) rewrite(ctx context.Context, a access.Actor, jid id.Journal, write func(tx *db.Tx, was string) error) (*Activity, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Activity, error) {
		act, err := activity(ctx, tx, a, jid)
		if err != nil {
			return nil, err
		}
		if !act.Editable {
			return nil, fault.Forbidden("you are not allowed to edit this comment")
		}
		if err := write(tx, act.Notes); err != nil {
			return nil, err
		}
		w, err := visible(ctx, tx, a, act.WorkPackage)
		if err != nil {
			return nil, err
		}
		if err := announce(ctx, tx, a, w, Changed{Journal: jid, Edited: true}); err != nil {
			return nil, err
		}
		return activity(ctx, tx, a, jid)
	})
}

func checkNotes(notes string) error {
	switch {
	case strings.TrimSpace(notes) == "":
		return fault.InvalidField("comment", "blank")
	case utf8.RuneCountInString(notes) > MaxNotes:
		return fault.Invalid(fault.Field{Name: "comment", Code: "too_long", Params: map[string]any{"count": MaxNotes}})
	}
	return nil
}

// narrate turns journal entries into activities: it compares each state with
// the one before and gives the values names.
func narrate(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project, before journal.Entry, entries []journal.Entry) ([]Activity, error) {
	states := make([]State, len(entries))
	var prev State
	if before.Data != "" {
		if err := json.Unmarshal([]byte(before.Data), &prev); err != nil {
			return nil, fmt.Errorf("journal %d: %w", before.ID, err)
		}
	}
	for i, e := range entries {
		if err := json.Unmarshal([]byte(e.Data), &states[i]); err != nil {
			return nil, fmt.Errorf("journal %d: %w", e.ID, err)
		}
	}
	n, err := loadNames(ctx, tx, a, entries, append([]State{prev}, states...))
	if err != nil {
		return nil, err
	}
	g, err := access.Load(ctx, tx, a, []id.Project{project})
	if err != nil {
		return nil, err
	}
	var out []Activity
	for i, e := range entries {
		if act, ok := n.tell(a, g, project, e, prev, states[i]); ok {
			out = append(out, act)
		}
		prev = states[i]
	}
	return out, nil
}

// tell turns one entry into an activity, without the note where it is not for the
// reader; ok is false when there is nothing else to it.
func (n *names) tell(a access.Actor, g *access.Grants, project id.Project, e journal.Entry, before, after State) (act Activity, ok bool) {
	act = Activity{
		ID: e.ID, WorkPackage: id.WorkPackage(e.EntityID), Version: e.Version, User: n.users[e.UserID], Notes: e.Notes,
		Internal: e.Internal, Cause: e.Cause, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
		Changes: n.diff(before, after, e.Version == 1),
	}
	if e.Internal && !g.Has(access.ViewInternalComments, project) {
		if len(act.Changes) == 0 {
			return act, false
		}
		act.Notes, act.Internal = "", false
	}
	act.Editable = mayEdit(a, g, project, e)
	act.EditedBySelf = act.Editable && a.SignedIn() && e.EditedBy != nil && *e.EditedBy == a.ID
	return act, true
}

func mayEdit(a access.Actor, g *access.Grants, project id.Project, e journal.Entry) bool {
	own, others := access.EditOwnWorkPackageComments, access.EditWorkPackageComments
	if e.Internal {
		own, others = access.EditOwnInternalComments, access.EditOthersInternalComments
	}
	return e.Notes != "" && (g.Has(others, project) || a.SignedIn() && e.UserID == a.ID && g.Has(own, project))
}
