package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// CauseUndo marks the entries of the history that undo the one before.
const CauseUndo = "undo"

// Last is the newest change of a record, which undoing takes back.
type Last[S any] struct {
	Entry
	// Was is the state before, nil where the record was not there; Now is the state
	// after, nil where it is gone.
	Was, Now *S
}

// row is an entry with what tells the state before it.
type row struct {
	Entry
	Replaced string `db:"replaced"`
	Previous string `db:"previous"`
}

// changes is the query of the entries j on which cond holds and that changed the state,
// as c, open for the order.
func changes(cond db.Frag) db.Frag {
	return db.SQL(`SELECT ` + columns + `, replaced, previous FROM (
		SELECT j.*, COALESCE((SELECT b.data FROM journals b WHERE b.entity_type = j.entity_type AND b.entity_id = j.entity_id
			AND b.version < j.version ORDER BY b.version DESC LIMIT 1), '') AS previous
		FROM journals j WHERE`).Append(cond).Add(`) c WHERE (c.data <> c.previous OR c.replaced <> '')`)
}

// nothingSince is the condition that j is the newest entry of its record.
const nothingSince = `NOT EXISTS (SELECT 1 FROM journals n WHERE n.entity_type = j.entity_type AND n.entity_id = j.entity_id AND n.version > j.version)`

// Newest returns the newest change of a record: what was merged into its entry last,
// or the entry as a whole; the zero value where there is none. Notes alone change nothing.
func Newest[S any](ctx context.Context, tx *db.Tx, kind string, entity int64) (Last[S], error) {
	r, found, err := db.One[row](ctx, tx, changes(db.SQL(`j.entity_type = ? AND j.entity_id = ?`, kind, entity)).
		Add(`ORDER BY c.version DESC LIMIT 1`))
	if err != nil || !found {
		return Last[S]{}, err
	}
	return last[S](r)
}

// Along returns the newest changes of the records of a kind that were written
// together with e, in one transaction: what followed from the change that e tells of.
func Along[S any](ctx context.Context, tx *db.Tx, e Entry, kind string) ([]Last[S], error) {
	found, err := db.All[row](ctx, tx, changes(db.SQL(`j.user_id = ? AND j.entity_type = ? AND j.updated_at = ? AND `+nothingSince,
		e.UserID, kind, e.UpdatedAt)).Add(`ORDER BY c.entity_id`))
	if err != nil {
		return nil, err
	}
	out := make([]Last[S], len(found))
	for i, r := range found {
		if out[i], err = last[S](r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func last[S any](r row) (Last[S], error) {
	l := Last[S]{Entry: r.Entry}
	before := r.Previous
	if r.Replaced != "" {
		before = r.Replaced
	}
	err := read(before, &l.Was)
	if err == nil {
		err = read(r.Data, &l.Now)
	}
	if err != nil {
		err = fmt.Errorf("journal %d: %w", r.ID, err)
	}
	return l, err
}

// read reads what the journal keeps of a record, and leaves nil for one that was not
// there yet, or not any more.
func read[S any](data string, into **S) error {
	if data == "" {
		return nil
	}
	var gone struct {
		Deleted bool `json:"deleted"`
	}
	if err := json.Unmarshal([]byte(data), &gone); err != nil || gone.Deleted {
		return err
	}
	*into = new(S)
	return json.Unmarshal([]byte(data), *into)
}

// GoneBy says that the user has deleted the record, which undoing brings back.
func (l Last[S]) GoneBy(user id.User) bool { return l.Was != nil && l.Now == nil && l.UserID == user }

// OwnedBy refuses to undo the change of somebody else, and where there is none.
//
// Faults: Conflict.
func (l Last[S]) OwnedBy(user id.User) error {
	if l.ID == 0 {
		return NothingToUndo()
	}
	if l.UserID != user {
		return fault.Conflict(changedSince)
	}
	return nil
}

const changedSince = "someone else has changed this since, so the change can no longer be undone"

// NothingToUndo is the refusal where nothing was changed.
func NothingToUndo() error { return fault.Conflict("there is no change that could be undone") }

// Service tells people which of their changes they can take back.
type Service struct{ db *db.DB }

// New returns the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Undoable returns those of the records whose newest entry is a change by the user
// from since or later.
func (s *Service) Undoable(ctx context.Context, user id.User, kind string, records []int64, since time.Time) ([]int64, error) {
	if len(records) == 0 {
		return nil, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]int64, error) {
		found, err := db.All[row](ctx, tx, changes(db.SQL(`j.user_id = ? AND j.entity_type = ? AND j.updated_at >= ? AND `+nothingSince+` AND`,
			user, kind, db.At(since)).Append(db.In("j.entity_id", records))).Add(`ORDER BY c.entity_id`))
		out := make([]int64, len(found))
		for i, r := range found {
			out[i] = r.EntityID
		}
		return out, err
	})
}

// Own is a change that is the newest of its record.
type Own struct {
	Entry
	// Name is what the record is called, empty where that is kept elsewhere; Principal is
	// whose membership it is.
	Name      string
	Principal id.User
	// Project is where the record is, 0 where it is in none.
	Project id.Project
	// Made and Gone say that the change made the record, or took it away.
	Made, Gone bool
}

// looked is how many entries back Recent looks.
const looked = 300

// Recent returns the changes of the user that are the newest of their records, newest
// first. The caller leaves out what the user may not see any more.
func (s *Service) Recent(ctx context.Context, user id.User, limit int) ([]Own, error) {
	found, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](ctx, tx, changes(db.SQL(`j.id IN (SELECT o.id FROM journals o WHERE o.user_id = ? ORDER BY o.id DESC LIMIT ?) AND `+nothingSince,
			user, looked)).Add(`ORDER BY c.updated_at DESC, c.id DESC LIMIT ?`, limit))
	})
	if err != nil {
		return nil, err
	}
	out := make([]Own, 0, len(found))
	for _, r := range found {
		l, err := last[called](r)
		if err != nil {
			return nil, err
		}
		if l.Was != nil && l.Now != nil && l.Now.Principal != 0 && slices.Equal(l.Was.Roles, l.Now.Roles) {
			continue // it followed from a group
		}
		own := Own{Entry: r.Entry, Made: l.Was == nil, Gone: l.Now == nil}
		for _, c := range []*called{l.Now, l.Was} {
			if c != nil && own.Name == "" && own.Principal == 0 {
				own.Name, own.Principal, own.Project = c.name(), c.Principal, c.Project
			}
		}
		out = append(out, own)
	}
	return out, nil
}

// called are the fields of states that name records.
type called struct {
	Subject   string  `json:"subject"`
	Name      string  `json:"name"`
	Firstname string  `json:"firstname"`
	Lastname  string  `json:"lastname"`
	Principal id.User `json:"principal"`
	// Project is null for memberships of the instance.
	Project id.Project `json:"project"`
	// Roles are those of a membership, without what a group gives.
	Roles []id.Role `json:"roles"`
}

func (c called) name() string {
	return cmp.Or(c.Subject, c.Name, strings.TrimSpace(c.Firstname+" "+c.Lastname))
}

// Undoing is how the undoing of a change is journaled: apart, so that it can be
// undone in turn.
func Undoing() Change { return Change{Cause: CauseUndo, Apart: true} }
