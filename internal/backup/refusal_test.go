package backup_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

var errRefused = errors.New("the database refuses")

// operation is one thing that can be asked of the service. It is done in the
// order of the list, so that each finds what those before have made.
type operation struct {
	name string
	// whole operations are one transaction: where they fail, nothing has changed.
	whole bool
	// goesOn operations note a failure of their own and return no error for some.
	goesOn bool
	// before prepares each try, undisturbed.
	before func(w *world)
	do     func(ctx context.Context, w *world) error
}

func operations() []operation {
	var token string
	var made backup.Backup
	exports := 0
	return []operation{
		{name: "create a token", whole: true, do: func(ctx context.Context, w *world) error {
			n, err := w.CreateToken(ctx, w.holder, password)
			if err == nil {
				token = n.Value
			}
			return err
		}},
		{name: "state of the token", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.TokenState(ctx, w.holder); return err }},
		{name: "store the time that passed", whole: true, do: func(ctx context.Context, w *world) error { return w.StoreTime(ctx) }},
		{name: "go on storing it", whole: true, do: func(ctx context.Context, w *world) error { return w.StoreTime(ctx) }},
		{name: "store it after the clock was set", whole: true, before: func(w *world) { w.clock.Set(time.Hour) }, do: func(ctx context.Context, w *world) error { return w.StoreTime(ctx) }},
		{name: "tokens", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Tokens(ctx, w.root); return err }},
		{name: "pending notices", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.PendingNotices(ctx, w.root); return err }},
		{name: "preflight", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Preflight(ctx, w.holder); return err }},
		{name: "request", whole: true, do: func(ctx context.Context, w *world) error {
			b, err := w.Request(ctx, w.holder, backup.RequestInput{Token: token, Attachments: true, Source: backup.SourcePage})
			if err == nil {
				made = b
			}
			return err
		}},
		{name: "cancel", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Cancel(ctx, w.holder, made.ID); return err }},
		{name: "due", whole: true, do: func(ctx context.Context, w *world) error { return w.Due(ctx) }},
		{name: "inline", goesOn: true, do: func(ctx context.Context, w *world) error {
			w.clock.Advance(time.Hour) // the lease of one whose end could not be noted runs out
			if err := w.Recover(context.Background(), true); err != nil {
				return err
			}
			b, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
			if err == nil {
				made = b
			}
			return err
		}},
		{name: "list", whole: true, do: func(ctx context.Context, w *world) error {
			_, _, err := w.List(ctx, w.root, backup.Filter{})
			return err
		}},
		{name: "verify", do: func(ctx context.Context, w *world) error {
			_, err := w.VerifyRepository(ctx, w.root, backup.CheckFull, nil)
			return err
		}},
		{name: "drill", do: func(ctx context.Context, w *world) error {
			_, err := w.Drill(ctx, w.root, "", func(archive.Progress) {})
			return err
		}},
		{name: "kit", do: func(ctx context.Context, w *world) error { _, err := w.IssueKit(ctx, operator, true); return err }},
		{name: "export", do: func(ctx context.Context, w *world) error {
			exports++
			_, err := w.Export(ctx, operator, made.Snapshot, filepath.Join(w.deps.Dir, fmt.Sprintf("export-%d.zip", exports)), backup.ExportOptions{Attachments: true})
			return err
		}},
		{name: "loss", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Loss(ctx, w.root, made.ID); return err }},
		{name: "hold", whole: true, do: func(ctx context.Context, w *world) error {
			_, err := w.Hold(ctx, w.root, made.Snapshot, "x")
			return err
		}},
		{name: "holds", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Holds(ctx, w.root); return err }},
		{name: "prune", do: func(ctx context.Context, w *world) error {
			_, err := w.Prune(ctx, w.root, backup.PruneInput{})
			return err
		}},
		{name: "release", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Release(ctx, w.root, made.Snapshot); return err }},
		{name: "change the policy", whole: true, do: func(ctx context.Context, w *world) error {
			p := backup.DefaultPolicy()
			p.Keep.Daily = 99
			_, err := w.ChangePolicy(ctx, w.root, p)
			return err
		}},
		{name: "rules", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Rules(ctx, w.root); return err }},
		{name: "standing", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Standing(ctx, w.root); return err }},
		{name: "checks", whole: true, do: func(ctx context.Context, w *world) error { _, err := w.Checks(ctx, w.root, 5); return err }},
		{name: "request a check", whole: true, do: func(ctx context.Context, w *world) error { return w.RequestCheck(ctx, w.root, backup.CheckDrill) }},
		{name: "recover", goesOn: true, do: func(ctx context.Context, w *world) error { return w.Recover(ctx, false) }},
		{name: "reset the token", whole: true, do: func(ctx context.Context, w *world) error {
			w.external(w.holder)
			_, err := w.CreateToken(ctx, w.second, password)
			return err
		}},
		{name: "allow now", whole: true, do: func(ctx context.Context, w *world) error {
			_, err := w.AllowNow(ctx, operator, "", true)
			return err
		}},
		{name: "cancel a token that is none", whole: true, do: func(ctx context.Context, w *world) error {
			return w.CancelToken(ctx, access.Anonymous(""), "hfbc-"+string(slices.Repeat([]byte("0"), 64)))
		}},
		{name: "delete the token", whole: true, do: func(ctx context.Context, w *world) error { return w.DeleteToken(ctx, w.second, password) }},
	}
}

// runs are what the server does by itself.
func runs() []operation {
	var n id.Backup
	var notice id.Mail
	return []operation{
		{name: "run", goesOn: true, before: func(w *world) { n = w.queued() }, do: func(ctx context.Context, w *world) error {
			if err := w.Run(ctx, n); err != nil {
				return err
			}
			if b := w.find(n); !b.State.Final() {
				return fmt.Errorf("the run is over and the backup %s", b.State)
			}
			return nil
		}},
		{name: "run of one whose requester may not any more", goesOn: true, before: func(w *world) {
			n = w.queued()
			w.exec(`UPDATE backups SET user_id = ? WHERE id = ?`, w.second.ID, n)
			w.exec(`UPDATE users SET status = 3 WHERE id = ?`, w.second.ID)
		}, do: func(ctx context.Context, w *world) error { return w.Run(ctx, n) }},
		{name: "run of one whose runner died", goesOn: true, before: func(w *world) {
			n = w.queued()
			w.exec(`UPDATE backups SET state = 'running', started_at = 0 WHERE id = ?`, n)
		}, do: func(ctx context.Context, w *world) error { return w.Run(ctx, n) }},
		{name: "accept a notice", whole: true, before: func(w *world) {
			if w.phase(w.root) == backup.Waiting {
				return
			}
			w.exec(`UPDATE users SET status = 1 WHERE id = ?`, w.second.ID)
			w.external(w.root)
			w.mail.take(backup.NoticePurpose)
			_, err := w.CreateToken(w.t.Context(), w.root, "")
			must(w.t, err)
			for _, m := range w.mail.take(backup.NoticePurpose) {
				if m.UserID == w.second.ID {
					notice = m.id
				}
			}
		}, do: func(ctx context.Context, w *world) error {
			return db.Do(ctx, w.db, func(tx *db.Tx) error { return w.NoticeAccepted(ctx, tx, notice) })
		}},
		{name: "let a token begin at once", whole: true, do: func(ctx context.Context, w *world) error {
			_, err := w.AllowNow(ctx, operator, "root", false)
			return err
		}},
		{name: "what is due after a month", whole: true, before: func(w *world) {
			w.exec(`DELETE FROM jobs`)
			w.exec(`DELETE FROM backups WHERE state = 'queued'`)
			w.clock.Advance(30 * 24 * time.Hour)
		}, do: func(ctx context.Context, w *world) error { return w.Due(ctx) }},
		{name: "let old ones go", goesOn: true, before: func(w *world) {
			w.exec(`DELETE FROM backup_policy`)
			w.exec(`INSERT INTO backup_policy (id, policy, changed_by, changed_at) VALUES (1, '{"schedule":"off","keep":{"last":1}}', 'test', 0)`)
			w.exec(`UPDATE backup_checks SET state = 'ok'`)
			w.clock.Advance(max(0, time.Since(w.clock.Now())+time.Hour))
		}, do: func(ctx context.Context, w *world) error {
			_, err := w.Prune(ctx, w.root, backup.PruneInput{Confirmed: true})
			return err
		}},
	}
}

// queued is a backup that waits; what was left by a run before is settled.
func (w *world) queued() id.Backup {
	w.t.Helper()
	w.clock.Advance(time.Hour)
	must(w.t, w.Recover(context.Background(), true))
	w.exec(`DELETE FROM backups WHERE state = 'queued'`)
	w.exec(`INSERT INTO backups (source, state, requested_by, include_attachments, created_at) VALUES ('schedule', 'queued', 'the schedule', TRUE, ?)`, w.clock.Now().UnixMicro())
	return id.Backup(w.number(`SELECT MAX(id) FROM backups`))
}

// fingerprint counts what operations leave behind.
func (w *world) fingerprint() [5]int64 {
	w.t.Helper()
	return [5]int64{
		w.number(`SELECT COUNT(*) FROM audit_entries`), w.number(`SELECT COUNT(*) FROM jobs`), w.number(`SELECT COUNT(*) FROM backups`),
		w.number(`SELECT COUNT(*) FROM backup_tokens`), w.number(`SELECT COUNT(*) FROM backup_holds`),
	}
}

// refuseNext refuses the next statement that has not failed yet; what it was is
// told by the function. Statements that write fail at each of their first three
// times in an operation, since what stands around them differs.
func refuseNext(ctx context.Context, failed map[string]bool) (context.Context, func() string) {
	var mu sync.Mutex
	refused, times, left := "", map[string]int{}, stride-1
	ctx = db.RefuseStatements(ctx, func(query string) error {
		mu.Lock()
		defer mu.Unlock()
		times[query]++
		key := query
		if !strings.HasPrefix(query, "SELECT") && times[query] < 4 {
			key = fmt.Sprint(times[query], ". ", query)
		}
		if refused != "" || failed[key] {
			return nil
		}
		failed[key] = true
		if left--; left >= 0 {
			return nil // left out, under the race detector
		}
		refused = key
		return errRefused
	})
	return ctx, func() string {
		mu.Lock()
		defer mu.Unlock()
		return refused
	}
}

// Every statement of every operation fails once: the operation says so, and where
// it is one transaction nothing of it stays. In the end it is done.
func TestEveryStatementOfEveryOperationFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		for _, op := range append(operations(), runs()...) {
			failed := map[string]bool{}
			for {
				if op.before != nil {
					op.before(w)
				}
				ctx, refuse := refuseNext(t.Context(), failed)
				before := w.fingerprint()
				err := op.do(ctx, w)
				refused := refuse()
				if refused == "" {
					if err != nil {
						t.Fatalf("%s: undisturbed: %v", op.name, err)
					}
					break
				}
				if !op.goesOn && !errors.Is(err, errRefused) {
					t.Errorf("%s without %s: %v", op.name, refused, err)
				}
				if after := w.fingerprint(); op.whole && before != after {
					t.Errorf("%s without %s: something stays: %v, before %v", op.name, refused, after, before)
				}
			}
			w.clock.Advance(time.Hour)
		}
	}, real)
}
