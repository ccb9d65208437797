package apiv3_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// lists are those whose length grows with the instance.
var lists = []string{
	"/users?pageSize=200", "/principals?pageSize=200", "/groups?pageSize=200", "/memberships?pageSize=200", "/projects?pageSize=200",
	"/work_packages?pageSize=200", "/notifications?pageSize=200", "/notifications?groupBy=project", "/projects/1/work_packages?pageSize=200", "/work_packages/1/activities", "/work_packages/1/attachments",
	"/work_packages/1/watchers", "/work_packages/1/available_watchers", "/work_packages/1/available_assignees", "/projects/1/available_assignees",
	"/projects/available_parent_projects?pageSize=200", "/memberships/available_projects?pageSize=200",
	"/versions?pageSize=200", "/projects/1/versions", "/projects/1/categories", "/roles", "/types", "/statuses", "/priorities",
}

// The price of a list is a number of statements that its length does not change.
func TestNoListAsksMoreOftenBecauseItIsLonger(t *testing.T) {
	var n atomic.Int64
	in := apptest.New(t, apptest.Options{Demo: true}, func(r chi.Router, in *apptest.Instance) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(db.CountStatements(r.Context(), &n)))
			})
		})
		mount(r, in)
	})
	keys := []string{in.Key("mara"), in.Key("tomas")}
	measure := func(key, path string) (statements int64, length int) {
		t.Helper()
		n.Store(0)
		res := in.Do(key, http.MethodGet, apiv3.Root+path, "")
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusForbidden {
			t.Fatalf("%s: %d", path, res.StatusCode)
		}
		return n.Load(), len(apptest.Body(res))
	}
	type reading struct {
		statements int64
		length     int
	}
	grow(t, in, 0, 2)
	before := map[string]reading{}
	for _, key := range keys {
		for _, path := range lists {
			statements, length := measure(key, path)
			before[key+path] = reading{statements, length}
		}
	}
	grow(t, in, 2, 12)
	for i, key := range keys {
		for _, path := range lists {
			was := before[key+path]
			statements, length := measure(key, path)
			if statements > was.statements {
				t.Errorf("key %d: %s took %d statements, and %d when it was longer", i, path, was.statements, statements)
			}
			if fixed := strings.Contains("/roles /types /statuses /priorities", path); i == 0 && !fixed && length <= was.length {
				t.Errorf("%s has not become longer: the test proves nothing of it", path)
			}
		}
	}
}

// grow adds more of everything that lists show, numbered.
func grow(t *testing.T, in *apptest.Instance, from, to int) {
	t.Helper()
	ctx, mara, tomas := t.Context(), actor(t, in, "mara"), actor(t, in, "tomas")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := from; i < to; i++ {
		u, err := in.Accounts.Create(ctx, access.Operator("test"), account.CreateInput{
			Login: fmt.Sprint("more", i), Firstname: "More", Lastname: fmt.Sprint(i), Mail: fmt.Sprintf("more%d@example.com", i),
			Password: apptest.Password, Status: account.Active,
		})
		must(err)
		_, err = in.Memberships.Create(ctx, mara, membership.CreateInput{Principal: u.ID, Project: 1, Roles: []id.Role{memberRole(t, in)}})
		must(err)
		_, err = in.Accounts.CreateGroup(ctx, mara, account.GroupInput{Name: fmt.Sprint("Group ", i), Members: []id.User{u.ID}})
		must(err)
		_, err = in.Projects.Create(ctx, mara, project.Patch{Name: opt.Of(fmt.Sprint("Project ", i))})
		must(err)
		w, err := in.WorkPackages.Create(ctx, mara, workpackage.Patch{Project: opt.Of(id.Project(1)), Subject: opt.Of(fmt.Sprint("Work ", i)), Assignee: opt.Ptr(u.ID)})
		must(err)
		_, err = in.WorkPackages.Comment(ctx, tomas, w.ID, "@mara, look", false)
		must(err)
		v, err := in.Versions.Create(ctx, mara, version.Patch{Project: opt.Of(id.Project(1)), Name: opt.Of(fmt.Sprint("Version ", i)), Sharing: opt.Of(version.System)})
		must(err)
		c, err := in.Categories.Create(ctx, mara, 1, category.Patch{Name: opt.Of(fmt.Sprint("Category ", i)), Assignee: opt.Ptr(u.ID)})
		must(err)
		_, err = in.WorkPackages.Create(ctx, mara, workpackage.Patch{Project: opt.Of(id.Project(1)), Subject: opt.Of("Planned"), Version: opt.Ptr(v.ID), Category: opt.Ptr(c.ID)})
		must(err)
		_, err = in.WorkPackages.Comment(ctx, mara, 1, fmt.Sprint("Comment ", i), false)
		must(err)
		_, err = in.Attachments.Create(ctx, mara, attachment.Upload{FileName: "a.txt", ContainerType: "WorkPackage", ContainerID: 1}, strings.NewReader(fmt.Sprint(i)))
		must(err)
		if i%2 == 0 { // the others could
			_, err = in.WorkPackages.Watch(ctx, mara, 1, u.ID)
			must(err)
		}
	}
	tell(t, in)
}

// tell does what the jobs of changes would: people get their notifications.
func tell(t *testing.T, in *apptest.Instance) {
	t.Helper()
	jobs, err := db.Read(t.Context(), in.DB, func(tx *db.Tx) ([]string, error) {
		return db.All[string](t.Context(), tx, db.SQL(`SELECT args FROM jobs WHERE kind = 'work_package.changed' ORDER BY id`))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range jobs {
		var c workpackage.Changed
		if err := json.Unmarshal([]byte(args), &c); err != nil {
			t.Fatal(err)
		}
		if err := in.Notifications.Tell(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func actor(t *testing.T, in *apptest.Instance, login string) access.Actor {
	t.Helper()
	a, err := in.Accounts.AuthenticateKey(t.Context(), in.Key(login), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func memberRole(t *testing.T, in *apptest.Instance) id.Role {
	t.Helper()
	n, err := db.Read(t.Context(), in.DB, func(tx *db.Tx) (id.Role, error) {
		return db.Scalar[id.Role](t.Context(), tx, db.SQL(`SELECT id FROM roles WHERE name = 'Member'`))
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
