package dbtest

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"testing"
)

// Role is an ordinary role with a database, which it owns when Owner says so.
type Role struct {
	Name, Database string
	// URL connects to the database as the role.
	URL string

	t     testing.TB
	super *url.URL
}

// PostgresRole makes a role without any privileges and a database for it; both
// go when the test ends. It skips or fails the test without a server.
func PostgresRole(t testing.TB, owner bool) *Role {
	t.Helper()
	base, err := url.Parse(PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	q := base.Query()
	q.Del("search_path")
	base.RawQuery = q.Encode()
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	r := &Role{Name: "r" + hex.EncodeToString(b[:]), Database: "d" + hex.EncodeToString(b[:]), t: t, super: base}
	r.exec(base, "CREATE ROLE "+r.Name+" LOGIN PASSWORD '"+r.Name+"'")
	t.Cleanup(func() { r.exec(base, "DROP ROLE "+r.Name) })
	make := "CREATE DATABASE " + r.Database + " TEMPLATE template0 ENCODING 'UTF8'"
	if owner {
		make += " OWNER " + r.Name
	}
	r.exec(base, make)
	t.Cleanup(func() { r.exec(base, "DROP DATABASE "+r.Database+" WITH (FORCE)") })
	u := *base
	u.Path, u.User = "/"+r.Database, url.UserPassword(r.Name, r.Name)
	r.URL = u.String()
	return r
}

// Exec runs a statement in the role's database as the superuser.
func (r *Role) Exec(statement string) {
	r.t.Helper()
	u := *r.super
	u.Path = "/" + r.Database
	r.exec(&u, statement)
}

func (r *Role) exec(u *url.URL, statement string) {
	r.t.Helper()
	pool, err := sql.Open("pgx", u.String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.Exec(statement); err != nil {
		r.t.Errorf("%s: %v", statement, err)
	}
}
