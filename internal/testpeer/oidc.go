package testpeer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// OIDCUser is a person the provider knows.
type OIDCUser struct {
	Subject       string
	Email         string
	EmailVerified bool
	Name          string
	Username      string
}

// OIDCClient is an application the provider knows. Without a secret it is public and must use PKCE.
type OIDCClient struct {
	ID          string
	Secret      string
	RedirectURI string
}

// OIDCServer is an OpenID provider that signs the current user in without asking.
type OIDCServer struct {
	Issuer string

	t        testing.TB
	key      *rsa.PrivateKey
	provider *op.Provider
	mu       sync.Mutex
	users    map[string]OIDCUser
	clients  map[string]OIDCClient
	current  string    // subject the next sign-in is for, "" refuses it
	since    time.Time // when the current user proved who they are
	requests map[string]*authRequest
	codes    map[string]string // code → request
	tokens   map[string]accessToken
}

// OIDC starts a provider for the test. Register a client and a user before walking the flow: a request to
// the authorization endpoint is redirected to /login, which signs the current user in and leads back.
func OIDC(t testing.TB) *OIDCServer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("testpeer: make key: %v", err)
	}
	s := &OIDCServer{
		t: t, key: key, users: map[string]OIDCUser{}, clients: map[string]OIDCClient{},
		requests: map[string]*authRequest{}, codes: map[string]string{}, tokens: map[string]accessToken{},
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.Issuer = server.URL
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true}
	rand.Read(config.CryptoKey[:])
	s.provider, err = op.NewProvider(config, &oidcStorage{s}, op.StaticIssuer(s.Issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatalf("testpeer: make provider: %v", err)
	}
	mux.HandleFunc("/login", s.login)
	mux.Handle("/", s.provider)
	return s
}

// AddClient registers an application.
func (s *OIDCServer) AddClient(c OIDCClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = c
}

// SignIn makes u the user of the coming sign-ins, who proved their identity just now.
func (s *OIDCServer) SignIn(u OIDCUser) { s.SignInAt(u, time.Now()) }

// SignInAt is SignIn for a user whose session at the provider began at since; it is the auth_time, unless
// the application asks for a newer one with max_age or prompt=login.
func (s *OIDCServer) SignInAt(u OIDCUser, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.Subject], s.current, s.since = u, u.Subject, since
}

// SignOut ends the session at the provider: sign-ins are refused until SignIn.
func (s *OIDCServer) SignOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = ""
}

// login stands for the page that asks for a password: it answers for the current user.
func (s *OIDCServer) login(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	s.mu.Lock()
	if request, ok := s.requests[id]; ok && s.current != "" {
		request.subject, request.authTime, request.done = s.current, s.since, true
		if request.stale(s.since) {
			s.since = time.Now()
			request.authTime = s.since
		}
	}
	s.mu.Unlock()
	ctx := op.ContextWithIssuer(context.WithoutCancel(r.Context()), s.Issuer)
	http.Redirect(w, r, op.AuthCallbackURL(s.provider)(ctx, id), http.StatusFound)
}

// Walk follows the flow from an authorization address to the redirect back to the application, and returns
// the parameters found there: code and state, or error. It does not call the application.
func (s *OIDCServer) Walk(authorizationURL string) url.Values {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := authorizationURL
	for range 6 {
		response, err := client.Get(next)
		if err != nil {
			s.t.Fatalf("testpeer: %v", err)
		}
		response.Body.Close()
		to, err := response.Location()
		if err != nil {
			s.t.Fatalf("testpeer: %s answered %s and led nowhere", next, response.Status)
		}
		if !slices.Contains([]string{"http://" + to.Host, "https://" + to.Host}, s.Issuer) {
			return to.Query()
		}
		next = to.String()
	}
	s.t.Fatalf("testpeer: the flow does not end, last at %s", next)
	return nil
}
