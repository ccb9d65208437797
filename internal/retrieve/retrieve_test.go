package retrieve_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/retrieve"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// world is an instance with a project, members, work packages with a history and a
// file, and a snapshot of all that.
type world struct {
	*apptest.Instance
	t        *testing.T
	admin    access.Actor
	project  id.Project
	parent   id.WorkPackage
	child    id.WorkPackage // numbered before its parent
	file     id.Attachment
	snapshot string
}

const content = "The plan of the wall, in words."

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	apptest.Each(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		w := &world{Instance: in, t: t}
		in.User("ann", true)
		in.User("bob", false)
		w.admin = w.actor("ann")
		w.fill()
		w.snapshot = w.backup()
		fn(t, w)
	})
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) actor(login string) access.Actor {
	w.t.Helper()
	n := must[int64](w.t)(db.Read(w.t.Context(), w.DB, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](w.t.Context(), tx, db.SQL(`SELECT id FROM users WHERE login = ?`, login))
	}))
	return access.Actor{Kind: access.Person, ID: id.User(n), Name: login, Login: login, Admin: login == "ann"}
}

func (w *world) fill() {
	ctx, t := w.t.Context(), w.t
	p := must[*project.Project](t)(w.Projects.Create(ctx, w.admin, project.Patch{Name: opt.Of("Castle"), Identifier: opt.Of("castle"), Description: opt.Of("Keep it dry.")}))
	w.project = p.ID
	roles := must[[]membership.Role](t)(w.Memberships.Roles(ctx, w.admin, membership.RoleFilter{}))
	member := slices.IndexFunc(roles, func(r membership.Role) bool { return r.Name == "Member" })
	must[*membership.Member](t)(w.Memberships.Create(ctx, w.admin, membership.CreateInput{Principal: w.actor("bob").ID, Project: p.ID, Roles: []id.Role{roles[member].ID}}))
	child := must[*workpackage.WorkPackage](t)(w.WorkPackages.Create(ctx, w.admin, workpackage.Patch{Project: opt.Of(p.ID), Subject: opt.Of("Mend the roof"), Assignee: opt.Of(ptr(w.actor("bob").ID))}))
	parent := must[*workpackage.WorkPackage](t)(w.WorkPackages.Create(ctx, w.admin, workpackage.Patch{Project: opt.Of(p.ID), Subject: opt.Of("Mend all")}))
	w.child, w.parent = child.ID, parent.ID
	must[*workpackage.WorkPackage](t)(w.WorkPackages.Update(ctx, w.admin, w.child, workpackage.Patch{Parent: opt.Of(&w.parent), LockVersion: opt.Of(child.LockVersion), Notes: "It belongs there."}))
	must[*workpackage.Activity](t)(w.WorkPackages.Comment(ctx, w.admin, w.child, "It leaks where the ivy was.", false))
	must[bool](t)(w.WorkPackages.Watch(ctx, w.admin, w.child, w.actor("bob").ID))
	f := must[*attachment.Attachment](t)(w.Attachments.Create(ctx, w.admin, attachment.Upload{FileName: "plan.txt", ContainerType: "WorkPackage", ContainerID: int64(w.child)}, strings.NewReader(content)))
	w.file = f.ID
}

func ptr[T any](v T) *T { return &v }

func (w *world) backup() string {
	w.t.Helper()
	b := must[backup.Backup](w.t)(w.Backups.RunInline(w.t.Context(), access.Operator("test"), "", backup.InlineOptions{}))
	return b.Snapshot
}

func (w *world) exec(text string, args ...any) {
	w.t.Helper()
	err := db.Do(w.t.Context(), w.DB, func(tx *db.Tx) error {
		_, err := db.Exec(w.t.Context(), tx, db.SQL(text, args...))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) number(text string, args ...any) int {
	w.t.Helper()
	return must[int](w.t)(db.Read(w.t.Context(), w.DB, func(tx *db.Tx) (int, error) {
		return db.Scalar[int](w.t.Context(), tx, db.SQL(text, args...))
	}))
}

func (w *world) of(kind retrieve.Kind, n int64) retrieve.Wanted {
	return retrieve.Wanted{Snapshot: w.snapshot, Kind: kind, ID: n}
}

func (w *world) preview(kind retrieve.Kind, n int64) retrieve.Preview {
	w.t.Helper()
	return must[retrieve.Preview](w.t)(w.Retrieve.Preview(w.t.Context(), w.admin, w.of(kind, n)))
}

func (w *world) retrieve(kind retrieve.Kind, n int64, c retrieve.Choice) retrieve.Result {
	w.t.Helper()
	r := must[retrieve.Result](w.t)(w.Retrieve.Retrieve(w.t.Context(), w.admin, w.of(kind, n), c, nil))
	if len(r.Failed) > 0 {
		w.t.Fatalf("%+v", r)
	}
	return r
}

// purge removes everything in the trash, with its bytes, for good.
func (w *world) purge() {
	w.t.Helper()
	w.exec(`UPDATE work_packages SET deleted_at = 1 WHERE deleted_at IS NOT NULL`)
	w.exec(`UPDATE projects SET deleted_at = 1 WHERE deleted_at IS NOT NULL`)
	must[int](w.t)(w.WorkPackages.Purge(w.t.Context(), time.Hour))
	must[int](w.t)(w.Projects.Purge(w.t.Context(), time.Hour))
	w.exec(`UPDATE attachments SET deleted_at = 1 WHERE deleted_at IS NOT NULL`)
	must[attachment.Collected](w.t)(w.Attachments.Collect(w.t.Context(), time.Hour))
}

func (w *world) entries(n id.WorkPackage) []journal.Entry {
	w.t.Helper()
	return must[[]journal.Entry](w.t)(db.Read(w.t.Context(), w.DB, func(tx *db.Tx) ([]journal.Entry, error) {
		return journal.List(w.t.Context(), tx, journal.WorkPackage, int64(n))
	}))
}

func (w *world) content() string {
	w.t.Helper()
	_, f, err := w.Attachments.Open(w.t.Context(), w.admin, w.file)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	return string(must[[]byte](w.t)(io.ReadAll(f)))
}

func TestAPurgedWorkPackageComesBackWhole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		before := w.entries(w.child)
		if p := w.preview(retrieve.WorkPackage, int64(w.child)); !p.Same() || p.Title != "Mend the roof" {
			t.Fatalf("nothing has changed yet: %+v", p)
		}
		if err := w.WorkPackages.Delete(ctx, w.admin, w.child); err != nil {
			t.Fatal(err)
		}
		w.purge()
		w.exec(`DELETE FROM blobs`)
		sha := w.sha()
		if err := w.Blobs.Delete(ctx, sha); err != nil {
			t.Fatal(err)
		}
		p := w.preview(retrieve.WorkPackage, int64(w.child))
		if !p.Gone || p.History != len(before) || p.Watchers != 1 || len(p.Files) != 1 || p.Files[0].Why != "gone" {
			t.Fatalf("%+v", p)
		}
		r := w.retrieve(retrieve.WorkPackage, int64(w.child), retrieve.Choice{LockVersion: p.LockVersion})
		if r.WorkPackages != 1 || r.Entries != len(before) || r.Files != 1 {
			t.Errorf("%+v", r)
		}
		got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
		if got.Subject != "Mend the roof" || got.ParentID == nil || *got.ParentID != w.parent || got.AssigneeID == nil {
			t.Errorf("%+v", got)
		}
		after := w.entries(w.child)
		if len(after) < len(before)+1 || after[len(before)].Cause != "retrieved from snapshot "+w.snapshot || after[1].Notes != before[1].Notes || after[0].ID != before[0].ID {
			t.Errorf("the history is %+v", after)
		}
		if w.content() != content {
			t.Error("the file has another content")
		}
		if p := w.preview(retrieve.WorkPackage, int64(w.child)); !p.Same() {
			t.Errorf("it differs still: %+v", p)
		}
		if r := w.retrieve(retrieve.WorkPackage, int64(w.child), retrieve.Choice{}); r.WorkPackages+r.Files != 0 || len(w.entries(w.child)) != len(after) {
			t.Errorf("a second time something came back: %+v", r)
		}
		if w.number(`SELECT COUNT(*) FROM audit_entries WHERE action = 'backup.retrieve'`) != 2 {
			t.Error("it is not in the audit log")
		}
	})
}

func (w *world) sha() string {
	w.t.Helper()
	f, r, err := w.Retrieve.Open(w.t.Context(), w.admin, w.of(retrieve.File, int64(w.file)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if got := string(must[[]byte](w.t)(io.ReadAll(r))); got != content || f.FileName != "plan.txt" {
		w.t.Errorf("%s is %q", f.FileName, got)
	}
	return f.SHA256
}

func TestChangedFieldsAreSetBackAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		now := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
		now = must[*workpackage.WorkPackage](t)(w.WorkPackages.Update(ctx, w.admin, w.child, workpackage.Patch{
			Subject: opt.Of("Tear it down"), Description: opt.Of("All of it."), LockVersion: opt.Of(now.LockVersion),
		}))
		p := w.preview(retrieve.WorkPackage, int64(w.child))
		if len(p.Changes) != 2 || p.Changes[0].Field != "subject" || p.Changes[0].Now != "Tear it down" || p.Changes[0].Then != "Mend the roof" || p.History != 0 {
			t.Fatalf("%+v", p)
		}
		_, err := w.Retrieve.Retrieve(ctx, w.admin, w.of(retrieve.WorkPackage, int64(w.child)), retrieve.Choice{LockVersion: now.LockVersion - 1}, nil)
		if !fault.Is(err, fault.KindConflict) {
			t.Errorf("with an older lock version: %v", err)
		}
		w.retrieve(retrieve.WorkPackage, int64(w.child), retrieve.Choice{Fields: []string{"subject"}, LockVersion: p.LockVersion})
		got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
		if got.Subject != "Mend the roof" || got.Description != "All of it." || got.LockVersion != now.LockVersion+1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatItReferredToMayBeGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, n := range []id.WorkPackage{w.child, w.parent} {
			if err := w.WorkPackages.Delete(ctx, w.admin, n); err != nil && !fault.Is(err, fault.KindNotFound) {
				t.Fatal(err)
			}
		}
		w.purge()
		w.exec(`UPDATE users SET deleted_at = 1 WHERE login = 'bob'`)
		p := w.preview(retrieve.WorkPackage, int64(w.child))
		text := strings.Join(p.Notes, "; ")
		if !strings.Contains(text, "assignee") || !strings.Contains(text, "parent") || p.Watchers != 0 {
			t.Errorf("%+v", p)
		}
		w.retrieve(retrieve.WorkPackage, int64(w.child), retrieve.Choice{LockVersion: -1})
		got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
		if got.AssigneeID != nil || got.ParentID != nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPurgedProjectComesBackWithAllThatIsInIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if err := w.Projects.Delete(ctx, w.admin, w.project); err != nil {
			t.Fatal(err)
		}
		_, err := w.Retrieve.Preview(ctx, w.admin, w.of(retrieve.WorkPackage, int64(w.child)))
		if !fault.Is(err, fault.KindConflict) || !strings.Contains(err.Error(), "project") {
			t.Errorf("a work package without its project: %v", err)
		}
		w.purge()
		must[*project.Project](t)(w.Projects.Create(ctx, w.admin, project.Patch{Name: opt.Of("Another"), Identifier: opt.Of("castle")}))
		p := w.preview(retrieve.Project, int64(w.project))
		if !p.Gone || p.Contents != (retrieve.Contents{All: 2, Gone: 2}) || p.Members < 1 || len(p.Files) != 1 || !strings.Contains(strings.Join(p.Notes, ""), "identifier") {
			t.Fatalf("%+v", p)
		}
		r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{})
		if strings.Contains(strings.Join(r.Notes, ";"), "its parent") {
			t.Errorf("the parent is there in the end: %v", r.Notes)
		}
		if r.Projects != 1 || r.WorkPackages != 2 || r.Files != 1 || r.Members < 1 {
			t.Errorf("%+v", r)
		}
		got := must[*project.Project](t)(w.Projects.Find(ctx, w.admin, w.project))
		if got.Name != "Castle" || got.Identifier != "castle-2" || len(got.Modules) == 0 || len(got.Types) == 0 {
			t.Errorf("%+v", got)
		}
		child := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.actor("bob"), w.child)) // who is a member again
		if child.ParentID == nil || *child.ParentID != w.parent {
			t.Errorf("its parent came after it: %+v", child)
		}
		if w.content() != content {
			t.Error("the file has another content")
		}
		r = w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{})
		if r.Projects+r.WorkPackages+r.Files+r.Members != 0 {
			t.Errorf("a second time something came back: %+v", r)
		}
	})
}

func TestAProjectLeavesWhatWasChangedSince(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		now := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.parent))
		must[*workpackage.WorkPackage](t)(w.WorkPackages.Update(ctx, w.admin, w.parent, workpackage.Patch{Subject: opt.Of("Mend some"), LockVersion: opt.Of(now.LockVersion)}))
		if err := w.WorkPackages.Delete(ctx, w.admin, w.child); err != nil {
			t.Fatal(err)
		}
		p := w.preview(retrieve.Project, int64(w.project))
		if p.Contents.InTrash != 1 || p.Contents.Changed != 1 || p.Gone {
			t.Fatalf("%+v", p)
		}
		if r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{}); r.WorkPackages != 1 || r.Projects != 0 {
			t.Errorf("%+v", r)
		}
		if got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.parent)); got.Subject != "Mend some" {
			t.Errorf("%+v", got)
		}
		if r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{Everything: true}); r.WorkPackages != 1 {
			t.Errorf("%+v", r)
		}
		if got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.parent)); got.Subject != "Mend all" {
			t.Errorf("%+v", got)
		}
	})
}

func TestOnlyAdministratorsRetrieve(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, k := range []retrieve.Kind{retrieve.WorkPackage, retrieve.Project, retrieve.File} {
			for _, a := range []access.Actor{w.actor("bob"), access.Anonymous("")} {
				_, err1 := w.Retrieve.Preview(ctx, a, w.of(k, 1))
				_, err2 := w.Retrieve.Retrieve(ctx, a, w.of(k, 1), retrieve.Choice{}, nil)
				_, _, err3 := w.Retrieve.Open(ctx, a, w.of(k, 1))
				for _, err := range []error{err1, err2, err3} {
					if !fault.Is(err, fault.KindForbidden) && !fault.Is(err, fault.KindUnauthenticated) {
						t.Errorf("%s, %s: %v", k, a.Name, err)
					}
				}
			}
			for _, n := range []int64{0, -1, 4711, 1 << 62} {
				_, err := w.Retrieve.Preview(ctx, w.admin, w.of(k, n))
				if !fault.Is(err, fault.KindNotFound) {
					t.Errorf("%s %d: %v", k, n, err)
				}
			}
		}
		for _, wanted := range []retrieve.Wanted{{Snapshot: "20000101", Kind: retrieve.File, ID: 1}, {Snapshot: "../x", Kind: retrieve.File, ID: 1}} {
			if _, err := w.Retrieve.Preview(ctx, w.admin, wanted); !fault.Is(err, fault.KindNotFound) {
				t.Errorf("%+v: %v", wanted, err)
			}
		}
		if _, err := w.Retrieve.Preview(ctx, w.admin, w.of("wiki", 1)); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("an unknown kind: %v", err)
		}
	})
}

func TestDamageIsToldAndNothingComesBackWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if err := w.WorkPackages.Delete(ctx, w.admin, w.child); err != nil {
			t.Fatal(err)
		}
		w.purge()
		err := filepath.WalkDir(filepath.Join(w.Config.Data, "repository", "packs"), func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for i := range b {
				b[i] ^= 0x55
			}
			return os.WriteFile(name, b, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Retrieve.Retrieve(context.Background(), w.admin, w.of(retrieve.WorkPackage, int64(w.child)), retrieve.Choice{LockVersion: -1}, nil); err == nil {
			t.Error("a damaged snapshot was read")
		}
		if w.number(`SELECT COUNT(*) FROM work_packages WHERE id = ?`, w.child) != 0 {
			t.Error("something came back")
		}
		if _, r, err := w.Retrieve.Open(ctx, w.admin, w.of(retrieve.File, int64(w.file))); err == nil {
			var b bytes.Buffer
			if _, err := b.ReadFrom(r); err == nil {
				t.Error("a damaged file was read to its end")
			}
		}
	})
}
