package testpeer

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const oidcLifetime = 5 * time.Minute

var errUnknown = errors.New("unknown")

type accessToken struct {
	subject string
	scopes  []string
}

// authRequest is one sign-in under way.
type authRequest struct {
	oidc.AuthRequest
	id       string
	subject  string
	authTime time.Time
	done     bool
}

// stale reports whether the application wants a newer proof of identity than one from since.
func (a *authRequest) stale(since time.Time) bool {
	if slices.Contains(a.Prompt, oidc.PromptLogin) {
		return true
	}
	return a.MaxAge != nil && time.Since(since) > time.Duration(*a.MaxAge)*time.Second
}

func (a *authRequest) GetID() string                      { return a.id }
func (a *authRequest) GetACR() string                     { return "" }
func (a *authRequest) GetAMR() []string                   { return []string{"pwd"} }
func (a *authRequest) GetAudience() []string              { return []string{a.ClientID} }
func (a *authRequest) GetAuthTime() time.Time             { return a.authTime }
func (a *authRequest) GetClientID() string                { return a.ClientID }
func (a *authRequest) GetNonce() string                   { return a.Nonce }
func (a *authRequest) GetRedirectURI() string             { return a.RedirectURI }
func (a *authRequest) GetResponseType() oidc.ResponseType { return a.ResponseType }
func (a *authRequest) GetResponseMode() oidc.ResponseMode { return a.ResponseMode }
func (a *authRequest) GetScopes() []string                { return a.Scopes }
func (a *authRequest) GetState() string                   { return a.State }
func (a *authRequest) GetSubject() string                 { return a.subject }
func (a *authRequest) Done() bool                         { return a.done }
func (a *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	if a.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: a.CodeChallenge, Method: a.CodeChallengeMethod}
}

// oidcStorage is what the provider library asks of us; refresh tokens and the rest are not offered.
type oidcStorage struct{ s *OIDCServer }

func (o *oidcStorage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	a := &authRequest{AuthRequest: *r, id: rand.Text()}
	if slices.Contains(r.Prompt, oidc.PromptNone) && (o.s.current == "" || a.stale(o.s.since)) {
		return nil, oidc.ErrLoginRequired()
	}
	o.s.requests[a.id] = a
	return a, nil
}

func (o *oidcStorage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if a, ok := o.s.requests[id]; ok {
		return a, nil
	}
	return nil, errUnknown
}

func (o *oidcStorage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	o.s.mu.Lock()
	id := o.s.codes[code]
	o.s.mu.Unlock()
	return o.AuthRequestByID(ctx, id)
}

func (o *oidcStorage) SaveAuthCode(_ context.Context, id, code string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.codes[code] = id
	return nil
}

func (o *oidcStorage) DeleteAuthRequest(_ context.Context, id string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	delete(o.s.requests, id)
	return nil
}

func (o *oidcStorage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	id := rand.Text()
	o.s.tokens[id] = accessToken{r.GetSubject(), r.GetScopes()}
	return id, time.Now().Add(oidcLifetime), nil
}

func (o *oidcStorage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

func (o *oidcStorage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

func (o *oidcStorage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (o *oidcStorage) TerminateSession(context.Context, string, string) error {
	o.s.SignOut()
	return nil
}

func (o *oidcStorage) RevokeToken(_ context.Context, id, _, _ string) *oidc.Error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	delete(o.s.tokens, id)
	return nil
}

func (o *oidcStorage) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{o.s}, nil }

func (o *oidcStorage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{o.s}}, nil }
func (o *oidcStorage) Health(context.Context) error             { return nil }

func (o *oidcStorage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (o *oidcStorage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if c, ok := o.s.clients[id]; ok {
		return oidcClient{c}, nil
	}
	return nil, errUnknown
}

func (o *oidcStorage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	c, ok := o.s.clients[id]
	if !ok || c.Secret == "" || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return errUnknown
	}
	return nil
}

func (o *oidcStorage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, scopes []string) error {
	return o.fill(info, subject, scopes)
}

func (o *oidcStorage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, _, _ string) error {
	o.s.mu.Lock()
	t, ok := o.s.tokens[token]
	o.s.mu.Unlock()
	if !ok {
		return errUnknown
	}
	return o.fill(info, t.subject, t.scopes)
}

func (o *oidcStorage) fill(info *oidc.UserInfo, subject string, scopes []string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	u, ok := o.s.users[subject]
	if !ok {
		return errUnknown
	}
	info.Subject = u.Subject
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email, info.EmailVerified = u.Email, oidc.Bool(u.EmailVerified)
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name, info.PreferredUsername = u.Name, u.Username
	}
	return nil
}

func (o *oidcStorage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

func (o *oidcStorage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (o *oidcStorage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

func (o *oidcStorage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}

type signingKey struct{ s *OIDCServer }

func (k signingKey) ID() string                                  { return "key" }
func (k signingKey) Key() any                                    { return k.s.key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

type publicKey struct{ s *OIDCServer }

func (k publicKey) ID() string                         { return "key" }
func (k publicKey) Key() any                           { return &k.s.key.PublicKey }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

type oidcClient struct{ c OIDCClient }

func (c oidcClient) GetID() string                       { return c.c.ID }
func (c oidcClient) RedirectURIs() []string              { return []string{c.c.RedirectURI} }
func (c oidcClient) PostLogoutRedirectURIs() []string    { return nil }
func (c oidcClient) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c oidcClient) AuthMethod() oidc.AuthMethod {
	if c.c.Secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c oidcClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c oidcClient) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c oidcClient) LoginURL(id string) string            { return "/login?id=" + id }
func (c oidcClient) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c oidcClient) IDTokenLifetime() time.Duration       { return oidcLifetime }
func (c oidcClient) DevMode() bool                        { return true }
func (c oidcClient) IsScopeAllowed(string) bool           { return false }
func (c oidcClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c oidcClient) ClockSkew() time.Duration             { return 0 }
func (c oidcClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c oidcClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
