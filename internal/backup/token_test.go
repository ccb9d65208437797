package backup_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

func TestTokenIsShownOnceKeptAsHashAndMailedToEveryone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n, err := w.CreateToken(t.Context(), w.holder, password)
		must(t, err)
		if !secret.IsToken(secret.BackupPrefix, n.Value) || n.Reset || n.Info.Phase != backup.Active {
			t.Errorf("%+v", n)
		}
		if w.number(`SELECT COUNT(*) FROM backup_tokens WHERE user_id = ? AND length(hash) = 64 AND hash <> ?`, w.holder.ID, n.Value) != 1 {
			t.Error("the row does not hold a hash")
		}
		mails := w.mail.wantTo(t, backup.NoticePurpose, "root second holder")
		for _, m := range mails {
			if m.Subject != "Backup token created" || !strings.Contains(m.Link, "/backup_tokens/cancel?token=hfbc-") || strings.Contains(m.Link, n.Value) {
				t.Errorf("mail %+v", m)
			}
		}
		again := w.token(w.holder)
		if m := w.mail.wantTo(t, backup.NoticePurpose, "root second holder"); m[0].Subject != "Backup token reset" {
			t.Error(m[0].Subject)
		}
		if again == n.Value || w.number(`SELECT COUNT(*) FROM backup_tokens`) != 1 {
			t.Error("a reset does not replace")
		}
		if w.audited("backup_token.create") != 1 || w.audited("backup_token.reset") != 1 {
			t.Error("not audited")
		}
		_, err = w.request(w.holder, n.Value)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		_, err = w.request(w.holder, again)
		must(t, err)
	})
}

func TestWrongPasswordChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.token(w.holder)
		w.mail.take(backup.NoticePurpose)
		for _, wrong := range []string{"", "no", otherPassword} {
			_, err := w.CreateToken(t.Context(), w.holder, wrong)
			wantKind(t, err, fault.KindInvalid)
			wantKind(t, w.DeleteToken(t.Context(), w.holder, wrong), fault.KindInvalid)
		}
		if len(w.mail.take(backup.NoticePurpose)) != 0 || w.phase(w.holder) != backup.Active {
			t.Error("something changed")
		}
		_, err := w.request(w.holder, old)
		must(t, err)
	})
}

func TestPasswordGuessesAreLimited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var err error
		for range 20 {
			if _, err = w.CreateToken(t.Context(), w.holder, "guess"); fault.Is(err, fault.KindTooMany) {
				return
			}
		}
		t.Fatalf("20 guesses end in %v", err)
	})
}

func TestWhoMayHaveATokenAndTheSwitch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain := w.user("plain", false)
		_, err := w.CreateToken(t.Context(), plain, password)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.CreateToken(t.Context(), access.Anonymous("192.0.2.9"), password)
		wantKind(t, err, fault.KindUnauthenticated)
		key := w.holder
		key.Token = 5
		_, err = w.CreateToken(t.Context(), key, password)
		wantKind(t, err, fault.KindForbidden)
		w.token(w.holder)
		all, err := w.Tokens(t.Context(), w.root)
		must(t, err)
		if len(all) != 1 || all[0].Login != "holder" || all[0].Name != "Holder Tester" {
			t.Errorf("owners %+v", all)
		}
	})
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.root
		_, create := w.CreateToken(ctx, a, password)
		_, state := w.TokenState(ctx, a)
		_, tokens := w.Tokens(ctx, a)
		_, request := w.request(a, "x")
		_, anonymous := w.request(access.Anonymous(""), "")
		_, _, list := w.List(ctx, a, backup.Filter{})
		_, find := w.Find(ctx, a, 1)
		_, preflight := w.Preflight(ctx, a)
		_, cancel := w.Cancel(ctx, a, 1)
		_, download := w.Download(ctx, a, 1, backup.DownloadInput{Purpose: backup.APIKey})
		for i, err := range []error{create, w.DeleteToken(ctx, a, password), state, tokens, request, anonymous, list, find, preflight, cancel, download} {
			if !fault.Is(err, fault.KindNotFound) {
				t.Errorf("call %d with the switch off: %v", i, err)
			}
		}
	}, func(d *backup.Deps) { d.Enabled = false })
}

func TestWhoWaits(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(w *world) access.Actor
		want    backup.TokenPhase
	}{
		{"password of old, nothing changed", func(w *world) access.Actor { return w.holder }, backup.Active},
		{"no password", func(w *world) access.Actor { w.external(w.holder); return w.holder }, backup.PendingNotice},
		{"password changed an hour ago", func(w *world) access.Actor {
			must(w.t, w.deps.Accounts.ChangePassword(w.t.Context(), w.holder, password, otherPassword))
			w.exec(`UPDATE user_passwords SET hash = (SELECT hash FROM user_passwords WHERE user_id = ? AND id = (SELECT MIN(id) FROM user_passwords WHERE user_id = ?)) WHERE user_id = ?`,
				w.holder.ID, w.holder.ID, w.holder.ID)
			w.clock.Advance(time.Hour)
			return w.holder
		}, backup.PendingNotice},
		{"mail address changed", func(w *world) access.Actor {
			w.exec(`UPDATE users SET mail_changed_at = ? WHERE id = ?`, w.clock.Now().UnixMicro(), w.holder.ID)
			return w.holder
		}, backup.PendingNotice},
		{"rights changed", func(w *world) access.Actor {
			w.exec(`UPDATE users SET rights_changed_at = ? WHERE id = ?`, w.clock.Now().UnixMicro(), w.holder.ID)
			return w.holder
		}, backup.PendingNotice},
		{"change longer ago than the period", func(w *world) access.Actor {
			w.exec(`UPDATE users SET rights_changed_at = ? WHERE id = ?`, w.clock.Now().UnixMicro(), w.holder.ID)
			w.clock.Advance(period)
			return w.holder
		}, backup.Active},
		{"account just made", func(w *world) access.Actor { return w.user("fresh", true) }, backup.PendingNotice},
		{"instance younger than the period", func(w *world) access.Actor {
			w.exec(`UPDATE users SET created_at = ? WHERE kind = 'User'`, w.clock.Now().Add(-23*time.Hour).UnixMicro())
			w.external(w.holder)
			return w.holder
		}, backup.Active},
		{"no password, and the clock set back to before the installation", func(w *world) access.Actor {
			w.external(w.holder)
			w.clock.Set(-80 * time.Hour)
			return w.holder
		}, backup.PendingNotice},
		{"no password, and the clock set back to soon after the installation", func(w *world) access.Actor {
			w.external(w.holder)
			w.token(w.second) // known to have been three days after
			w.clock.Set(-60 * time.Hour)
			return w.holder
		}, backup.PendingNotice},
		{"password of old, and the clock set back to before the installation", func(w *world) access.Actor {
			w.clock.Set(-80 * time.Hour)
			return w.holder
		}, backup.PendingNotice},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				a := tc.prepare(w)
				n, err := w.CreateToken(t.Context(), a, password)
				must(t, err)
				if n.Info.Phase != tc.want {
					t.Errorf("got %s, want %s", n.Info.Phase, tc.want)
				}
				if i, _ := w.TokenState(t.Context(), a); i.MustWait != (tc.want != backup.Active) {
					t.Errorf("the page says must wait %v", i.MustWait)
				}
			})
		})
	}
}

func TestWaitBeginsWhenAnotherAdministratorIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.external(w.root)
		token := w.token(w.root)
		mails := w.mail.wantTo(t, backup.NoticePurpose, "root second")
		_, err := w.request(w.root, token)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenWaiting)
		w.clock.Advance(100 * time.Hour) // the server was down: time alone does not help
		w.accept(mails[0].id)            // nor a mail to the owner
		if w.phase(w.root) != backup.PendingNotice {
			t.Fatal("the wait began without another administrator")
		}
		if p, _ := w.PendingNotices(t.Context(), w.second); len(p) != 1 || p[0].Login != "root" {
			t.Errorf("banner %+v", p)
		}
		if p, _ := w.PendingNotices(t.Context(), w.holder); len(p) != 0 {
			t.Error("a banner for people who are no administrators")
		}
		w.accept(mails[1].id)
		w.clock.Advance(5 * time.Hour)
		w.accept(mails[1].id) // again: does not begin anew
		_, err = w.request(w.root, token)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenWaiting)
		if f := fault.Of(err); !strings.Contains(f.Message, "19 hours") || f.RetryAfter.Round(time.Hour) != 19*time.Hour {
			t.Errorf("%q after %v", f.Message, f.RetryAfter)
		}
		w.clock.Advance(19 * time.Hour)
		_, err = w.request(w.root, token)
		must(t, err)
	})
}

func TestSingleAdministratorIsToldHimself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE users SET admin = FALSE WHERE id = ?`, w.second.ID)
		w.external(w.root)
		w.token(w.root)
		mails := w.mail.wantTo(t, backup.NoticePurpose, "root")
		w.accept(mails[0].id)
		if got := w.phase(w.root); got != backup.Waiting {
			t.Error(got)
		}
	})
}

func TestWithoutMailTheWaitBeginsAtOnceAndABannerShows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.external(w.holder)
		token := w.token(w.holder)
		if p, _ := w.PendingNotices(t.Context(), w.root); len(p) != 1 || p[0].Phase != backup.Waiting {
			t.Errorf("banner %+v", p)
		}
		w.clock.Advance(23 * time.Hour)
		_, err := w.request(w.holder, token)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenWaiting)
		if !strings.Contains(err.Error(), "1 hour") {
			t.Error(err)
		}
		w.clock.Advance(time.Hour)
		if p, _ := w.PendingNotices(t.Context(), w.root); len(p) != 0 {
			t.Errorf("banner after the wait: %+v", p)
		}
		_, err = w.request(w.holder, token)
		must(t, err)
	}, func(d *backup.Deps) { d.Mail = nil })
}

func TestCancelLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		link := w.mail.take(backup.NoticePurpose)[0].Link
		cancel := link[strings.Index(link, "token=")+len("token="):]
		other := secret.NewToken("hfbc-")
		for _, useless := range []string{"", "x", token, other, cancel[:len(cancel)-1]} {
			must(t, w.CancelToken(t.Context(), access.Anonymous(""), useless))
		}
		if w.phase(w.holder) != backup.Active {
			t.Fatal("a wrong secret cancels")
		}
		for range 2 {
			must(t, w.CancelToken(t.Context(), access.Anonymous("198.51.100.1"), cancel))
		}
		w.mail.wantTo(t, "backup.token_gone", "root second holder")
		if w.phase(w.holder) != backup.NoToken || w.audited("backup_token.cancel") != 1 {
			t.Error("not cancelled once")
		}
		_, err := w.request(w.holder, token)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		w.token(w.holder)
		must(t, w.CancelToken(t.Context(), access.Anonymous(""), cancel))
		if w.phase(w.holder) != backup.Active {
			t.Error("an old link cancels the new token")
		}
	})
}

func TestDeleteTokenMails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		must(t, w.DeleteToken(t.Context(), w.holder, password))
		must(t, w.DeleteToken(t.Context(), w.holder, password))
		w.mail.wantTo(t, "backup.token_gone", "root second holder")
		_, err := w.request(w.holder, token)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
	})
}

func TestAllowNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.external(w.holder)
		w.external(w.second)
		token := w.token(w.holder)
		w.token(w.second)
		_, err := w.AllowNow(t.Context(), w.root, "holder", false)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.AllowNow(t.Context(), operator, "", false)
		wantKind(t, err, fault.KindInvalid)
		_, err = w.AllowNow(t.Context(), operator, "root", false)
		wantKind(t, err, fault.KindNotFound)
		before, err := w.TokenState(t.Context(), w.holder)
		must(t, err)
		out, err := w.AllowNow(t.Context(), operator, " Holder", false)
		must(t, err)
		after, err := w.TokenState(t.Context(), w.holder)
		must(t, err)
		if len(out) != 1 || after.Phase != backup.Active || after.WaivedBy != operator.Name ||
			!after.CreatedAt.Equal(before.CreatedAt) || after.Wait != before.Wait || w.phase(w.second) != backup.PendingNotice {
			t.Errorf("%+v then %+v", before, after)
		}
		w.mail.wantTo(t, "backup.token_waived", "root second holder")
		_, err = w.request(w.holder, token)
		must(t, err)
		out, err = w.AllowNow(t.Context(), operator, "", true)
		must(t, err)
		if len(out) != 1 || out[0].Login != "second" || w.audited("backup_token.allow_now") != 2 {
			t.Errorf("all: %+v", out)
		}
	})
}

func TestRowsChangedInTheDatabaseOpenNothing(t *testing.T) {
	changes := map[string]string{
		"wait shortened":  `UPDATE backup_tokens SET activates_at = 1`,
		"no wait":         `UPDATE backup_tokens SET wait_seconds = 0, activates_at = created_at`,
		"waived":          `UPDATE backup_tokens SET waived_by = 'operator: me', waived_at = 1`,
		"other mail":      `UPDATE backup_tokens SET notice_mail_ids = '[99]'`,
		"created earlier": `UPDATE backup_tokens SET created_at = created_at - 1`,
		"foreign owner":   `UPDATE backup_tokens SET user_id = (SELECT id FROM users WHERE login = 'holder')`,
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.external(w.root)
				token, a := w.token(w.root), w.root
				w.exec(change)
				if name == "foreign owner" {
					a = w.holder
				}
				if w.phase(a) != backup.Damaged {
					t.Error("the page does not show it")
				}
				w.mail.take("backup.token_gone")
				_, err := w.request(a, token)
				wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
				if w.audited("backup_token.tampered") != 1 || w.number(`SELECT COUNT(*) FROM backup_tokens`) != 0 {
					t.Error("not revoked and audited")
				}
				if mails := w.mail.take("backup.token_gone"); len(mails) < 2 || !strings.Contains(strings.Join(mails[0].Lines, " "), "outside Holdfast") {
					t.Errorf("mails %+v", mails)
				}
			})
		})
	}
}

func TestPlantedTokensAreFoundByOtherDoorsToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.external(w.root)
		w.external(w.second)
		w.token(w.root)
		n := w.mail.take(backup.NoticePurpose)[1].id
		w.exec(`UPDATE backup_tokens SET wait_seconds = 1`)
		w.accept(n)
		if w.phase(w.root) != backup.NoToken {
			t.Error("an accepted notice starts a changed token")
		}
		w.token(w.second)
		w.exec(`UPDATE backup_tokens SET wait_seconds = 1`)
		out, err := w.AllowNow(t.Context(), operator, "", true)
		if err != nil || len(out) != 0 || w.audited("backup_token.tampered") != 2 {
			t.Errorf("allow-now waives a changed token: %v %v", out, err)
		}
	})
}

func TestWrongTokensLockAndInTheEndRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := w.token(w.holder)
		wrong := secret.NewToken(secret.BackupPrefix)
		for range 5 {
			_, err := w.request(w.holder, wrong)
			wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		}
		_, err := w.request(w.holder, good)
		wantCode(t, err, fault.KindTooMany, backup.CodeLocked)
		if after := fault.Of(err).RetryAfter.Round(time.Minute); after != 15*time.Minute {
			t.Errorf("locked for %v", after)
		}
		elsewhere := w.holder
		elsewhere.IP = "203.0.113.5"
		_, err = w.request(elsewhere, wrong)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		w.clock.Advance(15 * time.Minute)
		_, err = w.request(w.holder, wrong)
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		_, err = w.request(w.holder, wrong)
		wantCode(t, err, fault.KindTooMany, backup.CodeLocked)
		if after := fault.Of(err).RetryAfter.Round(time.Minute); after != 30*time.Minute {
			t.Errorf("the second lock is %v", after)
		}
		w.mail.take("backup.token_gone")
		for n := 7; n < 20; n++ {
			w.clock.Advance(25 * time.Hour)
			_, err = w.request(w.holder, wrong)
			wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		}
		w.mail.wantTo(t, "backup.token_gone", "root second holder")
		if w.phase(w.holder) != backup.NoToken || w.audited("backup_token.revoke") != 1 || w.audited("backup_token.wrong") != 20 {
			t.Errorf("after 20: %s, %d revoked, %d counted", w.phase(w.holder), w.audited("backup_token.revoke"), w.audited("backup_token.wrong"))
		}
		must(t, errors.Join(w.deps.Accounts.ConfirmPassword(t.Context(), w.holder, password)))
	})
}
