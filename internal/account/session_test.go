package account_test

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

func TestSignInOpensASessionThatAuthenticates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		for _, login := range []string{"ann", "ANN", "Ann@example.org"} {
			s, err := w.SignIn(t.Context(), login, goodPassword, home)
			must(t, err)
			var n atomic.Int64
			a, err := w.Authenticate(db.CountStatements(t.Context(), &n), s.Token, "192.0.2.9")
			must(t, err)
			want := access.Actor{Kind: access.Person, ID: u.ID, Login: "ann", Name: "Ann Tester", IP: "192.0.2.9", Session: s.Session, Language: "en"}
			if a != want {
				t.Errorf("got %+v, want %+v", a, want)
			}
			if n.Load() != 1 {
				t.Errorf("authenticating took %d statements", n.Load())
			}
		}
		if stored := w.number(`SELECT COUNT(*) FROM sessions WHERE token_hash LIKE 'hfs-%'`); stored != 0 {
			t.Error("a session token is kept in plain")
		}
		if got := w.audited("session.create", audit.OK); got != 3 {
			t.Errorf("%d sign-ins audited", got)
		}
	})
}

func TestWrongSignInsAllGetOneAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.admin("root")
		locked, _ := w.user("lou"), w.user("ann")
		_, err := w.Lock(t.Context(), operator, locked.ID)
		must(t, err)
		_, err = w.Create(t.Context(), operator, account.CreateInput{Mail: "ivy@example.org"})
		must(t, err)
		var texts []string
		var statements []int64
		for _, try := range [][2]string{{"ann", otherPassword}, {"nobody", goodPassword}, {"lou", goodPassword}, {"ivy@example.org", goodPassword}, {"", ""}, {"a\x00b\xff", "c\x00"}} {
			var n atomic.Int64
			_, err := w.SignIn(db.CountStatements(t.Context(), &n), try[0], try[1], home)
			wantKind(t, err, fault.KindUnauthenticated)
			texts = append(texts, err.Error())
			statements = append(statements, n.Load())
		}
		for i := range texts {
			if texts[i] != texts[0] || statements[i] != statements[0] {
				t.Errorf("answers differ: %q after %d statements, %q after %d", texts[i], statements[i], texts[0], statements[0])
			}
		}
		if got := w.audited("session.create", audit.Refused); got != 6 {
			t.Errorf("%d refusals audited, want 6", got)
		}
	})
}

func TestGuessingLocksTheGuesserAndNotTheOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		for range 3 {
			_, err := w.SignIn(t.Context(), "ann", otherPassword, stranger)
			wantKind(t, err, fault.KindUnauthenticated)
		}
		_, err := w.SignIn(t.Context(), "ann", goodPassword, stranger)
		wantKind(t, err, fault.KindTooMany)
		if wait := fault.Of(err).RetryAfter; wait <= 0 || wait > 15*time.Minute {
			t.Errorf("retry after %v", wait)
		}
		w.in("ann") // from home, at the same time

		w.clock.Advance(15 * time.Minute)
		_, err = w.SignIn(t.Context(), "ann", goodPassword, stranger)
		must(t, err)
	})
}

func TestOneAddressCannotTryManyAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		for i := range 30 { // ten times the failures of one account
			_, err := w.SignIn(t.Context(), "user"+string(rune('a'+i%20))+string(rune('a'+i/20)), "x", account.Client{IP: "2001:db8:1:2::" + string(rune('1'+i%9))})
			wantKind(t, err, fault.KindUnauthenticated)
		}
		_, err := w.SignIn(t.Context(), "ann", goodPassword, account.Client{IP: "2001:db8:1:2:ffff::1"})
		wantKind(t, err, fault.KindTooMany) // one IPv6 customer is one address
		w.in("ann")
	})
}

func TestManyAddressesOnlySlowTheOwnerDown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		for i := range 25 {
			_, err := w.SignIn(t.Context(), "ann", otherPassword, account.Client{IP: "203.0.113." + string(rune('0'+i/10)) + string(rune('0'+i%10))})
			wantKind(t, err, fault.KindUnauthenticated)
		}
		before := len(*w.pauses)
		w.in("ann")
		if len(*w.pauses) != before+1 {
			t.Fatal("the owner of an attacked account was not slowed down at all")
		}
		if p := (*w.pauses)[before]; p <= 0 || p > 2*time.Second {
			t.Errorf("the owner waited %v", p)
		}
	})
}

func TestSuccessForgetsFailures(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		for range 4 {
			for range 2 {
				_, err := w.SignIn(t.Context(), "ann", otherPassword, home)
				wantKind(t, err, fault.KindUnauthenticated)
			}
			w.in("ann")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	cases := []struct {
		name string
		end  func(w *world, u account.User, s account.SignedIn)
	}{
		{"after a day without a request", func(w *world, _ account.User, _ account.SignedIn) { w.clock.Advance(24 * time.Hour) }},
		{"at thirty days in any case", func(w *world, _ account.User, s account.SignedIn) {
			for range 60 {
				w.clock.Advance(12*time.Hour - time.Second)
				_, err := w.Authenticate(w.t.Context(), s.Token, home.IP)
				must(w.t, err)
			}
			w.clock.Advance(2 * time.Minute)
		}},
		{"by signing out", func(w *world, _ account.User, s account.SignedIn) { must(w.t, w.SignOut(w.t.Context(), s.Actor)) }},
		{"by locking", func(w *world, u account.User, _ account.SignedIn) {
			_, err := w.Lock(w.t.Context(), operator, u.ID)
			must(w.t, err)
		}},
		{"by deleting", func(w *world, u account.User, _ account.SignedIn) { must(w.t, w.Delete(w.t.Context(), operator, u.ID)) }},
		{"by a new password from an administrator", func(w *world, u account.User, _ account.SignedIn) {
			must(w.t, w.SetPassword(w.t.Context(), operator, u.ID, otherPassword, false))
		}},
		{"by revoking it", func(w *world, u account.User, s account.SignedIn) {
			must(w.t, w.EndSession(w.t.Context(), actor(u), s.Session))
		}},
		{"by revoking all others", func(w *world, u account.User, _ account.SignedIn) {
			n, err := w.EndOtherSessions(w.t.Context(), actor(u))
			must(w.t, err)
			if n != 1 {
				w.t.Errorf("ended %d", n)
			}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				u := w.user("ann")
				s := w.in("ann")
				_, err := w.Authenticate(t.Context(), s.Token, home.IP)
				must(t, err)
				tc.end(w, u, s)
				_, err = w.Authenticate(t.Context(), s.Token, home.IP)
				wantKind(t, err, fault.KindUnauthenticated)
			})
		})
	}
}

func TestForeignAndBrokenTokensAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		s := w.in("ann")
		for _, tok := range []string{"", "hfs-", s.Token + "0", s.Token[:len(s.Token)-1], "hfs-" + s.Token[5:] + "z", "opapi-" + s.Token[4:]} {
			_, err := w.Authenticate(t.Context(), tok, home.IP)
			wantKind(t, err, fault.KindUnauthenticated)
		}
		_, err := w.AuthenticateKey(t.Context(), s.Token, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
	})
}

func TestLastSeenIsWrittenLaterAndAtMostOnceAMinute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		s := w.in("ann")
		seen := func() int64 { return w.number(`SELECT last_seen_at FROM sessions WHERE id = ?`, s.Session) }
		use := func() {
			_, err := w.Authenticate(t.Context(), s.Token, home.IP)
			must(t, err)
		}
		first := seen()
		w.clock.Advance(30 * time.Second)
		use()
		must(t, w.Flush(t.Context()))
		if seen() != first {
			t.Error("written within the minute")
		}
		w.clock.Advance(31 * time.Second)
		use()
		if seen() != first {
			t.Error("written while authenticating")
		}
		must(t, w.Flush(t.Context()))
		if seen() <= first {
			t.Error("not written after a minute")
		}
		list, err := w.Sessions(t.Context(), actor(u))
		must(t, err)
		if len(list) != 1 || list[0].IP != home.IP || list[0].UserAgent != home.UserAgent {
			t.Errorf("sessions: %+v", list)
		}
		w.clock.Advance(24 * time.Hour)
		must(t, w.Sweep(t.Context()))
		if n := w.number(`SELECT COUNT(*) FROM sessions`); n != 0 {
			t.Errorf("%d sessions after the sweep", n)
		}
	})
}

func TestNobodyEndsAnotherPersonsSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		bob := w.user("bob")
		s := w.in("ann")
		wantKind(t, w.EndSession(t.Context(), actor(bob), s.Session), fault.KindNotFound)
		_, err := w.EndOtherSessions(t.Context(), access.Anonymous(""))
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.Sessions(t.Context(), access.Anonymous(""))
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.Authenticate(t.Context(), s.Token, home.IP)
		must(t, err)
	})
}

func TestImportedBcryptPasswordsWorkAndAreHashedAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		old, err := bcrypt.GenerateFromPassword([]byte(otherPassword), bcrypt.MinCost)
		must(t, err)
		w.exec(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, ?, 77)`, u.ID, string(old))
		for range 2 {
			_, err = w.SignIn(t.Context(), "ann", otherPassword, home)
			must(t, err)
		}
		n := w.number(`SELECT COUNT(*) FROM user_passwords WHERE user_id = ? AND hash LIKE '$argon2id$%' AND created_at = 77`, u.ID)
		if n != 1 {
			t.Error("the imported hash was not replaced in place")
		}
	})
}

func TestAPasswordHashOfUnknownFormIsJustWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := w.in("ann").Actor
		w.exec(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, '{SHA1}0123', 0)`, u.ID)
		_, err := w.SignIn(t.Context(), "ann", goodPassword, home)
		wantKind(t, err, fault.KindUnauthenticated)
		wantFields(t, w.ConfirmPassword(t.Context(), a, goodPassword), "password_confirmation wrong")
		must(t, w.SetPassword(t.Context(), operator, u.ID, otherPassword, true))
		_, err = w.SignIn(t.Context(), "ann", otherPassword, home)
		must(t, err)
	})
}

func TestAForcedPasswordChangeComesBeforeASession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		must(t, w.SetPassword(t.Context(), operator, u.ID, otherPassword, false))
		_, err := w.SignIn(t.Context(), "ann", otherPassword, home)
		wantCode(t, err, account.CodePasswordChange)
		_, err = w.ChangeForcedPassword(t.Context(), "ann", goodPassword, thirdPassword, home)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.ChangeForcedPassword(t.Context(), "ann", otherPassword, otherPassword, home)
		wantFields(t, err, "password reused")
		s, err := w.ChangeForcedPassword(t.Context(), "ann", otherPassword, thirdPassword, home)
		must(t, err)
		_, err = w.Authenticate(t.Context(), s.Token, home.IP)
		must(t, err)
		_, err = w.SignIn(t.Context(), "ann", thirdPassword, home)
		must(t, err)
	})
}
