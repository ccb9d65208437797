package account_test

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

func TestAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := w.in("ann").Actor
		k, plain, err := w.CreateKey(t.Context(), a, "  build server ")
		must(t, err)
		if !regexp.MustCompile(`^opapi-[0-9a-f]{64}$`).MatchString(plain) || k.Name != "build server" {
			t.Errorf("got %q named %q", plain, k.Name)
		}
		var n atomic.Int64
		got, err := w.AuthenticateKey(db.CountStatements(t.Context(), &n), plain, "192.0.2.5")
		must(t, err)
		if got.ID != u.ID || got.Token != k.ID || got.Session != 0 || got.IP != "192.0.2.5" || n.Load() != 1 {
			t.Errorf("got %+v after %d statements", got, n.Load())
		}
		_, _, err = w.CreateKey(t.Context(), got, "second")
		wantKind(t, err, fault.KindForbidden) // a key does not make keys
		_, _, err = w.CreateKey(t.Context(), a, strings.Repeat("x", 256))
		wantFields(t, err, "name too_long")
		_, _, err = w.CreateKey(t.Context(), a, "a\x00b")
		wantFields(t, err, "name invalid")
		for _, bad := range []string{"", "opapi-", plain + "0", "opapi-" + strings.Repeat("0", 64), plain[6:]} {
			_, err := w.AuthenticateKey(t.Context(), bad, home.IP)
			wantKind(t, err, fault.KindUnauthenticated)
		}
		bob := actor(w.user("bob"))
		wantKind(t, w.RevokeKey(t.Context(), bob, k.ID), fault.KindNotFound)
		must(t, w.RevokeKey(t.Context(), a, k.ID))
		_, err = w.AuthenticateKey(t.Context(), plain, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
		_, _, err = w.CreateKey(t.Context(), access.Anonymous(""), "x")
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.Keys(t.Context(), access.Anonymous(""))
		wantKind(t, err, fault.KindUnauthenticated)
		wantKind(t, w.RevokeKey(t.Context(), access.Anonymous(""), k.ID), fault.KindUnauthenticated)
	})
}

func TestAKeyRestsWhileItsOwnerIsLocked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		_, plain, err := w.CreateKeyFor(t.Context(), operator, "ANN", "")
		must(t, err)
		_, err = w.Lock(t.Context(), operator, u.ID)
		must(t, err)
		_, err = w.AuthenticateKey(t.Context(), plain, home.IP)
		wantKind(t, err, fault.KindUnauthenticated)
		_, _, err = w.CreateKeyFor(t.Context(), operator, "ann", "")
		wantCode(t, err, account.CodeStatusTransition)
		_, err = w.Unlock(t.Context(), operator, u.ID)
		must(t, err)
		_, err = w.AuthenticateKey(t.Context(), plain, home.IP)
		must(t, err)
		_, _, err = w.CreateKeyFor(t.Context(), operator, "nobody", "")
		wantKind(t, err, fault.KindNotFound)
		_, _, err = w.CreateKeyFor(t.Context(), actor(u), "ann", "")
		wantKind(t, err, fault.KindForbidden)
		_, err = w.FindByLogin(t.Context(), actor(u), "ann")
		wantKind(t, err, fault.KindForbidden)
		found, err := w.FindByLogin(t.Context(), operator, "Ann")
		must(t, err)
		if found.ID != u.ID {
			t.Errorf("found %d", found.ID)
		}
	})
}

func TestUseOfAKeyIsWrittenLaterAndAtMostOnceAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user("ann")
		a := actor(u)
		_, plain, err := w.CreateKey(t.Context(), a, "ci")
		must(t, err)
		used := func() *db.Time {
			keys, err := w.Keys(t.Context(), a)
			must(t, err)
			return keys[0].LastUsedAt
		}
		use := func(flush bool) {
			_, err := w.AuthenticateKey(t.Context(), plain, home.IP)
			must(t, err)
			if flush {
				must(t, w.Flush(t.Context()))
			}
		}
		use(false)
		if used() != nil {
			t.Fatal("written while authenticating")
		}
		use(true)
		first := used()
		if first == nil {
			t.Fatal("not written")
		}
		w.clock.Advance(59 * time.Minute)
		use(true)
		if !used().Equal(first.Time) {
			t.Error("written within the hour")
		}
		w.clock.Advance(2 * time.Minute)
		use(true)
		if !used().After(first.Time) {
			t.Error("not written after an hour")
		}
		must(t, w.Sweep(t.Context()))
		use(true) // keys do not expire
	})
}

func TestAScriptCannotFillTheTableWithKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := actor(w.user("ann"))
		for range 50 {
			_, _, err := w.CreateKey(t.Context(), a, "k")
			must(t, err)
		}
		_, _, err := w.CreateKey(t.Context(), a, "k")
		wantFields(t, err, "base too_many_keys")
	})
}
