package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/opt"
)

func TestANewPasswordEndsAllOtherSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		mine, other := w.in("ann"), w.in("ann")
		must(t, w.ChangePassword(t.Context(), mine.Actor, goodPassword, otherPassword))
		_, err := w.Authenticate(t.Context(), mine.Token, home.IP)
		must(t, err)
		_, err = w.Authenticate(t.Context(), other.Token, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.SignIn(t.Context(), "ann", goodPassword, home)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.SignIn(t.Context(), "ann", otherPassword, home)
		must(t, err)
		if w.mail.last(t, "account.password_changed").Address != "ann@example.org" {
			t.Error("the owner was not told")
		}
	})
}

func TestNewPasswordsAreRefused(t *testing.T) {
	cases := []struct{ name, password, want string }{
		{"when short", "x7!kq", "password too_short"},
		{"when known from leaks", "password123", "password too_common"},
		{"when made of the login", "annabella1", "password too_personal"},
		{"when made of the address", "annabella@example.org", "password too_personal"},
		{"when repeated", "abcabcabcabcabc", "password too_uniform"},
		{"when it is the one in force", goodPassword, "password reused"},
		{"when longer than anyone types", strings.Repeat("violet harbour ", 100), "password too_long"},
	}
	each(t, func(t *testing.T, w *world) {
		w.user("annabella")
		a := w.in("annabella").Actor
		for _, tc := range cases {
			err := w.ChangePassword(t.Context(), a, goodPassword, tc.password)
			found := false
			for _, f := range fault.Fields(err) {
				found = found || f.Name+" "+f.Code == tc.want
			}
			if !found {
				t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
			}
		}
	})
}

func TestConfirmationsAreCheckedEveryTimeAndLimited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := w.in("ann").Actor
		must(t, w.ConfirmPassword(t.Context(), a, goodPassword))
		wantFields(t, w.ConfirmPassword(t.Context(), a, ""), "password_confirmation wrong")
		for range 9 {
			wantFields(t, w.ConfirmPassword(t.Context(), a, otherPassword), "password_confirmation wrong")
		}
		wantKind(t, w.ConfirmPassword(t.Context(), a, goodPassword), fault.KindTooMany)
		w.in("ann") // the limit of confirmations does not touch signing in
		if got := w.audited("password.confirm", audit.Refused); got != 10 {
			t.Errorf("%d refusals audited", got)
		}
		w.clock.Advance(15 * time.Minute)
		must(t, w.ConfirmPassword(t.Context(), a, goodPassword))

		w.exec(`DELETE FROM user_passwords WHERE user_id = ?`, u.ID)
		wantCode(t, w.ConfirmPassword(t.Context(), a, goodPassword), account.CodeNoPassword)
		wantKind(t, w.ConfirmPassword(t.Context(), access.Anonymous(""), goodPassword), fault.KindUnauthenticated)
	})
}

func TestAnAPIKeyChangesNoPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := actor(w.user("ann"))
		a.Token = 7
		wantKind(t, w.ChangePassword(t.Context(), a, goodPassword, otherPassword), fault.KindForbidden)
	})
}

func TestCredentialsChangeWithEveryWayToTakeAnAccountOver(t *testing.T) {
	cases := []struct {
		name   string
		change func(w *world, u account.User)
	}{
		{"password", func(w *world, u account.User) {
			must(w.t, w.SetPassword(w.t.Context(), operator, u.ID, otherPassword, true))
		}},
		{"mail", func(w *world, u account.User) {
			_, err := w.Update(w.t.Context(), operator, u.ID, account.Patch{Mail: opt.Of("new@example.org")})
			must(w.t, err)
		}},
		{"rights", func(w *world, u account.User) {
			_, err := w.Update(w.t.Context(), operator, u.ID, account.Patch{Admin: opt.Of(true)})
			must(w.t, err)
		}},
		{"rights through a role", func(w *world, u account.User) {
			must(w.t, db.Do(w.t.Context(), w.db, func(tx *db.Tx) error { return w.RightsChanged(w.t.Context(), tx, u.ID) }))
		}},
		{"identity", func(w *world, u account.User) {
			w.exec(`INSERT INTO identities (user_id, provider, subject, created_at) VALUES (?, 'p', 's', ?)`, u.ID, db.At(w.db.Now()))
		}},
	}
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		at := func() time.Time {
			return read(w, func(tx *db.Tx) (time.Time, error) { return w.CredentialsChangedAt(t.Context(), tx, u.ID) })
		}
		last := at()
		for _, tc := range cases {
			w.clock.Advance(time.Hour)
			_, err := w.Update(t.Context(), operator, u.ID, account.Patch{Language: opt.Of("de"), Firstname: opt.Of(tc.name)})
			must(t, err)
			if got := at(); !got.Equal(last) {
				t.Errorf("a harmless change before %s moved it to %v", tc.name, got)
			}
			tc.change(w, u)
			if got := at(); !got.After(last.Add(59 * time.Minute)) {
				t.Errorf("%s: %v, was %v before", tc.name, got, last)
			}
			last = at()
		}
		has := read(w, func(tx *db.Tx) (bool, error) { return w.HasPassword(t.Context(), tx, u.ID) })
		if !has {
			t.Error("HasPassword is false")
		}
	})
}

func TestRecoveryByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		s := w.in("ann")
		must(t, w.RequestRecovery(t.Context(), " ANN@example.org ", home))
		first := token(t, w.mail.last(t, "account.recovery").Link)
		must(t, w.RequestRecovery(t.Context(), "ann@example.org", home))
		tok := token(t, w.mail.last(t, "account.recovery").Link)
		wantCode(t, w.Recover(t.Context(), first, otherPassword, home), account.CodeLink) // replaced
		wantFields(t, w.Recover(t.Context(), tok, "short", home), "password too_short")
		must(t, w.Recover(t.Context(), tok, otherPassword, home))
		wantCode(t, w.Recover(t.Context(), tok, thirdPassword, home), account.CodeLink) // spent
		_, err := w.Authenticate(t.Context(), s.Token, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.SignIn(t.Context(), "ann", otherPassword, home)
		must(t, err)
	})
}

func TestRecoveryTellsNothingAndGivesNothingToTheWrongOnes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.admin("root")
		u, lou, sso := w.user("ann"), w.user("lou"), w.user("sso")
		_, err := w.Lock(t.Context(), operator, lou.ID)
		must(t, err)
		w.exec(`DELETE FROM user_passwords WHERE user_id = ?`, sso.ID)
		for _, address := range []string{"nobody@example.org", "lou@example.org", "sso@example.org", "", "ann"} {
			must(t, w.RequestRecovery(t.Context(), address, home))
		}
		if n := w.mail.count("account.recovery"); n != 0 {
			t.Fatalf("%d mails to people who must not get one", n)
		}
		for range 8 {
			must(t, w.RequestRecovery(t.Context(), "ann@example.org", home))
		}
		if n := w.mail.count("account.recovery"); n != 5 {
			t.Errorf("%d mails in an hour, want 5", n)
		}
		tok := token(t, w.mail.last(t, "account.recovery").Link)
		_, err = w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Password: otherPassword}, home)
		wantCode(t, err, account.CodeLink) // another kind of link
		_, err = w.Lock(t.Context(), operator, u.ID)
		must(t, err)
		wantCode(t, w.Recover(t.Context(), tok, otherPassword, home), account.CodeLink)
		_, err = w.Unlock(t.Context(), operator, u.ID)
		must(t, err)
		w.clock.Advance(24 * time.Hour)
		wantCode(t, w.Recover(t.Context(), tok, otherPassword, home), account.CodeLink)
		for i := 0; ; i++ {
			if err := w.RequestRecovery(t.Context(), "x@example.org", stranger); err != nil {
				wantKind(t, err, fault.KindTooMany)
				break
			}
			if i > 50 {
				t.Fatal("one address may ask for ever")
			}
		}
	})
}
