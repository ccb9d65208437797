// Package apptest builds whole instances for tests of what stands above the
// services: API, pages, commands. Data is made through the services, so that
// it obeys the rules.
package apptest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/serve"
)

// Password of everyone in a test instance.
const Password = "correct horse battery"

// Instance is a running instance with its demo story.
type Instance struct {
	*app.App
	t    testing.TB
	Edge *serve.Edge
	URL  string
}

// Options adjust an instance.
type Options struct {
	// Postgres puts it on PostgreSQL instead of SQLite.
	Postgres bool
	// Demo fills it with the demo story.
	Demo bool
	// Environ are more settings, as HOLDFAST_NAME=value.
	Environ []string
}

// Each runs fn on an instance on each engine.
func Each(t *testing.T, o Options, mount func(chi.Router, *Instance), fn func(t *testing.T, in *Instance)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			o := o
			o.Postgres = engine == "postgres"
			fn(t, New(t, o, mount))
		})
	}
}

// New opens an instance and serves what mount adds to the router.
func New(t testing.TB, o Options, mount func(chi.Router, *Instance)) *Instance {
	t.Helper()
	env := append([]string{"HOLDFAST_DATA=" + t.TempDir()}, o.Environ...)
	if o.Postgres {
		env = append(env, "HOLDFAST_DATABASE_URL="+dbtest.PostgresURL(t))
	}
	cfg, err := config.Load(config.Options{Environ: env})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), app.Options{Version: "test", Passwords: secret.Cost{Memory: 8, Passes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.Demo {
		if _, err := a.SeedDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	edge, err := serve.NewEdge(serve.Options{Accounts: a.Accounts, Log: a.Log, LoginRequired: func() bool { return cfg.Login.Required }})
	if err != nil {
		t.Fatal(err)
	}
	in := &Instance{App: a, t: t, Edge: edge}
	r := chi.NewRouter()
	mount(r, in)
	srv := httptest.NewServer(edge.Middleware(r))
	t.Cleanup(srv.Close)
	in.URL = srv.URL
	return in
}

// User makes an active user and returns an API key.
func (in *Instance) User(login string, admin bool) string {
	in.t.Helper()
	op := access.Operator("test")
	_, err := in.Accounts.Create(in.t.Context(), op, account.CreateInput{
		Login: login, Firstname: strings.ToUpper(login[:1]) + login[1:], Lastname: "Tester", Mail: login + "@example.com", Admin: admin,
		Password: Password, Status: account.Active,
	})
	if err != nil {
		in.t.Fatal(err)
	}
	return in.Key(login)
}

// Key makes an API key for a user.
func (in *Instance) Key(login string) string {
	in.t.Helper()
	_, key, err := in.Accounts.CreateKeyFor(in.t.Context(), access.Operator("test"), login, "test")
	if err != nil {
		in.t.Fatal(err)
	}
	return key
}

// Do sends a request with an API key ("" for none) and returns the answer; its
// body is read and can be read again.
func (in *Instance) Do(key, method, path, body string, header ...string) *http.Response {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.URL+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if key != "" {
		req.SetBasicAuth("apikey", key)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	data, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(data))
	return res
}

// Body returns the answer's body as text; it can be read again.
func Body(res *http.Response) string {
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	res.Body = io.NopCloser(bytes.NewReader(data))
	return string(data)
}

// Actor is somebody as the services know them.
func (in *Instance) Actor(login string) access.Actor {
	in.t.Helper()
	a, err := in.Accounts.AuthenticateKey(in.t.Context(), in.Key(login), "127.0.0.1")
	if err != nil {
		in.t.Fatal(err)
	}
	return a
}
