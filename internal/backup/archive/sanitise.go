package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/secret"
)

// The status of a locked user, and the kind of a person.
const (
	locked = 3
	person = "User"
)

// sanitise changes what must not come back as it was: rights revoked since,
// the audit log, mail. It runs after the proof and before the swap.
func (r *restoration) sanitise(ctx context.Context) (err error) {
	staged, err := db.Open(ctx, r.place.options(r.state.Staged))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, staged.Close()) }()
	var live *db.DB
	if r.plan.Target == TargetInUse {
		if live, err = db.Open(ctx, r.place.options(r.state.Live)); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, live.Close()) }()
	}
	return db.Do(db.Alone(ctx), staged, func(tx *db.Tx) error {
		s := sanitiser{r: r, tx: tx}
		if live == nil {
			return s.all(ctx, nil)
		}
		_, err := db.Read(ctx, live, func(from *db.Tx) (struct{}, error) { return struct{}{}, s.all(ctx, from) })
		return err
	})
}

type sanitiser struct {
	r     *restoration
	tx    *db.Tx
	notes []string
}

func (s *sanitiser) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// all runs in one transaction of the staged database; from is nil where there
// is no readable present.
func (s *sanitiser) all(ctx context.Context, from *db.Tx) error {
	own := s.r.head.Origin == Own
	steps := []func(context.Context, *db.Tx) error{s.quarantine, s.blobs}
	if from != nil && own {
		steps = append(steps, s.people, s.keys, s.passwords)
	}
	if !own {
		steps = append(steps, s.suspend)
	}
	if from != nil {
		steps = append(steps, s.backups, s.upkeep, s.liveBlobs)
	}
	for _, f := range append(steps, s.audit) {
		if err := f(ctx, from); err != nil {
			return err
		}
	}
	s.r.result.Notes = s.notes // the last run of the transaction counts
	return nil
}

func (s *sanitiser) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return db.Exec(ctx, s.tx, db.SQL(sql, args...))
}

func (s *sanitiser) quarantine(ctx context.Context, _ *db.Tx) error {
	s.note("outgoing mail is held back until an administrator releases it")
	_, err := s.exec(ctx, `INSERT INTO settings (name, value, updated_at) VALUES ('mail_quarantine', 'true', ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, s.tx.Stamp())
	return err
}

// blobs makes the collector's book anew and keeps it from collecting while the
// old state, which may need other files, is kept.
func (s *sanitiser) blobs(ctx context.Context, _ *db.Tx) error {
	_, err := s.exec(ctx, `INSERT INTO blobs (sha256, size, created_at) SELECT sha256, MAX(size), CAST(? AS BIGINT) FROM attachments GROUP BY sha256`, s.tx.Stamp())
	if err != nil {
		return err
	}
	return s.pinFiles(ctx, nil)
}

// pinFiles keeps the files of the state that is kept aside.
func (s *sanitiser) pinFiles(ctx context.Context, _ *db.Tx) error {
	_, err := s.exec(ctx, `INSERT INTO blob_pins (holder, since, lease_until) VALUES ('restore', ?, ?)`, s.tx.Stamp(), db.At(s.tx.Now().Add(KeepOld)))
	return err
}

// upkeep keeps how backups are made and kept, and what is known about them.
func (s *sanitiser) upkeep(ctx context.Context, from *db.Tx) error {
	have, err := columns(ctx, from)
	if err != nil {
		return err
	}
	same := func(_ string, v any) any { return v }
	for _, t := range []struct{ name, key string }{{"backup_policy", "id"}, {"backup_checks", "id"}, {"backup_holds", "snapshot"}} {
		if have[t.name] == nil { // the live database waits for an upgrade
			continue
		}
		if err := s.carry(ctx, from, t.name, t.key, same); err != nil {
			return err
		}
	}
	return s.sequence(ctx, "backup_checks")
}

func (s *sanitiser) liveBlobs(ctx context.Context, from *db.Tx) error {
	return s.carry(ctx, from, "blobs", "sha256", func(col string, v any) any {
		if col == "unreferenced_since" {
			return nil
		}
		return v
	})
}

type user struct {
	ID     int64  `db:"id"`
	Kind   string `db:"kind"`
	Admin  bool   `db:"admin"`
	Status int64  `db:"status"`
	Gone   bool   `db:"gone"`
}

const userColumns = `SELECT id, kind, admin, status, deleted_at IS NOT NULL AS gone FROM users WHERE id > 3 ORDER BY id`

// people locks again who was locked or deleted since, and takes the
// administrator's rights from whom they were taken.
func (s *sanitiser) people(ctx context.Context, from *db.Tx) error {
	now, err := db.All[user](ctx, from, db.SQL(userColumns))
	if err != nil {
		return err
	}
	then, err := db.All[user](ctx, s.tx, db.SQL(userColumns))
	if err != nil {
		return err
	}
	present := map[int64]user{}
	for _, u := range now {
		present[u.ID] = u
	}
	for _, u := range then {
		n, there := present[u.ID]
		gone := !there || n.Gone || n.Kind != person || n.Status == locked
		if u.Kind == person && u.Status != locked && gone {
			s.note("user %d stays locked: locked or deleted since the backup", u.ID)
			if _, err := s.exec(ctx, `UPDATE users SET status = ? WHERE id = ?`, locked, u.ID); err != nil {
				return err
			}
		}
		if u.Admin && !n.Admin {
			s.note("user %d stays without administrator's rights: taken since the backup", u.ID)
			if _, err := s.exec(ctx, `UPDATE users SET admin = FALSE WHERE id = ?`, u.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// keys removes API keys that were revoked since.
func (s *sanitiser) keys(ctx context.Context, from *db.Tx) error {
	now, err := db.All[string](ctx, from, db.SQL(`SELECT hash FROM tokens WHERE kind = 'api'`))
	if err != nil {
		return err
	}
	then, err := db.All[string](ctx, s.tx, db.SQL(`SELECT hash FROM tokens WHERE kind = 'api'`))
	if err != nil {
		return err
	}
	slices.Sort(now)
	revoked := 0
	for _, hash := range then {
		if _, there := slices.BinarySearch(now, hash); there {
			continue
		}
		revoked++
		if _, err := s.exec(ctx, `DELETE FROM tokens WHERE hash = ?`, hash); err != nil {
			return err
		}
	}
	if revoked > 0 {
		s.note("%d API keys stay revoked: revoked since the backup", revoked)
	}
	return nil
}

type password struct {
	UserID    int64   `db:"user_id"`
	Hash      string  `db:"hash"`
	CreatedAt db.Time `db:"created_at"`
}

const newestPasswords = `SELECT p.user_id, p.hash, p.created_at FROM user_passwords p JOIN users u ON u.id = p.user_id
	WHERE p.id = (SELECT MAX(q.id) FROM user_passwords q WHERE q.user_id = p.user_id) ORDER BY p.user_id`

// passwords keeps passwords that were changed since.
func (s *sanitiser) passwords(ctx context.Context, from *db.Tx) error {
	now, err := db.All[password](ctx, from, db.SQL(newestPasswords))
	if err != nil {
		return err
	}
	then, err := db.All[password](ctx, s.tx, db.SQL(newestPasswords))
	if err != nil {
		return err
	}
	restored := map[int64]string{}
	for _, p := range then {
		restored[p.UserID] = p.Hash
	}
	for _, p := range now {
		if old, there := restored[p.UserID]; !there || old == p.Hash {
			continue
		}
		s.note("user %d keeps the password set since the backup", p.UserID)
		if _, err := s.exec(ctx, `INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, ?, ?)`, p.UserID, p.Hash, p.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}

// suspend removes the API keys of another instance.
func (s *sanitiser) suspend(ctx context.Context, _ *db.Tx) error {
	n, err := s.exec(ctx, `DELETE FROM tokens`)
	if n > 0 {
		s.note("API keys were removed (%d): the archive was written by another instance, owners create new ones", n)
	}
	return err
}

// backups keeps the list of archives, which describes the disk, and adds the safety copy.
func (s *sanitiser) backups(ctx context.Context, from *db.Tx) error {
	ids, err := db.All[int64](ctx, s.tx, db.SQL(`SELECT id FROM users ORDER BY id`))
	if err != nil {
		return err
	}
	err = s.carry(ctx, from, "backups", "id", func(col string, v any) any {
		n, ok := v.(int64)
		if _, there := slices.BinarySearch(ids, n); col == "user_id" && ok && !there {
			return nil
		}
		return v
	})
	if err != nil {
		return err
	}
	if err := s.sequence(ctx, "backups"); err != nil {
		return err
	}
	snap, at := s.r.plan.safety, s.tx.Stamp()
	state := Complete
	if !snap.Complete {
		state = Incomplete
	}
	_, err = s.exec(ctx, `INSERT INTO backups (source, state, requested_by, include_attachments, snapshot, sha256, row_count, added,
		created_at, started_at, finished_at) VALUES ('safety', ?, 'restore', ?, ?, ?, ?, ?, ?, ?, ?)`,
		state, true, snap.ID, snap.Hash.String(), snap.Count, snap.Added, at, at, at)
	return err
}

// audit keeps the chain of this instance going. Entries of another instance
// were signed with its key; they stay in the archive.
func (s *sanitiser) audit(ctx context.Context, from *db.Tx) error {
	head, err := audit.Head(ctx, s.tx)
	if err != nil {
		return err
	}
	if from != nil || s.r.head.Origin != Own {
		if _, err := s.exec(ctx, `DELETE FROM audit_entries`); err != nil {
			return err
		}
	}
	if from != nil {
		err = s.carry(ctx, from, "audit_entries", "id", func(_ string, v any) any { return v })
		if err == nil {
			err = s.sequence(ctx, "audit_entries")
		}
		if err != nil {
			return err
		}
	}
	key := s.r.target.Keys.Key(secret.Audit)
	return audit.New(key[:]).Record(ctx, s.tx, audit.Act{
		ActorName: cmp.Or(s.r.target.By, "operator"), Action: audit.Restored, Object: "backup of " + s.r.head.Manifest.CreatedAt,
		Detail: map[string]any{"origin": s.r.head.Origin, "restore": s.r.state.ID, "audit_head_in_archive": head, "notes": s.notes},
	})
}

// carry copies the rows of a table from the live database, as far as they are
// not there yet.
func (s *sanitiser) carry(ctx context.Context, from *db.Tx, table, key string, change func(col string, v any) any) error {
	have, err := columns(ctx, from)
	if err != nil {
		return err
	}
	var cols []string
	for c := range have[table] {
		cols = append(cols, c)
	}
	slices.Sort(cols)
	rows, err := from.Rows(ctx, db.SQL("SELECT "+strings.Join(cols, ", ")+" FROM "+table+" ORDER BY "+key))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	insert := "INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES (" + db.Marks(len(cols)) + ") ON CONFLICT DO NOTHING"
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return err
		}
		for i, c := range cols {
			vals[i] = change(c, vals[i])
		}
		if _, err := s.exec(ctx, insert, vals...); err != nil {
			return fmt.Errorf("carry %s over: %w", table, err)
		}
	}
	return rows.Err()
}

// sequence moves PostgreSQL's counter past carried rows; SQLite does it by itself.
func (s *sanitiser) sequence(ctx context.Context, table string) error {
	if s.tx.Dialect() == db.SQLite {
		return nil
	}
	_, err := db.Scalar[int64](ctx, s.tx, db.SQL(`SELECT setval(pg_get_serial_sequence(?, 'id'),
		GREATEST((SELECT COALESCE(MAX(id), 0) FROM `+table+`), 1), (SELECT COUNT(*) > 0 FROM `+table+`))`, table))
	return err
}
