package testpeer_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/holdfast/holdfast/internal/testpeer"
)

var anna = testpeer.OIDCUser{Subject: "s1", Email: "anna@example.org", EmailVerified: true, Name: "Anna", Username: "anna"}

// walker signs in as an application would.
type walker struct {
	t        *testing.T
	peer     *testpeer.OIDCServer
	provider *oidc.Provider
	config   oauth2.Config
	verifier string
}

func newWalker(t *testing.T, secret string) *walker {
	t.Helper()
	peer := testpeer.OIDC(t)
	c := testpeer.OIDCClient{ID: "holdfast", Secret: secret, RedirectURI: "http://app.invalid/callback"}
	peer.AddClient(c)
	provider, err := oidc.NewProvider(context.Background(), peer.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &walker{t, peer, provider, oauth2.Config{
		ClientID: c.ID, ClientSecret: secret, RedirectURL: c.RedirectURI, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email", "profile"},
	}, oauth2.GenerateVerifier()}
}

func (w *walker) walk(extra ...oauth2.AuthCodeOption) url.Values {
	extra = append(extra, oauth2.S256ChallengeOption(w.verifier), oidc.Nonce("the nonce"))
	return w.peer.Walk(w.config.AuthCodeURL("the state", extra...))
}

func (w *walker) claims(got url.Values) (*oidc.IDToken, testpeer.OIDCUser) {
	w.t.Helper()
	if got.Get("state") != "the state" {
		w.t.Fatalf("came back with %v", got)
	}
	token, err := w.config.Exchange(context.Background(), got.Get("code"), oauth2.VerifierOption(w.verifier))
	if err != nil {
		w.t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := w.provider.Verifier(&oidc.Config{ClientID: w.config.ClientID}).Verify(context.Background(), raw)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := w.provider.UserInfo(context.Background(), oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject {
		w.t.Fatalf("user info %+v, %v", info, err)
	}
	var c struct {
		Email, Name string
		Verified    bool   `json:"email_verified"`
		Username    string `json:"preferred_username"`
	}
	if err := id.Claims(&c); err != nil {
		w.t.Fatal(err)
	}
	return id, testpeer.OIDCUser{Subject: id.Subject, Email: c.Email, EmailVerified: c.Verified, Name: c.Name, Username: c.Username}
}

func authTime(t *testing.T, id *oidc.IDToken) time.Time {
	t.Helper()
	var c struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := id.Claims(&c); err != nil {
		t.Fatal(err)
	}
	return time.Unix(c.AuthTime, 0)
}

func TestCodeFlow(t *testing.T) {
	for name, secret := range map[string]string{"confidential": "hush", "public": ""} {
		for _, verified := range []bool{true, false} {
			w := newWalker(t, secret)
			u := anna
			u.EmailVerified = verified
			w.peer.SignIn(u)
			id, got := w.claims(w.walk())
			if got != u || id.Nonce != "the nonce" {
				t.Errorf("%s: %+v with nonce %q, want %+v", name, got, id.Nonce, u)
			}
		}
	}
}

func TestExchangeIsRefused(t *testing.T) {
	w := newWalker(t, "hush")
	w.peer.SignIn(anna)
	try := func(c oauth2.Config, code, verifier string) error {
		_, err := c.Exchange(context.Background(), code, oauth2.VerifierOption(verifier))
		return err
	}
	if try(w.config, w.walk().Get("code"), oauth2.GenerateVerifier()) == nil {
		t.Error("another verifier passed")
	}
	wrong := w.config
	wrong.ClientSecret = "guess"
	if try(wrong, w.walk().Get("code"), w.verifier) == nil {
		t.Error("a wrong secret passed")
	}
	if try(w.config, "nonsense", w.verifier) == nil {
		t.Error("a wrong code passed")
	}
	code := w.walk().Get("code")
	if err := try(w.config, code, w.verifier); err != nil {
		t.Error(err)
	}
	if try(w.config, code, w.verifier) == nil {
		t.Error("a used code passed")
	}
}

func TestSignedOutIsRefused(t *testing.T) {
	w := newWalker(t, "hush")
	if got := w.walk(); got.Get("error") != "interaction_required" || got.Get("code") != "" {
		t.Errorf("came back with %v", got)
	}
	if got := w.walk(oauth2.SetAuthURLParam("prompt", "none")); got.Get("error") != "login_required" {
		t.Errorf("prompt=none came back with %v", got)
	}
	w.peer.SignIn(anna)
	w.claims(w.walk(oauth2.SetAuthURLParam("prompt", "none")))
	w.peer.SignOut()
	if got := w.walk(); got.Get("code") != "" {
		t.Errorf("came back with %v", got)
	}
}

func TestAuthTime(t *testing.T) {
	since := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name, key, value string
		fresh            bool
	}{{"as it was", "max_age", "7200", false}, {"too old", "max_age", "60", true}, {"prompt", "prompt", "login", true}} {
		w := newWalker(t, "hush")
		w.peer.SignInAt(anna, since)
		id, _ := w.claims(w.walk(oauth2.SetAuthURLParam(c.key, c.value)))
		if got := authTime(t, id); got.Equal(since) == c.fresh {
			t.Errorf("%s: auth_time %v, session since %v", c.name, got, since)
		}
	}
}
