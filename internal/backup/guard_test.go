package backup_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/secret"
)

// An administrator who wants to take all unseen switches off what can be switched off,
// and takes the others out first. They are told nevertheless.
func TestAdministratorsWhoWereTakenOutAreTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		third, gone := w.user("third", true), w.user("gone", true)
		w.clock.Advance(72 * time.Hour)
		w.exec(`INSERT INTO notification_switches (user_id, reason, told) SELECT id, 'watched', FALSE FROM users WHERE admin`)
		_, err := w.deps.Accounts.Update(ctx, w.root, gone.ID, account.Patch{Admin: opt.Of(false)})
		must(t, err)
		w.clock.Advance(31 * 24 * time.Hour) // long ago: no longer their business
		_, err = w.deps.Accounts.Lock(ctx, w.root, w.second.ID)
		must(t, err)
		_, err = w.deps.Accounts.Update(ctx, w.root, third.ID, account.Patch{Admin: opt.Of(false)})
		must(t, err)
		token := w.token(w.root)
		w.mail.wantTo(t, backup.NoticePurpose, "root second third")
		b := w.done(w.root, token)
		w.mail.wantTo(t, "backup.result", "root second third")
		_, err = w.Download(ctx, w.root, b.ID, backup.DownloadInput{Purpose: backup.Page, Password: password})
		must(t, err)
		w.mail.wantTo(t, "backup.download", "root second third")
		weak := backup.DefaultPolicy()
		weak.Keep.Daily = 1
		_, err = w.ChangePolicy(ctx, w.root, weak)
		must(t, err)
		w.mail.wantTo(t, "backup.policy", "root second third")
		// How nights went is for those who look after it now.
		w.clock.Advance(30 * time.Hour)
		w.engine.fail = errors.New("the disk is gone")
		must(t, w.Due(ctx))
		w.exec(`UPDATE backups SET state = 'queued' WHERE state = 'queued'`)
		must(t, w.Run(ctx, b.ID+1))
		w.mail.wantTo(t, "backup.result", "root")
	})
}

// With nobody else to tell, the notice to the one who was locked begins the wait as well as one's own.
func TestTheWaitBeginsWhenAFormerAdministratorIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.external(w.root)
		_, err := w.deps.Accounts.Lock(t.Context(), w.root, w.second.ID)
		must(t, err)
		_, err = w.CreateToken(t.Context(), w.root, "")
		must(t, err)
		for _, m := range w.mail.wantTo(t, backup.NoticePurpose, "root second") {
			if m.UserID == w.second.ID {
				w.accept(m.id)
			}
		}
		if p := w.phase(w.root); p != backup.Waiting {
			t.Errorf("the token is %s", p)
		}
	})
}

// Two resets and a request at the same time, again and again: one token is valid in
// the end, and no request was accepted with one that had been replaced before it began.
func TestResetsAndRequestsAtTheSameTime(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	each(t, func(t *testing.T, w *world) {
		current, replaced := w.token(w.holder), ""
		for n := range rounds {
			var all sync.WaitGroup
			values, errs := make([]string, 2), make([]error, 4)
			for i := range values {
				all.Go(func() {
					time.Sleep(rand.N(2 * time.Millisecond))
					made, err := w.CreateToken(context.WithoutCancel(t.Context()), w.holder, password)
					values[i], errs[i] = made.Value, err
				})
			}
			for i, token := range []string{current, replaced} {
				all.Go(func() {
					time.Sleep(rand.N(2 * time.Millisecond))
					_, errs[2+i] = w.request(w.holder, token)
				})
			}
			all.Wait()
			must(t, errors.Join(errs[0], errs[1]))
			for i, err := range errs[2:] {
				ok := err == nil && i == 0 || fault.Is(err, fault.KindForbidden) || fault.Is(err, fault.KindTooMany) && i == 1
				if !ok {
					t.Fatalf("round %d, request %d: %v", n, i, err)
				}
			}
			if got := w.number(`SELECT COUNT(*) FROM backups`); (errs[2] == nil) != (got == 1) {
				t.Fatalf("round %d: %d backups, and the request ended with %v", n, got, errs[2])
			}
			w.exec(`DELETE FROM backups`)
			w.exec(`DELETE FROM jobs`)
			w.exec(`DELETE FROM backup_failures`)
			valid := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
				_, err := w.request(w.holder, v)
				return err != nil
			})
			if len(valid) != 1 {
				t.Fatalf("round %d: %d of the two new tokens are valid", n, len(valid))
			}
			current, replaced = valid[0], current
			w.exec(`DELETE FROM backups`)
			w.exec(`DELETE FROM jobs`)
			w.exec(`DELETE FROM backup_failures`)
		}
	})
}

// Whether a wrong token is nobody's, somebody else's or nearly the right one cannot be
// told: the same statements are asked, and the refusals take as long as each other. The
// samples alternate, so that what else the machine does hits all of them.
func TestWrongTokensCannotBeToldApart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine, theirs := w.token(w.holder), w.token(w.root)
		names := []string{"nobody's", "somebody else's", "nearly the right one", "no token"}
		wrong := func(name string) string {
			switch name {
			case names[0]:
				return secret.NewToken(secret.BackupPrefix)
			case names[1]:
				return theirs
			case names[2]:
				return mine[:len(mine)-1] + string('0'+('1'-mine[len(mine)-1])%2)
			}
			return "x"
		}
		samples, asked := map[string][]float64{}, map[string]string{}
		for n := range 110 {
			for _, name := range names {
				token := wrong(name)
				var statements []string
				ctx := db.RefuseStatements(t.Context(), func(query string) error {
					statements = append(statements, query)
					return nil
				})
				begin := time.Now()
				_, err := w.Request(ctx, w.holder, backup.RequestInput{Token: token, Attachments: true, Source: backup.SourceAPI})
				took := time.Since(begin)
				wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
				if n >= 10 { // the first ones fill caches
					samples[name], asked[name] = append(samples[name], float64(took)), strings.Join(statements, "\n")
				}
				w.exec(`DELETE FROM backup_failures`)
				w.exec(`UPDATE backup_tokens SET failures = 0`)
			}
		}
		for _, name := range names[1:] {
			if asked[name] != asked[names[0]] {
				t.Errorf("%s asks\n%s\n\n%s asks\n%s", names[0], asked[names[0]], name, asked[name])
			}
			if v := welch(samples[names[0]], samples[name]); math.Abs(v) > 5 {
				t.Errorf("%s and %s take different times: t = %.1f", names[0], name, v)
			}
		}
	})
}

// welch is the statistic of Welch's test: how many standard errors two means lie apart.
func welch(a, b []float64) float64 {
	moments := func(x []float64) (mean, variance float64) {
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / float64(len(x)-1)
		}
		return mean, variance
	}
	ma, va := moments(a)
	mb, vb := moments(b)
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

// The clock jumps two days ahead, back, years ahead and back again. Each jump causes one
// backup at most, no snapshot is let go for it, and no wait ends.
func TestJumpsOfTheClockCostNoBackup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		ctx := t.Context()
		for range 4 {
			_, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
			must(t, err)
			w.clock.Advance(time.Hour)
		}
		w.external(w.holder)
		_, err := w.CreateToken(ctx, w.holder, "")
		must(t, err)
		for _, m := range w.mail.take(backup.NoticePurpose) {
			w.accept(m.id)
		}
		for _, jump := range []time.Duration{-48 * time.Hour, 48 * time.Hour, 72 * time.Hour, -72 * time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
			w.clock.Set(jump)
			must(t, w.StoreTime(ctx))
			before := w.number(`SELECT COUNT(*) FROM backups`)
			for range 3 {
				must(t, w.Due(ctx))
				w.work()
				w.clock.Advance(time.Minute)
			}
			if made := w.number(`SELECT COUNT(*) FROM backups`) - before; made > 1 {
				t.Errorf("after a jump of %v there are %d more backups", jump, made)
			}
			_, err := w.Prune(ctx, w.root, backup.PruneInput{})
			must(t, err)
			if n := w.number(`SELECT COUNT(*) FROM backups WHERE removed_at IS NOT NULL`); n != 0 {
				t.Fatalf("after a jump of %v %d snapshots are let go", jump, n)
			}
			if w.phase(w.holder) != backup.Waiting {
				t.Errorf("after a jump of %v the token is %s", jump, w.phase(w.holder))
			}
		}
	}, real)
}
