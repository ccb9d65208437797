package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

func TestEveryFieldOfANewUserIsChecked(t *testing.T) {
	good := account.CreateInput{Login: "new", Firstname: "New", Lastname: "Person", Mail: "new@example.org", Password: goodPassword}
	long := strings.Repeat("x", 256)
	cases := []struct {
		name   string
		change func(*account.CreateInput)
		want   []string
	}{
		{
			"nothing given", func(in *account.CreateInput) { *in = account.CreateInput{Status: account.Active} },
			[]string{"login blank", "firstName blank", "lastName blank", "email blank", "password blank"},
		},
		{
			"too long", func(in *account.CreateInput) { in.Login, in.Firstname, in.Lastname = long, long, long },
			[]string{"login too_long", "firstName too_long", "lastName too_long"},
		},
		{"login with markup", func(in *account.CreateInput) { in.Login = "<b>" }, []string{"login invalid"}},
		{"login taken, ignoring case", func(in *account.CreateInput) { in.Login = "ANN" }, []string{"login taken"}},
		{"login is someone's address", func(in *account.CreateInput) { in.Login = "Ann@Example.org" }, []string{"login taken"}},
		{"mail taken, ignoring case", func(in *account.CreateInput) { in.Mail = "Ann@Example.org" }, []string{"email taken"}},
		{"no address", func(in *account.CreateInput) { in.Mail = "New <new@example.org>" }, []string{"email invalid"}},
		{"control character in a name", func(in *account.CreateInput) { in.Lastname = "a\nb" }, []string{"lastName invalid"}},
		{
			"unknown language and zone", func(in *account.CreateInput) { in.Language, in.TimeZone = "12", "Mars/Base" },
			[]string{"language inclusion", "timeZone inclusion"},
		},
		{"weak password", func(in *account.CreateInput) { in.Password = "q9" }, []string{"password too_short", "password too_uniform"}},
		{"locked from the start", func(in *account.CreateInput) { in.Status = account.Locked }, []string{"status inclusion"}},
	}
	each(t, func(t *testing.T, w *world) {
		w.user("ann")
		for _, tc := range cases {
			in := good
			tc.change(&in)
			_, err := w.Create(t.Context(), operator, in)
			t.Log(tc.name)
			wantFields(t, err, tc.want...)
		}
		_, err := w.Create(t.Context(), operator, good)
		must(t, err)
	})
}

func TestWhoMayCreateUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root, plain, maker := w.admin("root"), w.user("plain"), w.user("maker")
		w.grant(maker, access.CreateUser, access.ViewAllPrincipals)
		in := func(login string) account.CreateInput {
			return account.CreateInput{Login: login, Firstname: "A", Lastname: "B", Mail: login + "@example.org", Password: goodPassword}
		}
		_, err := w.Create(t.Context(), actor(root), in("one"))
		must(t, err)
		_, err = w.Create(t.Context(), actor(maker), in("two"))
		must(t, err)
		_, err = w.Create(t.Context(), actor(plain), in("three"))
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Create(t.Context(), access.Anonymous(""), in("three"))
		wantKind(t, err, fault.KindUnauthenticated)
		over := in("four")
		over.Admin = true
		_, err = w.Create(t.Context(), actor(maker), over)
		wantKind(t, err, fault.KindForbidden)
	})
}

func TestPeopleChangeThemselves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := actor(u)
		got, err := w.Update(t.Context(), a, u.ID, account.Patch{Firstname: opt.Of("Anna"), Language: opt.Of("de"), TimeZone: opt.Of("Europe/Berlin")})
		must(t, err)
		if got.Name() != "Anna Tester" || got.Language != "de" || got.TimeZone != "Europe/Berlin" || got.MailChangedAt != nil {
			t.Errorf("got %+v", got)
		}
		_, err = w.Update(t.Context(), a, u.ID, account.Patch{Mail: opt.Of("anna@example.org")})
		wantFields(t, err, "current_password blank")
		_, err = w.Update(t.Context(), a, u.ID, account.Patch{Mail: opt.Of("anna@example.org"), CurrentPassword: otherPassword})
		wantFields(t, err, "current_password wrong")
		got, err = w.Update(t.Context(), a, u.ID, account.Patch{Mail: opt.Of("anna@example.org"), CurrentPassword: goodPassword})
		must(t, err)
		if got.Mail != "anna@example.org" || got.MailChangedAt == nil {
			t.Errorf("got %+v", got)
		}
		if n := w.mail.last(t, "account.mail_changed"); n.Address != "ann@example.org" {
			t.Errorf("the notice went to %s, not to the old address", n.Address)
		}
		for _, p := range []account.Patch{{Admin: opt.Of(true)}, {Login: opt.Of("root")}} {
			_, err = w.Update(t.Context(), a, u.ID, p)
			wantKind(t, err, fault.KindForbidden)
		}
		_, err = w.Update(t.Context(), a, u.ID, account.Patch{Lastname: opt.Of("  ")})
		wantFields(t, err, "lastName blank")
	})
}

func TestPreviewsExplainAndSaveNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, root := w.user("ann"), w.admin("root")
		p, err := w.PreviewUpdate(t.Context(), actor(u), u.ID, account.Patch{Firstname: opt.Of(""), Language: opt.Of("de")})
		must(t, err)
		wantFields(t, fault.Invalid(p.Fields...), "firstName blank")
		if p.User.Language != "de" || !p.Standing.Self || p.Standing.Admin {
			t.Errorf("got %+v", p)
		}
		if again, err := w.Find(t.Context(), actor(u), u.ID); err != nil || again.Language != "en" {
			t.Errorf("saved: %+v (%v)", again, err)
		}
		_, err = w.PreviewUpdate(t.Context(), actor(u), u.ID, account.Patch{Admin: opt.Of(true)})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.PreviewUpdate(t.Context(), actor(u), root.ID, account.Patch{})
		wantKind(t, err, fault.KindNotFound)
		p, err = w.PreviewCreate(t.Context(), actor(root), account.CreateInput{Login: "ANN", Firstname: "A", Lastname: "B", Mail: "x@example.org", Password: "short"})
		must(t, err)
		wantFields(t, fault.Invalid(p.Fields...), "login taken", "password too_short")
		_, err = w.PreviewCreate(t.Context(), actor(u), account.CreateInput{})
		wantKind(t, err, fault.KindForbidden)
	})
}

func TestManagersDoNotReachAdministrators(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root, manager, plain := w.admin("root"), w.user("manager"), w.user("plain")
		w.grant(manager, access.ManageUser, access.ViewAllPrincipals)
		m := actor(manager)
		got, err := w.Update(t.Context(), m, plain.ID, account.Patch{Login: opt.Of("renamed")})
		must(t, err)
		if got.Login != "renamed" {
			t.Errorf("login %s", got.Login)
		}
		_, err = w.Update(t.Context(), m, plain.ID, account.Patch{Admin: opt.Of(true)})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Update(t.Context(), m, root.ID, account.Patch{Mail: opt.Of("evil@example.org")})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Lock(t.Context(), m, root.ID)
		wantKind(t, err, fault.KindForbidden)
		wantKind(t, w.SetPassword(t.Context(), m, root.ID, otherPassword, true), fault.KindForbidden)
		wantKind(t, w.SetPassword(t.Context(), m, manager.ID, otherPassword, true), fault.KindForbidden)
		wantKind(t, w.Delete(t.Context(), m, plain.ID), fault.KindForbidden)
		_, err = w.Lock(t.Context(), m, plain.ID)
		must(t, err)
	})
}

func TestStrangersAreInvisible(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, bob := w.user("ann"), w.user("bob")
		a := actor(ann)
		_, err := w.Find(t.Context(), a, bob.ID)
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Update(t.Context(), a, bob.ID, account.Patch{Firstname: opt.Of("X")})
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Lock(t.Context(), a, bob.ID)
		wantKind(t, err, fault.KindNotFound)
		wantKind(t, w.Delete(t.Context(), a, bob.ID), fault.KindNotFound)
		_, err = w.Find(t.Context(), access.Anonymous(""), bob.ID)
		wantKind(t, err, fault.KindNotFound)

		_, err = w.CreateGroup(t.Context(), operator, account.GroupInput{Name: "Crew", Members: []id.User{ann.ID, bob.ID}})
		must(t, err)
		got, err := w.Find(t.Context(), a, bob.ID)
		must(t, err)
		if got.Mail != "" || got.Login != "bob" {
			t.Errorf("a colleague sees %+v", got)
		}
		_, err = w.Update(t.Context(), a, bob.ID, account.Patch{})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Lock(t.Context(), a, bob.ID)
		wantKind(t, err, fault.KindForbidden)
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		root := w.admin("root")
		_, err := w.Lock(t.Context(), actor(root), root.ID)
		wantCode(t, err, account.CodeLastAdmin)
		_, err = w.Update(t.Context(), actor(root), root.ID, account.Patch{Admin: opt.Of(false)})
		wantCode(t, err, account.CodeLastAdmin)
		wantCode(t, w.Delete(t.Context(), actor(root), root.ID), account.CodeLastAdmin)

		second := w.admin("second")
		_, err = w.Lock(t.Context(), operator, second.ID)
		must(t, err)
		_, err = w.Lock(t.Context(), operator, root.ID) // the other one is locked, so it does not count
		wantCode(t, err, account.CodeLastAdmin)
		_, err = w.Unlock(t.Context(), operator, second.ID)
		must(t, err)
		must(t, w.Delete(t.Context(), operator, root.ID))
	})
}

func TestStatusesMoveOnlyAlongTheirWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		_, err := w.Unlock(t.Context(), operator, u.ID)
		wantCode(t, err, account.CodeStatusTransition)
		got, err := w.Lock(t.Context(), operator, u.ID)
		must(t, err)
		if got.Status != account.Locked {
			t.Errorf("status %s", got.Status)
		}
		_, err = w.Lock(t.Context(), operator, u.ID)
		wantCode(t, err, account.CodeStatusTransition)
		got, err = w.Unlock(t.Context(), operator, u.ID)
		must(t, err)
		if got.Status != account.Active {
			t.Errorf("status %s", got.Status)
		}
		wantCode(t, w.Invite(t.Context(), operator, u.ID), account.CodeStatusTransition)
	})
}

func TestADeletedUserLeavesOnlyARow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := w.in("ann").Actor
		_, key, err := w.CreateKey(t.Context(), a, "ci")
		must(t, err)
		g, err := w.CreateGroup(t.Context(), operator, account.GroupInput{Name: "Crew", Members: []id.User{u.ID}})
		must(t, err)
		must(t, w.Delete(t.Context(), operator, u.ID))
		_, err = w.AuthenticateKey(t.Context(), key, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.Find(t.Context(), operator, u.ID)
		wantKind(t, err, fault.KindNotFound)
		row := read(w, func(tx *db.Tx) (account.User, error) {
			return db.Find[account.User](t.Context(), tx, "user", db.SQL(`SELECT id, kind, COALESCE(login, '') AS login, firstname, lastname,
				COALESCE(mail, '') AS mail, admin, status, language, time_zone, force_password_change, last_login_at, rights_changed_at,
				mail_changed_at, created_at, updated_at, deleted_at FROM users WHERE id = ?`, u.ID))
		})
		if row.Login+row.Mail+row.Firstname != "" || row.Kind != account.KindDeleted || row.DeletedAt == nil {
			t.Errorf("left: %+v", row)
		}
		for _, table := range []string{"sessions", "tokens", "user_passwords", "group_users"} {
			if n := w.number(`SELECT COUNT(*) FROM `+table+` WHERE user_id = ?`, u.ID); n != 0 {
				t.Errorf("%d rows left in %s", n, table)
			}
		}
		if len(w.sync.gone) != 1 || w.sync.gone[0] != u.ID {
			t.Errorf("memberships were told %v", w.sync.gone)
		}
		if got, err := w.FindGroup(t.Context(), operator, g.ID); err != nil || len(got.Members) != 0 {
			t.Errorf("the group has %v (%v)", got.Members, err)
		}
		w.user("ann") // login and address are free again
	})
}

func TestHistoryAndAuditKeepNoSecrets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := w.in("ann").Actor
		_, key, err := w.CreateKey(t.Context(), a, "ci")
		must(t, err)
		must(t, w.ChangePassword(t.Context(), a, goodPassword, otherPassword))
		_, err = w.Update(t.Context(), operator, u.ID, account.Patch{Admin: opt.Of(true)})
		must(t, err)
		history := read(w, func(tx *db.Tx) ([]journal.Entry, error) {
			return journal.List(t.Context(), tx, journal.User, int64(u.ID))
		})
		if len(history) == 0 || !strings.Contains(history[len(history)-1].Data, `"admin":true`) {
			t.Errorf("history: %+v", history)
		}
		all := read(w, func(tx *db.Tx) ([]string, error) {
			return db.All[string](t.Context(), tx, db.SQL(`SELECT data FROM journals UNION ALL SELECT detail FROM audit_entries`))
		})
		for _, text := range all {
			for _, secret := range []string{goodPassword, otherPassword, key, "$argon2"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q holds a secret", text)
				}
			}
		}
		n := read(w, func(tx *db.Tx) (int, error) {
			n, broken, err := w.log.Verify(t.Context(), tx)
			if broken != nil {
				t.Errorf("audit chain: %+v", broken)
			}
			return n, err
		})
		if n < 4 {
			t.Errorf("%d audit entries", n)
		}
	})
}

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, err := w.Create(t.Context(), operator, account.CreateInput{Mail: "ivy@example.org"})
		must(t, err)
		if u.Status != account.Invited || u.Login != "ivy@example.org" {
			t.Errorf("got %+v", u)
		}
		first := token(t, w.mail.last(t, "account.invitation").Link)
		must(t, w.Invite(t.Context(), operator, u.ID))
		tok := token(t, w.mail.last(t, "account.invitation").Link)
		_, err = w.Invitation(t.Context(), first)
		wantCode(t, err, account.CodeLink)
		who, err := w.Invitation(t.Context(), tok)
		must(t, err)
		if who.ID != u.ID {
			t.Errorf("the link belongs to %d", who.ID)
		}
		wantCode(t, w.SetPassword(t.Context(), operator, u.ID, goodPassword, true), account.CodeStatusTransition)
		_, err = w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Login: "ivy", Firstname: "Ivy", Lastname: "Vine", Password: "short"}, home)
		wantFields(t, err, "password too_short")
		in, err := w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Login: "ivy", Firstname: "Ivy", Lastname: "Vine", Password: goodPassword}, home)
		must(t, err)
		if in.Actor.Name != "Ivy Vine" {
			t.Errorf("signed in as %s", in.Actor.Name)
		}
		_, err = w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Password: goodPassword}, home)
		wantCode(t, err, account.CodeLink)
		w.in("ivy")

		late, err := w.Create(t.Context(), operator, account.CreateInput{Mail: "late@example.org"})
		must(t, err)
		tok = token(t, w.mail.last(t, "account.invitation").Link)
		w.clock.Advance(7 * 24 * time.Hour)
		_, err = w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Password: goodPassword}, home)
		wantCode(t, err, account.CodeLink)
		must(t, w.Invite(t.Context(), operator, late.ID))
		_, err = w.Lock(t.Context(), operator, late.ID)
		must(t, err)
		_, err = w.AcceptInvitation(t.Context(), token(t, w.mail.last(t, "account.invitation").Link), account.AcceptInput{Password: goodPassword}, home)
		wantCode(t, err, account.CodeLink)
	})
}

func TestRegistration(t *testing.T) {
	in := account.RegisterInput{Login: "vic", Firstname: "Vic", Lastname: "Walker", Mail: "vic@example.org", Password: goodPassword}
	each(t, func(t *testing.T, w *world) {
		wantKind(t, w.Register(t.Context(), in, home), fault.KindNotFound)
		*w.open = true
		wantFields(t, w.Register(t.Context(), account.RegisterInput{Login: "vic", Firstname: "V", Lastname: "W", Mail: "v"}, home), "email invalid", "password blank")
		must(t, w.Register(t.Context(), in, home))
		_, err := w.SignIn(t.Context(), "vic", goodPassword, home)
		wantKind(t, err, fault.KindUnauthenticated)
		tok := token(t, w.mail.last(t, "account.activation").Link)
		_, err = w.AcceptInvitation(t.Context(), tok, account.AcceptInput{Login: "root"}, home)
		must(t, err)
		w.in("vic")
	})
}

func TestWithoutMailThereAreNoInvitations(t *testing.T) {
	eachWith(t, options{noMail: true}, func(t *testing.T, w *world) {
		_, err := w.Create(t.Context(), operator, account.CreateInput{Mail: "ivy@example.org"})
		wantFields(t, err, "status mail_not_configured")
		w.user("ann")
		wantKind(t, w.RequestRecovery(t.Context(), "ann@example.org", home), fault.KindNotFound)
		if w.CanMail() {
			t.Error("mail can be sent")
		}
		wantKind(t, w.Register(t.Context(), account.RegisterInput{}, home), fault.KindNotFound)
	})
}
