// Package journal keeps the history of every record.
//
// Each change is one row, written in the transaction of the change itself:
// who, when, why (cause), the note, and the complete state after it. Activity
// streams, "as of" views, undo and notifications are derived from it, so
// nothing bypasses it.
//
// Within the aggregation time (5 minutes unless administrators set another) a
// further change by the same person to the same record is merged into the
// latest row, unless both carry a note: what was typed in three steps is one
// entry of the history.
package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// DefaultAggregation is how long a change may still be merged into the one
// before where the setting AggregationSetting says nothing else.
const DefaultAggregation = 5 * time.Minute

// AggregationSetting is the name of the setting that holds the time in minutes;
// 0 keeps every change apart. It is read with the latest entry, in the
// transaction of the change, so that a new value holds at once everywhere.
const AggregationSetting = "journal_aggregation_time_minutes"

// Entity types, as OpenProject names them.
const (
	WorkPackage = "WorkPackage"
	Project     = "Project"
	User        = "User"
	Role        = "Role"
	Member      = "Member"
	Type        = "Type"
	Status      = "Status"
	Priority    = "IssuePriority"
	Workflow    = "Workflow"
	Setting     = "Setting"
	Version     = "Version"
	Category    = "Category"
	// Switches are what a user wants to be told of, under the number of the user.
	Switches = "NotificationSetting"
)

// Entry is one change of a record.
type Entry struct {
	ID         id.Journal `db:"id"`
	EntityType string     `db:"entity_type"`
	EntityID   int64      `db:"entity_id"`
	Version    int        `db:"version"`
	UserID     id.User    `db:"user_id"`
	Notes      string     `db:"notes"`
	Internal   bool       `db:"internal"`
	Cause      string     `db:"cause"`
	Data       string     `db:"data"`
	CreatedAt  db.Time    `db:"created_at"`
	UpdatedAt  db.Time    `db:"updated_at"`
	// EditedBy is who edited the note last, nil where nobody has or that was taken back.
	EditedBy *id.User `db:"notes_editor_id"`
}

const columns = `id, entity_type, entity_id, version, user_id, notes, internal, cause, data, created_at, updated_at, notes_editor_id`

// Change is what Record writes.
type Change struct {
	EntityType string
	EntityID   int64
	UserID     id.User
	// State is the record after the change; it is kept as JSON.
	State any
	Notes string
	// Internal hides the note from people without the right to internal comments.
	Internal bool
	// Cause says what made the change when it was not the person directly.
	Cause string
	// Apart keeps the change from being merged into the one before.
	Apart bool
	// First says that the record is new, which saves looking for its history.
	First bool
}

// Record writes the change and returns its journal's id. What changes nothing and
// says nothing is no change, unless it has a cause or is kept apart.
func Record(ctx context.Context, tx *db.Tx, c Change) (id.Journal, error) {
	data, err := json.Marshal(c.State)
	if err != nil {
		return 0, fmt.Errorf("journal %s %d: %w", c.EntityType, c.EntityID, err)
	}
	var last newest
	if !c.First {
		if last, err = latest(ctx, tx, c.EntityType, c.EntityID); err != nil {
			return 0, fmt.Errorf("journal %s %d: %w", c.EntityType, c.EntityID, err)
		}
		if last.ID != 0 && last.Data == string(data) && c.Notes == "" && c.Cause == "" && !c.Apart {
			return last.ID, nil // nothing changed and nothing said: no history
		}
		if tx.Marked(written(last.ID)) && last.follows(c) || merges(last, c, tx.Now()) {
			return last.ID, merge(ctx, tx, last.Entry, c, string(data))
		}
	}
	n, err := db.Insert[id.Journal](ctx, tx, db.SQL(`INSERT INTO journals
		(entity_type, entity_id, version, user_id, notes, internal, cause, data, created_at, updated_at, notes_folded)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		c.EntityType, c.EntityID, last.Version+1, c.UserID, c.Notes, c.Internal, c.Cause, string(data), tx.Stamp(), tx.Stamp(), db.Fold(c.Notes)))
	if err != nil {
		return 0, fmt.Errorf("journal %s %d: %w", c.EntityType, c.EntityID, err)
	}
	tx.Mark(written(n))
	return n, nil
}

// written marks an entry as one of this transaction. What changes a record twice in
// one transaction is one step.
type written id.Journal

// newest is the latest entry of a record with the setting in force, nil where
// nobody has changed it.
type newest struct {
	Entry
	Minutes *string `db:"minutes"`
}

func latest(ctx context.Context, tx *db.Tx, kind string, entity int64) (newest, error) {
	n, _, err := db.One[newest](ctx, tx, db.SQL(`SELECT `+columns+`, (SELECT value FROM settings WHERE name = ?) AS minutes
		FROM journals WHERE entity_type = ? AND entity_id = ? ORDER BY version DESC LIMIT 1`, AggregationSetting, kind, entity))
	return n, err
}

// window is the aggregation time. A value that is no number was put into the
// database by other hands; the default holds then.
func (n newest) window() time.Duration {
	if n.Minutes == nil {
		return DefaultAggregation
	}
	m, err := strconv.Atoi(*n.Minutes)
	if err != nil {
		return DefaultAggregation
	}
	return time.Duration(m) * time.Minute
}

// merges says whether c belongs into last. The first entry of a record is
// merged into as well: someone who creates and at once corrects made one thing.
func merges(last newest, c Change, now time.Time) bool {
	window := last.window()
	return last.ID != 0 && !c.Apart && window > 0 && last.follows(c) && now.Sub(last.UpdatedAt.Time) < window
}

// follows says whether c goes on with what the entry tells of: by the same person, for
// the same cause.
func (n newest) follows(c Change) bool {
	return n.UserID == c.UserID && n.Cause == c.Cause && n.Internal == c.Internal && (n.Notes == "" || c.Notes == "")
}

func merge(ctx context.Context, tx *db.Tx, last Entry, c Change, data string) error {
	notes := last.Notes
	if notes == "" {
		notes = c.Notes
	}
	set := db.SQL(`UPDATE journals SET notes = ?, notes_folded = ?, data = ?, updated_at = ?`, notes, db.Fold(notes), data, tx.Stamp())
	if data != last.Data && !tx.Marked(written(last.ID)) {
		set = set.Add(`, replaced = ?`, last.Data)
	}
	tx.Mark(written(last.ID))
	_, err := db.Exec(ctx, tx, set.Add(`WHERE id = ?`, last.ID))
	if err != nil {
		return fmt.Errorf("journal %s %d: %w", c.EntityType, c.EntityID, err)
	}
	return nil
}

// List returns the history of a record, oldest first. The caller has checked
// that the reader may see the record.
func List(ctx context.Context, tx *db.Tx, kind string, entity int64) ([]Entry, error) {
	return db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM journals
		WHERE entity_type = ? AND entity_id = ? ORDER BY version`, kind, entity))
}

// Find returns one entry and the one before it, which is zero for the first.
// The caller checks that the reader may see the record.
func Find(ctx context.Context, tx *db.Tx, jid id.Journal) (entry, before Entry, err error) {
	entry, err = db.Find[Entry](ctx, tx, "activity", db.SQL(`SELECT `+columns+` FROM journals WHERE id = ?`, jid))
	if err != nil {
		return Entry{}, Entry{}, err
	}
	before, _, err = db.One[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM journals
		WHERE entity_type = ? AND entity_id = ? AND version < ? ORDER BY version DESC LIMIT 1`,
		entry.EntityType, entry.EntityID, entry.Version))
	return entry, before, err
}

// Pair is an entry with the state before it, empty for the first.
type Pair struct {
	Entry
	Previous string `db:"previous"`
}

// FindAll returns the entries of one kind of record that are there, each with the
// state before it. The caller checks that the reader may see the records.
func FindAll(ctx context.Context, tx *db.Tx, kind string, ids []id.Journal) ([]Pair, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return db.All[Pair](ctx, tx, db.SQL(`SELECT `+columns+`, COALESCE((SELECT b.data FROM journals b WHERE b.entity_type = j.entity_type
		AND b.entity_id = j.entity_id AND b.version < j.version ORDER BY b.version DESC LIMIT 1), '') AS previous
		FROM journals j WHERE j.entity_type = ? AND`, kind).Append(db.In("j.id", ids)))
}

// EditNotes replaces the note of an entry by the hand of user, and keeps what stood there
// for UndoNotes. The caller has checked the right.
func EditNotes(ctx context.Context, tx *db.Tx, jid id.Journal, notes string, user id.User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE journals SET notes_replaced = notes, notes_editor_id = ?, notes = ?, notes_folded = ?, updated_at = ? WHERE id = ?`,
		user, notes, db.Fold(notes), tx.Stamp(), jid))
	return err
}

// UndoNotes puts back what the last edit of a note replaced, and keeps what stood there,
// so that doing it again brings that back. The caller has checked the right.
//
// Faults: Conflict where nobody has edited the note, or somebody else did so last.
func UndoNotes(ctx context.Context, tx *db.Tx, jid id.Journal, user id.User) error {
	type edit struct {
		Replaced string   `db:"notes_replaced"`
		By       *id.User `db:"notes_editor_id"`
	}
	e, err := db.Find[edit](ctx, tx, "activity", db.SQL(`SELECT notes_replaced, notes_editor_id FROM journals WHERE id = ?`, jid))
	switch {
	case err != nil:
		return err
	case e.By == nil || e.Replaced == "":
		return NothingToUndo()
	case *e.By != user:
		return fault.Conflict(changedSince)
	}
	return EditNotes(ctx, tx, jid, e.Replaced, user)
}

// Forget removes the history of records that are purged for good.
func Forget(ctx context.Context, tx *db.Tx, kind string, entities []int64) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM journals WHERE entity_type = ? AND`, kind).Append(db.In("entity_id", entities)))
	return err
}

// Reinsert puts entries back that a record had and lost when it was purged. They
// keep their versions, and their numbers where those are free. The caller makes
// sure that the versions are.
func Reinsert(ctx context.Context, tx *db.Tx, entries []Entry) error {
	for _, e := range entries {
		taken, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM journals WHERE id = ?`, e.ID))
		if err != nil {
			return err
		}
		cols, vals := "", db.SQL(``)
		if taken == 0 {
			cols, vals = "id, ", db.SQL(`?,`, e.ID)
		}
		_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO journals (`+cols+`entity_type, entity_id, version, user_id, notes, internal, cause, data, created_at,
			updated_at, notes_folded) VALUES (`).Append(vals).Add(`?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.EntityType, e.EntityID, e.Version, e.UserID, e.Notes, e.Internal, e.Cause, e.Data, e.CreatedAt, e.UpdatedAt, db.Fold(e.Notes)))
		if err != nil {
			return fmt.Errorf("journal %s %d: %w", e.EntityType, e.EntityID, err)
		}
	}
	return nil
}

// deletedUser stands for people who are not there any more.
const deletedUser id.User = 3

// Return puts back the history of one record, where it is gone. What people did who
// are not there any more is that of the user who stands for them.
func Return(ctx context.Context, tx *db.Tx, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	kept, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM journals WHERE entity_type = ? AND entity_id = ?`, entries[0].EntityType, entries[0].EntityID))
	if err != nil || kept > 0 {
		return err
	}
	users := map[id.User]bool{}
	for _, e := range entries {
		users[e.UserID] = true
	}
	there, err := db.All[id.User](ctx, tx, db.SQL(`SELECT id FROM users WHERE`).Append(db.In("id", slices.Collect(maps.Keys(users)))))
	if err != nil {
		return err
	}
	back := slices.Clone(entries)
	for i := range back {
		if !slices.Contains(there, back[i].UserID) {
			back[i].UserID = deletedUser
		}
	}
	return Reinsert(ctx, tx, back)
}
