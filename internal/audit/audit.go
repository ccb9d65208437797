// Package audit keeps the log of everything that touches security: tokens,
// backups, downloads, restores, accounts, rights, keys.
//
// Entries are chained: each carries a keyed hash over its own content and the
// hash of the entry before it, so that editing, deleting or reordering is
// found by Verify. The key is a file outside the database. An entry is written
// in the transaction of the act itself: an act without an entry, or an entry
// without the act, cannot be.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Results of an act.
const (
	OK      = "ok"
	Refused = "refused"
	Failed  = "failed"
)

// Entry is one line of the log.
type Entry struct {
	ID        id.Audit `db:"id"`
	At        db.Time  `db:"at"`
	ActorID   *id.User `db:"actor_id"`
	ActorName string   `db:"actor_name"`
	IP        string   `db:"ip"`
	Action    string   `db:"action"`
	Object    string   `db:"object"`
	Result    string   `db:"result"`
	Detail    string   `db:"detail"`
	PrevHash  string   `db:"prev_hash"`
	Hash      string   `db:"hash"`
}

const columns = `id, at, actor_id, actor_name, ip, action, object, result, detail, prev_hash, hash`

// Restored is the action of a restore, which explains why the chain goes on from
// somewhere else.
const Restored = "backup.restore"

// Act is what Record writes. Detail must hold no secret.
type Act struct {
	ActorID   id.User // 0 for the system and the operator
	ActorName string
	IP        string
	// Action is a constant such as "backup_token.create".
	Action string
	// Object names what was acted on, such as "user 5".
	Object string
	Result string // OK when empty
	Detail map[string]any
}

// Log writes and reads the chain with the key it was made with.
type Log struct{ key []byte }

// New returns the log for a key of the instance's key files.
func New(key []byte) *Log { return &Log{key: key} }

// Record appends an entry in the caller's transaction.
func (l *Log) Record(ctx context.Context, tx *db.Tx, a Act) error {
	detail, err := json.Marshal(a.Detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", a.Action, err)
	}
	e := Entry{
		At: tx.Stamp(), ActorName: a.ActorName, IP: a.IP, Action: a.Action, Object: a.Object,
		Result: a.Result, Detail: string(detail),
	}
	if a.ActorID != 0 {
		e.ActorID = &a.ActorID
	}
	if e.Result == "" {
		e.Result = OK
	}
	if a.Detail == nil {
		e.Detail = "{}"
	}
	// PostgreSQL's serializable transactions make two simultaneous appends
	// conflict on prev_hash, and one of them is run again.
	if e.PrevHash, err = Head(ctx, tx); err != nil {
		return fmt.Errorf("audit %s: %w", a.Action, err)
	}
	e.Hash = l.sum(e)
	_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO audit_entries
		(at, actor_id, actor_name, ip, action, object, result, detail, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.At, e.ActorID, e.ActorName, e.IP, e.Action, e.Object, e.Result, e.Detail, e.PrevHash, e.Hash))
	if err != nil {
		return fmt.Errorf("audit %s: %w", a.Action, err)
	}
	return nil
}

// Head returns the hash of the newest entry, "" for an empty log.
func Head(ctx context.Context, tx *db.Tx) (string, error) {
	h, _, err := db.One[string](ctx, tx, db.SQL(`SELECT hash FROM audit_entries ORDER BY id DESC LIMIT 1`))
	return h, err
}

func (l *Log) sum(e Entry) string {
	actor := ""
	if e.ActorID != nil {
		actor = fmt.Sprint(*e.ActorID)
	}
	fields := []string{e.PrevHash, fmt.Sprint(e.At.UnixMicro()), actor, e.ActorName, e.IP, e.Action, e.Object, e.Result, e.Detail}
	m := hmac.New(sha256.New, l.key)
	for _, f := range fields {
		fmt.Fprintf(m, "%d:%s", len(f), f) // lengths keep neighbours apart
	}
	return hex.EncodeToString(m.Sum(nil))
}

// Filter selects entries; empty fields select everything.
type Filter struct {
	Action string // a prefix such as "backup"
	Text   string // part of the actor's name or the object
	Offset int
	Limit  int
}

// List returns entries, newest first, and how many match in all. The caller
// has checked that the reader is an administrator.
func List(ctx context.Context, tx *db.Tx, f Filter) ([]Entry, int, error) {
	var conds []db.Frag
	if f.Action != "" {
		conds = append(conds, db.HasPrefix("action", f.Action))
	}
	if f.Text != "" {
		conds = append(conds, db.Or(db.Contains("LOWER(actor_name)", f.Text), db.Contains("LOWER(object)", f.Text)))
	}
	where := db.And(conds...)
	total, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM audit_entries WHERE`).Append(where))
	if err != nil {
		return nil, 0, err
	}
	rows, err := db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM audit_entries WHERE`).Append(where).
		Add(`ORDER BY id DESC LIMIT ? OFFSET ?`, f.Limit, f.Offset))
	return rows, total, err
}

// Break is the first place at which the chain does not hold.
type Break struct {
	ID     id.Audit
	Reason string
}

// Verify replays the whole chain and returns the number of entries that hold
// and the first break, nil when there is none. A truncated tail cannot be seen
// from the log alone: compare the head with one kept elsewhere.
func (l *Log) Verify(ctx context.Context, tx *db.Tx) (int, *Break, error) {
	prev, n := "", 0
	var after id.Audit
	for {
		page, err := db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM audit_entries WHERE id > ? ORDER BY id LIMIT 500`, after))
		if err != nil {
			return n, nil, fmt.Errorf("read the audit log: %w", err)
		}
		for _, e := range page {
			switch {
			case e.PrevHash != prev:
				return n, &Break{e.ID, "an entry before this one is missing or was moved"}, nil
			case !hmac.Equal([]byte(e.Hash), []byte(l.sum(e))):
				return n, &Break{e.ID, "this entry was changed"}, nil
			}
			prev, after = e.Hash, e.ID
			n++
		}
		if len(page) < 500 {
			return n, nil, nil
		}
	}
}
