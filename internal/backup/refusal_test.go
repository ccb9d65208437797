package backup_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
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
		{name: "drill", do: func(ctx context.Context, w *world) error { _, err := w.Drill(ctx, w.root, ""); return err }},
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

// fingerprint counts what operations leave behind.
func (w *world) fingerprint() [5]int64 {
	w.t.Helper()
	return [5]int64{
		w.number(`SELECT COUNT(*) FROM audit_entries`), w.number(`SELECT COUNT(*) FROM jobs`), w.number(`SELECT COUNT(*) FROM backups`),
		w.number(`SELECT COUNT(*) FROM backup_tokens`), w.number(`SELECT COUNT(*) FROM backup_holds`),
	}
}

// Every statement of every operation fails once: the operation says so, and where
// it is one transaction nothing of it stays. In the end it is done.
func TestEveryStatementOfEveryOperationFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		for _, op := range operations() {
			failed := map[string]bool{}
			for {
				var mu sync.Mutex
				refused := ""
				ctx := db.RefuseStatements(t.Context(), func(query string) error {
					mu.Lock()
					defer mu.Unlock()
					if refused != "" || failed[query] {
						return nil
					}
					refused, failed[query] = query, true
					return errRefused
				})
				before := w.fingerprint()
				err := op.do(ctx, w)
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
