package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// CallbackPath is the local path to which a provider sends people back; the
// provider's slug takes the place of the verb.
const CallbackPath = "/auth/%s/callback"

const (
	flowPurpose = "oidc flow"
	// flowLife is how long a person may take at the provider.
	flowLife = 10 * time.Minute
	// discoveryPause keeps a provider that is down from making everyone wait.
	discoveryPause = 5 * time.Second
	// clockSkew is how far the provider's clock may be behind.
	clockSkew = time.Minute
)

// provider is one OpenID Connect provider; what it says about itself is asked
// for when it is first needed, so that Holdfast starts without it.
type provider struct {
	config.Provider
	mu         sync.Mutex
	discovered *oidc.Provider
	failed     error
	failedAt   time.Time
}

func newProviders(all []config.Provider) map[string]*provider {
	out := make(map[string]*provider, len(all))
	for _, p := range all {
		out[p.Slug] = &provider{Provider: p}
	}
	return out
}

// ProviderInfo is what a sign-in page shows of a provider.
type ProviderInfo struct{ Slug, Name string }

// Providers lists the OpenID Connect providers in the order of the configuration.
func (s *Service) Providers() []ProviderInfo {
	out := make([]ProviderInfo, len(s.deps.Providers))
	for i, p := range s.deps.Providers {
		out[i] = ProviderInfo{p.Slug, orDefault(p.DisplayName, p.Slug)}
	}
	return out
}

// flow is what the browser keeps, sealed, while the person is at the provider.
type flow struct {
	Slug, State, Nonce, Verifier string
	ReturnTo                     string
	// User and Session are set for a re-authentication.
	User    id.User    `json:",omitempty"`
	Session id.Session `json:",omitempty"`
	Started time.Time
}

// BeginOIDC starts a sign-in: the browser gets the cookie's value and is sent
// to the address. The cookie is good for ten minutes and one callback path.
//
// Faults: NotFound for an unknown provider; Forbidden with CodeProvider when it does not answer.
func (s *Service) BeginOIDC(ctx context.Context, slug, returnTo string) (address, cookie string, err error) {
	return s.begin(ctx, flow{Slug: slug, ReturnTo: local(returnTo)})
}

// BeginReauthentication is BeginOIDC for someone who is signed in and has to
// prove again to be present: the provider must ask for the credentials anew.
func (s *Service) BeginReauthentication(ctx context.Context, a access.Actor, slug, returnTo string) (address, cookie string, err error) {
	if err := requirePerson(a); err != nil {
		return "", "", err
	}
	if a.Session == 0 {
		return "", "", fault.Forbidden("only a browser session can be confirmed")
	}
	return s.begin(ctx, flow{Slug: slug, ReturnTo: local(returnTo), User: a.ID, Session: a.Session},
		oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
}

func (s *Service) begin(ctx context.Context, f flow, more ...oauth2.AuthCodeOption) (address, cookie string, err error) {
	p, op, err := s.provider(ctx, f.Slug)
	if err != nil {
		return "", "", err
	}
	now := s.db.Now()
	f.State, f.Nonce, f.Verifier, f.Started = random(), random(), oauth2.GenerateVerifier(), now
	value, err := json.Marshal(f)
	if err != nil {
		return "", "", err
	}
	opts := append(more, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return s.oauth(p, op).AuthCodeURL(f.State, opts...), s.deps.Keys.Seal(flowPurpose, value, now.Add(flowLife)), nil
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// local keeps redirects on this site: a path, and nothing a browser could read as a host.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

func (s *Service) oauth(p *provider, op *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Endpoint: op.Endpoint(), Scopes: scopes(p.Scopes),
		RedirectURL: strings.TrimRight(s.deps.BaseURL, "/") + fmt.Sprintf(CallbackPath, p.Slug),
	}
}

func scopes(wanted []string) []string {
	for _, w := range wanted {
		if w == oidc.ScopeOpenID {
			return wanted
		}
	}
	return append([]string{oidc.ScopeOpenID}, wanted...)
}

// provider returns the provider by its slug, discovered. A failed discovery is
// tried again after a pause.
func (s *Service) provider(ctx context.Context, slug string) (*provider, *oidc.Provider, error) {
	p := s.providers[slug]
	if p == nil {
		return nil, nil, fault.NotFound("provider")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discovered != nil {
		return p, p.discovered, nil
	}
	now := s.db.Now()
	if p.failed == nil || now.Sub(p.failedAt) >= discoveryPause {
		p.discovered, p.failed = oidc.NewProvider(s.client(ctx), p.Issuer)
		p.failedAt = now
	}
	if p.failed != nil {
		return nil, nil, fault.WithHint(providerFault(fmt.Sprintf("%s does not answer at the moment; try again, or sign in with a password",
			orDefault(p.DisplayName, p.Slug))), fmt.Sprintf("check oidc issuer %s: %v", p.Issuer, p.failed))
	}
	return p, p.discovered, nil
}

// client gives the libraries our HTTP client, with its timeout.
func (s *Service) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, s.deps.HTTP)
}

func providerFault(message string) error { return fault.ForbiddenCode(CodeProvider, message) }

// claims is what a provider says about a person.
type claims struct {
	Subject  string
	Email    string `json:"email"`
	Verified truth  `json:"email_verified"`
	Username string `json:"preferred_username"`
	Given    string `json:"given_name"`
	Family   string `json:"family_name"`
	Name     string `json:"name"`
	AuthTime int64  `json:"auth_time"`
	Party    string `json:"azp"`
}

// truth also reads "true", which some providers send.
type truth bool

// UnmarshalJSON implements json.Unmarshaler.
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = truth(strings.Trim(string(b), `"`) == "true")
	return nil
}

// FinishOIDC ends the sign-in that BeginOIDC started, with the cookie's value
// and the callback's query. The person is, in this order: the one whose
// identity this is; the one with the same verified address, where the provider
// may attach to accounts; a new one, where it may make them.
//
// Faults: Forbidden with CodeProvider, saying what to do; Unauthenticated for
// a user who is locked; NotFound for an unknown provider.
func (s *Service) FinishOIDC(ctx context.Context, slug, cookie string, query url.Values, c Client) (SignedIn, error) {
	f, p, got, err := s.exchange(ctx, slug, cookie, query)
	if err != nil {
		return SignedIn{}, err
	}
	if f.User != 0 {
		return SignedIn{}, errFlow()
	}
	in, err := db.Write(ctx, s.db, func(tx *db.Tx) (SignedIn, error) {
		u, err := s.personOf(ctx, tx, p, got, c)
		if err != nil {
			return SignedIn{}, err
		}
		if !u.mayEnter() {
			return SignedIn{}, fault.Said(fault.Unauthenticated("your account is "+u.Status.String()+"; ask an administrator"), "fault.account_"+u.Status.String())
		}
		return s.open(ctx, tx, u, c, p.Slug)
	})
	if fault.Of(err) != nil {
		return SignedIn{}, errors.Join(err, s.refuseProvider(ctx, p, c))
	}
	in.ReturnTo = f.ReturnTo
	return in, err
}

// refuseProvider audits that someone whom the provider knows was refused here.
func (s *Service) refuseProvider(ctx context.Context, p *provider, c Client) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.recordResult(ctx, tx, access.Anonymous(c.IP), "session.create", "provider "+p.Slug, audit.Refused, nil)
	})
}

// FinishReauthentication ends what BeginReauthentication started and notes it
// at the session; it returns the path to go back to.
//
// Faults: Forbidden with CodeProvider for a provider that did not ask anew, or
// for someone else's identity.
func (s *Service) FinishReauthentication(ctx context.Context, a access.Actor, slug, cookie string, query url.Values) (string, error) {
	f, p, got, err := s.exchange(ctx, slug, cookie, query)
	if err != nil {
		return "", err
	}
	if f.User == 0 || f.User != a.ID || f.Session != a.Session {
		return "", errFlow()
	}
	if time.Unix(got.AuthTime, 0).Before(f.Started.Add(-clockSkew)) {
		return "", providerFault(p.Slug + " did not ask for your credentials again, so this does not count as a confirmation")
	}
	return f.ReturnTo, db.Do(ctx, s.db, func(tx *db.Tx) error {
		u, ok, err := identityOwner(ctx, tx, p.Slug, got.Subject)
		if err != nil {
			return err
		}
		if !ok || u.ID != a.ID {
			return providerFault("this is the identity of someone else; sign in there as yourself")
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE sessions SET confirmed_at = ? WHERE id = ? AND user_id = ?`, tx.Stamp(), a.Session, a.ID)); err != nil {
			return err
		}
		return s.record(ctx, tx, a, "session.reauthenticate", object("user", a.ID), map[string]any{"by": p.Slug})
	})
}

// Reauthenticated says whether the actor's session was confirmed by its
// provider within the time.
func (s *Service) Reauthenticated(ctx context.Context, tx *db.Tx, a access.Actor, within time.Duration) (bool, error) {
	_, ok, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM sessions WHERE id = ? AND user_id = ? AND confirmed_at > ?`,
		a.Session, a.ID, db.At(tx.Now().Add(-within))))
	return ok, err
}

func errFlow() error {
	return providerFault("this sign-in was started elsewhere or too long ago; start again")
}

// exchange checks what came back from the provider and returns what it says.
func (s *Service) exchange(ctx context.Context, slug, cookie string, query url.Values) (flow, *provider, claims, error) {
	f, err := s.unseal(slug, cookie, query)
	if err != nil {
		return flow{}, nil, claims{}, err
	}
	p, op, err := s.provider(ctx, slug)
	if err != nil {
		return flow{}, nil, claims{}, err
	}
	if e := query.Get("error"); e != "" {
		return flow{}, nil, claims{}, providerFault("the provider refused the sign-in (" + cut(e, 60) + ")")
	}
	ctx = s.client(ctx)
	token, err := s.oauth(p, op).Exchange(ctx, query.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return flow{}, nil, claims{}, fault.WithHint(errFlow(), fmt.Sprintf("%s did not accept the code: %v", p.Issuer, cause(err)))
	}
	got, err := s.verifyToken(ctx, p, op, token, f.Nonce)
	return f, p, got, err
}

// cause keeps what the provider answered out of the log but for the error's name.
func cause(err error) error {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) && re.ErrorCode != "" {
		return errors.New(re.ErrorCode)
	}
	return err
}

func (s *Service) unseal(slug, cookie string, query url.Values) (flow, error) {
	var f flow
	value, err := s.deps.Keys.Unseal(flowPurpose, cookie, s.db.Now())
	if err != nil {
		return f, errFlow()
	}
	if err := json.Unmarshal(value, &f); err != nil {
		return f, fmt.Errorf("read sign-in state: %w", err)
	}
	if f.Slug != slug || !secret.Equal(f.State, query.Get("state")) {
		return f, errFlow()
	}
	return f, nil
}

// verifyToken checks signature, issuer, audience, time and nonce.
func (s *Service) verifyToken(ctx context.Context, p *provider, op *oidc.Provider, token *oauth2.Token, nonce string) (claims, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return claims{}, providerFault("the provider sent no ID token; check that the scope openid is asked for")
	}
	verifier := op.Verifier(&oidc.Config{ClientID: p.ClientID, Now: s.db.Now})
	t, err := verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, fault.WithHint(errFlow(), fmt.Sprintf("ID token of %s: %v", p.Issuer, err))
	}
	var got claims
	if err := t.Claims(&got); err != nil {
		return claims{}, fault.WithHint(errFlow(), fmt.Sprintf("ID token of %s: %v", p.Issuer, err))
	}
	got.Subject = t.Subject
	foreign := len(t.Audience) > 1 && got.Party != p.ClientID
	if t.Subject == "" || foreign || !secret.Equal(t.Nonce, nonce) {
		return claims{}, fault.WithHint(errFlow(), "the ID token of "+p.Issuer+" belongs to another sign-in or application")
	}
	return got, s.complete(ctx, op, token, &got)
}

// complete asks for the address where the ID token does not carry it.
func (s *Service) complete(ctx context.Context, op *oidc.Provider, token *oauth2.Token, got *claims) error {
	if got.Email != "" || op.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := op.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fault.WithHint(errFlow(), fmt.Sprintf("user info: %v", err))
	}
	subject, authTime := got.Subject, got.AuthTime
	if info.Subject != subject {
		return errFlow()
	}
	if err := info.Claims(got); err != nil {
		return fault.WithHint(errFlow(), fmt.Sprintf("user info: %v", err))
	}
	got.Subject, got.AuthTime = subject, authTime
	return nil
}
