package account_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/testpeer"
)

// sso is a world with a real provider, on the real clock, which a test can put forward.
type sso struct {
	*world
	peer    *testpeer.OIDCServer
	forward atomic.Int64
	down    atomic.Bool
}

var annThere = testpeer.OIDCUser{Subject: "s-ann", Email: "Ann@Example.org", EmailVerified: true, Name: "Ann Tester", Username: "ann"}

// RoundTrip makes the provider unreachable while down is set.
func (s *sso) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.down.Load() {
		return nil, errors.New("connection refused")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func eachSSO(t *testing.T, change func(p *config.Provider), fn func(t *testing.T, s *sso)) {
	t.Helper()
	run := func(t *testing.T, open func(testing.TB, func() time.Time) *db.DB) {
		t.Parallel()
		s := &sso{peer: testpeer.OIDC(t)}
		s.peer.AddClient(testpeer.OIDCClient{ID: "holdfast", Secret: "hush", RedirectURI: "http://plan.test/auth/corp/callback"})
		s.peer.SignIn(annThere)
		p := config.Provider{
			Slug: "corp", DisplayName: "Corp", Issuer: s.peer.Issuer, ClientID: "holdfast", ClientSecret: "hush",
			Scopes: []string{"openid", "profile", "email"},
		}
		if change != nil {
			change(&p)
		}
		d := open(t, func() time.Time { return time.Now().Add(time.Duration(s.forward.Load())) })
		s.world = newWorld(t, d, nil, options{providers: []config.Provider{p}, http: &http.Client{Transport: s}})
		fn(t, s)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, dbtest.OpenSQLite) })
	t.Run("postgres", func(t *testing.T) { run(t, dbtest.OpenPostgres) })
}

func linking(p *config.Provider) { p.AllowEmailLink = true }
func signup(p *config.Provider)  { p.AllowSignup = true }

func (s *sso) begin() (address, cookie string) {
	s.t.Helper()
	address, cookie, err := s.BeginOIDC(s.t.Context(), "corp", "/projects?page=2")
	must(s.t, err)
	return address, cookie
}

// through walks a whole sign-in.
func (s *sso) through() (account.SignedIn, error) {
	s.t.Helper()
	address, cookie := s.begin()
	return s.FinishOIDC(s.t.Context(), "corp", cookie, s.peer.Walk(address), home)
}

func TestAProviderSignsIn(t *testing.T) {
	eachSSO(t, linking, func(t *testing.T, s *sso) {
		u := s.user("ann")
		for range 2 { // linked by address, then known
			in, err := s.through()
			must(t, err)
			if in.Actor.ID != u.ID || in.ReturnTo != "/projects?page=2" {
				t.Errorf("got %+v", in)
			}
			a, err := s.Authenticate(t.Context(), in.Token, home.IP)
			must(t, err)
			ids, err := s.Identities(t.Context(), a)
			must(t, err)
			if len(ids) != 1 || ids[0].Provider != "corp" {
				t.Errorf("identities %+v", ids)
			}
		}
		if n := s.mail.count("account.identity_linked"); n != 1 {
			t.Errorf("%d notices of a new way to sign in", n)
		}
		moved := annThere // the subject counts from now on, not the address
		moved.Email, moved.EmailVerified = "elsewhere@example.org", false
		s.peer.SignIn(moved)
		in, err := s.through()
		must(t, err)
		if in.Actor.ID != u.ID {
			t.Errorf("signed in as %d", in.Actor.ID)
		}
		if got := s.Providers(); len(got) != 1 || got[0] != (account.ProviderInfo{Slug: "corp", Name: "Corp"}) {
			t.Errorf("providers %+v", got)
		}
	})
}

func TestAProviderMakesAccountsWhereItMay(t *testing.T) {
	eachSSO(t, signup, func(t *testing.T, s *sso) {
		in, err := s.through()
		must(t, err)
		u, err := s.Find(t.Context(), operator, in.Actor.ID)
		must(t, err)
		if u.Login != "ann" || u.Name() != "Ann Tester" || u.Mail != "Ann@Example.org" || u.Admin || u.Status != account.Active {
			t.Errorf("made %+v", u)
		}
		has := read(s.world, func(tx *db.Tx) (bool, error) { return s.HasPassword(t.Context(), tx, u.ID) })
		if has {
			t.Error("the new user has a password")
		}
		second := testpeer.OIDCUser{Subject: "s-2", Email: "second@example.org", EmailVerified: true, Username: "ann"}
		s.peer.SignIn(second) // the same user name there: the address becomes the login
		in, err = s.through()
		must(t, err)
		if in.Actor.Login != "second@example.org" {
			t.Errorf("login %s", in.Actor.Login)
		}
	})
}

func TestWhomAProviderIsRefused(t *testing.T) {
	cases := []struct {
		name   string
		change func(p *config.Provider)
		before func(s *sso)
		says   string
	}{
		{"nobody with the address", linking, func(*sso) {}, "ask an administrator to invite you"},
		{"an account, but linking is off", signup, func(s *sso) { s.user("ann") }, "allow_email_link"},
		{"an address nobody vouches for", func(p *config.Provider) { p.AllowEmailLink, p.AllowSignup = true, true }, func(s *sso) {
			s.user("ann")
			u := annThere
			u.EmailVerified = false
			s.peer.SignIn(u)
		}, "verify it there"},
		{"nobody signed in at the provider", linking, func(s *sso) { s.user("ann"); s.peer.SignOut() }, "refused"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			eachSSO(t, tc.change, func(t *testing.T, s *sso) {
				tc.before(s)
				_, err := s.through()
				wantCode(t, err, account.CodeProvider)
				if !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v does not say %q", err, tc.says)
				}
				if n := s.audited("session.create", audit.Refused); n != 1 && tc.says != "refused" {
					t.Errorf("%d refusals audited", n)
				}
				if n := s.number(`SELECT COUNT(*) FROM identities`) + s.number(`SELECT COUNT(*) FROM sessions`); n != 0 {
					t.Error("something was kept of a refused sign-in")
				}
			})
		})
	}
}

func TestALockedUserIsRefusedFromAProviderToo(t *testing.T) {
	eachSSO(t, linking, func(t *testing.T, s *sso) {
		u := s.user("ann")
		_, err := s.Lock(t.Context(), operator, u.ID)
		must(t, err)
		_, err = s.through() // not linked yet
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = s.Unlock(t.Context(), operator, u.ID)
		must(t, err)
		_, err = s.through()
		must(t, err)
		_, err = s.Lock(t.Context(), operator, u.ID)
		must(t, err)
		_, err = s.through() // linked
		wantKind(t, err, fault.KindUnauthenticated)
	})
}

func TestAnInvitedPersonAcceptsThroughAProvider(t *testing.T) {
	eachSSO(t, linking, func(t *testing.T, s *sso) {
		u, err := s.Create(t.Context(), operator, account.CreateInput{Mail: "ann@example.org"})
		must(t, err)
		s.exec(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, 'chosen by a stranger', 0)`, u.ID)
		in, err := s.through()
		must(t, err)
		if in.Actor.ID != u.ID {
			t.Errorf("signed in as %+v", in.Actor)
		}
		if n := s.number(`SELECT COUNT(*) FROM user_passwords`) + s.number(`SELECT COUNT(*) FROM tokens`); n != 0 {
			t.Error("password or invitation of before still open the account")
		}
	})
}

// edit changes a parameter of an address; an empty value removes it.
func edit(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	q := u.Query()
	if q.Del(name); value != "" {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func TestAForgedSignInIsRefused(t *testing.T) {
	const other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	cases := []struct {
		name string
		try  func(t *testing.T, s *sso) error
	}{
		{"foreign state", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			q := s.peer.Walk(address)
			q.Set("state", other)
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, q, home)
			return err
		}},
		{"no state", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			q := s.peer.Walk(address)
			q.Del("state")
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, q, home)
			return err
		}},
		{"another browser's cookie", func(t *testing.T, s *sso) error {
			address, _ := s.begin()
			_, cookie := s.begin()
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(address), home)
			return err
		}},
		{"foreign nonce", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(edit(t, address, "nonce", other)), home)
			return err
		}},
		{"foreign code challenge", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(edit(t, address, "code_challenge", other)), home)
			return err
		}},
		{"replayed code", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			q := s.peer.Walk(address)
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, q, home)
			must(t, err)
			_, err = s.FinishOIDC(t.Context(), "corp", cookie, q, home)
			return err
		}},
		{"cookie of yesterday", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			q := s.peer.Walk(address)
			s.forward.Store(int64(10 * time.Minute))
			_, err := s.FinishOIDC(t.Context(), "corp", cookie, q, home)
			return err
		}},
		{"damaged cookie", func(t *testing.T, s *sso) error {
			address, cookie := s.begin()
			_, err := s.FinishOIDC(t.Context(), "corp", strings.ToLower(cookie), s.peer.Walk(address), home)
			return err
		}},
		{"cookie of a confirmation", func(t *testing.T, s *sso) error {
			in, err := s.through()
			must(t, err)
			address, cookie, err := s.BeginReauthentication(t.Context(), in.Actor, "corp", "/")
			must(t, err)
			_, err = s.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(address), home)
			return err
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			eachSSO(t, linking, func(t *testing.T, s *sso) {
				s.user("ann")
				wantCode(t, tc.try(t, s), account.CodeProvider)
			})
		})
	}
}

func TestAForeignIssuerIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		honest bool // the document names its own address as issuer, so that only the token is foreign
	}{{"in the document", false}, {"in the token", true}} {
		t.Run(tc.name, func(t *testing.T) {
			eachSSO(t, linking, func(t *testing.T, s *sso) {
				s.user("ann")
				front := httptest.NewServer(nil)
				t.Cleanup(front.Close)
				front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					resp, err := http.Get(s.peer.Issuer + "/.well-known/openid-configuration")
					if err != nil {
						http.Error(w, err.Error(), http.StatusBadGateway)
						return
					}
					defer resp.Body.Close()
					var doc map[string]any
					if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
						http.Error(w, err.Error(), http.StatusBadGateway)
						return
					}
					if tc.honest {
						doc["issuer"] = front.URL
					}
					w.Header().Set("Content-Type", "application/json")
					_ = json.NewEncoder(w).Encode(doc)
				})
				behind := newWorld(t, s.db, nil, options{providers: []config.Provider{{
					Slug: "corp", Issuer: front.URL, ClientID: "holdfast", ClientSecret: "hush", Scopes: []string{"openid", "email"}, AllowEmailLink: true,
				}}})
				address, cookie, err := behind.BeginOIDC(t.Context(), "corp", "/")
				if tc.honest {
					must(t, err)
					_, err = behind.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(address), home)
				}
				wantCode(t, err, account.CodeProvider)
				if !strings.Contains(fault.HintOf(err), "issue") {
					t.Errorf("hint %q", fault.HintOf(err))
				}
			})
		})
	}
}

func TestAProviderThatIsDownIsTriedAgain(t *testing.T) {
	eachSSO(t, linking, func(t *testing.T, s *sso) {
		s.user("ann")
		s.down.Store(true)
		for range 2 {
			_, _, err := s.BeginOIDC(t.Context(), "corp", "/")
			wantCode(t, err, account.CodeProvider)
			if fault.HintOf(err) == "" {
				t.Error("no hint for the operator")
			}
		}
		s.down.Store(false)
		s.forward.Store(int64(6 * time.Second))
		_, err := s.through()
		must(t, err)
		_, _, err = s.BeginOIDC(t.Context(), "other", "/")
		wantKind(t, err, fault.KindNotFound)
	})
}

func TestReturnPathsStayHere(t *testing.T) {
	eachSSO(t, linking, func(t *testing.T, s *sso) {
		s.user("ann")
		for _, path := range []string{"https://evil.test/", "//evil.test/", `/\evil.test`, "/\t/evil.test", "javascript:alert(1)", ""} {
			address, cookie, err := s.BeginOIDC(t.Context(), "corp", path)
			must(t, err)
			in, err := s.FinishOIDC(t.Context(), "corp", cookie, s.peer.Walk(address), home)
			must(t, err)
			if in.ReturnTo != "/" {
				t.Errorf("%q leads to %q", path, in.ReturnTo)
			}
		}
	})
}

func TestReauthentication(t *testing.T) {
	eachSSO(t, func(p *config.Provider) { p.AllowEmailLink, p.AllowSignup = true, true }, func(t *testing.T, s *sso) {
		s.user("ann")
		s.peer.SignInAt(annThere, time.Now().Add(-time.Hour))
		in, err := s.through()
		must(t, err)
		confirmed := func() bool {
			return read(s.world, func(tx *db.Tx) (bool, error) { return s.Reauthenticated(t.Context(), tx, in.Actor, 5*time.Minute) })
		}
		again := func(change func(string) string) error {
			address, cookie, err := s.BeginReauthentication(t.Context(), in.Actor, "corp", "/admin/backups")
			must(t, err)
			path, err := s.FinishReauthentication(t.Context(), in.Actor, "corp", cookie, s.peer.Walk(change(address)))
			if err == nil && path != "/admin/backups" {
				t.Errorf("leads to %s", path)
			}
			return err
		}
		ignored := func(a string) string { return edit(t, edit(t, a, "prompt", ""), "max_age", "") }
		wantCode(t, again(ignored), account.CodeProvider) // the provider did not ask anew
		other := annThere
		other.Subject, other.Email = "s-eve", "eve@example.org"
		s.peer.SignIn(other)
		wantCode(t, again(func(a string) string { return a }), account.CodeProvider) // someone else
		if confirmed() {
			t.Fatal("a refused confirmation counts")
		}
		s.peer.SignInAt(annThere, time.Now().Add(-time.Hour))
		must(t, again(func(a string) string { return a }))
		if !confirmed() {
			t.Error("the confirmation is not known")
		}
		s.forward.Store(int64(6 * time.Minute))
		if confirmed() {
			t.Error("the confirmation never ends")
		}
		address, cookie := s.begin()
		_, err = s.FinishReauthentication(t.Context(), in.Actor, "corp", cookie, s.peer.Walk(address))
		wantCode(t, err, account.CodeProvider) // the cookie of a sign-in
		key := in.Actor
		key.Session, key.Token = 0, 1
		_, _, err = s.BeginReauthentication(t.Context(), key, "corp", "/")
		wantKind(t, err, fault.KindForbidden)
	})
}
