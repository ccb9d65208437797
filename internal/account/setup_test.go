package account_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/fault"
)

var first = account.SetupInput{Login: "root", Firstname: "Rita", Lastname: "Root", Mail: "rita@example.org", Password: goodPassword}

func (w *world) setupToken() string {
	w.t.Helper()
	link, err := w.SetupLink(w.t.Context(), "http://plan.test/")
	must(w.t, err)
	if !strings.HasPrefix(link, "http://plan.test/setup?token=") {
		w.t.Fatalf("link %s", link)
	}
	return token(w.t, link)
}

func TestTheSetupLinkMakesTheFirstAdministratorOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		need, err := w.NeedsSetup(t.Context())
		must(t, err)
		if !need {
			t.Fatal("an empty instance needs no setup")
		}
		old := w.setupToken()
		tok := w.setupToken()
		wantCode(t, w.CheckSetup(t.Context(), old), account.CodeLink) // replaced
		must(t, w.CheckSetup(t.Context(), tok))
		weak := first
		weak.Password, weak.Mail = "rita", ""
		_, err = w.CompleteSetup(t.Context(), tok, weak, home)
		wantFields(t, err, "email blank", "password too_short", "password too_personal")
		in, err := w.CompleteSetup(t.Context(), tok, first, home)
		must(t, err)
		a, err := w.Authenticate(t.Context(), in.Token, home.IP)
		must(t, err)
		if !a.Admin || a.Login != "root" {
			t.Errorf("signed in as %+v", a)
		}
		_, err = w.CompleteSetup(t.Context(), tok, first, home)
		wantCode(t, err, account.CodeLink)
		_, err = w.SetupLink(t.Context(), "http://plan.test")
		wantKind(t, err, fault.KindConflict)
		if fault.HintOf(err) == "" {
			t.Error("no hint for the operator")
		}
		if w.audited("setup.link", audit.OK) != 2 || w.audited("setup.complete", audit.OK) != 1 {
			t.Error("setup is not audited")
		}
	})
}

func TestASetupLinkEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tok := w.setupToken()
		w.clock.Advance(24 * time.Hour)
		_, err := w.CompleteSetup(t.Context(), tok, first, home)
		wantCode(t, err, account.CodeLink)
		tok = w.setupToken()
		w.admin("other") // the operator was faster
		_, err = w.CompleteSetup(t.Context(), tok, first, home)
		wantKind(t, err, fault.KindConflict)
		for _, bad := range []string{"", "x", strings.Repeat("0", 64)} {
			wantCode(t, w.CheckSetup(t.Context(), bad), account.CodeLink)
		}
	})
}

func TestOfManyCompletionsOneSucceeds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tok := w.setupToken()
		const n = 6
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				in := first
				in.Login = "root" + string(rune('a'+i))
				in.Mail = in.Login + "@example.org"
				_, errs[i] = w.CompleteSetup(t.Context(), tok, in, home)
			})
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if fault.KindOf(err) == fault.KindInternal {
				t.Errorf("a loser got %v", err)
			}
		}
		if admins := w.number(`SELECT COUNT(*) FROM users WHERE admin`); done != 1 || admins != 1 {
			t.Errorf("%d completions succeeded, %d administrators", done, admins)
		}
	})
}
