package retrieve_test

import (
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/retrieve"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// plan gives the project a version that is shared with all, and a category of bob's,
// which its child and a work package of another project use, and takes a snapshot.
func (w *world) plan() (v id.Version, c id.Category, elsewhere id.WorkPackage) {
	ctx, t := w.t.Context(), w.t
	made := must[*version.Version](t)(w.Versions.Create(ctx, w.admin, version.Patch{
		Project: opt.Of(w.project), Name: opt.Of("Before winter"), Sharing: opt.Of(version.System), Description: opt.Of("Dry by then."), DueDate: opt.Of(ptr(db.Day("2026-12-01"))),
	}))
	must[*version.Version](t)(w.Versions.Update(ctx, w.actor("ann"), made.ID, version.Patch{Status: opt.Of(version.Locked)}))
	must[*version.Version](t)(w.Versions.Update(ctx, w.admin, made.ID, version.Patch{Status: opt.Of(version.Open)}))
	sorted := must[*category.Category](t)(w.Categories.Create(ctx, w.admin, w.project, category.Patch{Name: opt.Of("Roofs"), Assignee: opt.Of(ptr(w.actor("bob").ID))}))
	now := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
	must[*workpackage.WorkPackage](t)(w.WorkPackages.Update(ctx, w.admin, w.child, workpackage.Patch{Version: opt.Of(&made.ID), Category: opt.Of(&sorted.ID), LockVersion: opt.Of(now.LockVersion)}))
	other := must[*project.Project](t)(w.Projects.Create(ctx, w.admin, project.Patch{Name: opt.Of("Moat"), Identifier: opt.Of("moat")}))
	guest := must[*workpackage.WorkPackage](t)(w.WorkPackages.Create(ctx, w.admin, workpackage.Patch{Project: opt.Of(other.ID), Subject: opt.Of("Drain it"), Version: opt.Of(&made.ID)}))
	w.snapshot = w.backup()
	return made.ID, sorted.ID, guest.ID
}

func TestAPurgedProjectComesBackWithItsVersionsAndCategories(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v, c, guest := w.plan()
		before := must[*version.Version](t)(w.Versions.Find(ctx, w.admin, v))
		entries := w.number(`SELECT COUNT(*) FROM journals WHERE entity_type IN (?, ?)`, journal.Version, journal.Category)
		if err := w.Projects.Delete(ctx, w.admin, w.project); err != nil {
			t.Fatal(err)
		}
		w.purge()
		if w.number(`SELECT COUNT(*) FROM versions`)+w.number(`SELECT COUNT(*) FROM categories`) != 0 {
			t.Fatal("a purge leaves what the project planned with")
		}
		p := w.preview(retrieve.Project, int64(w.project))
		if p.Versions != 1 || p.Categories != 1 {
			t.Errorf("%+v", p)
		}
		r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{})
		if r.Versions != 1 || r.Categories != 1 || len(r.Failed) != 0 || strings.Contains(strings.Join(r.Notes, ";"), "left out") {
			t.Errorf("%+v", r)
		}
		after := must[*version.Version](t)(w.Versions.Find(ctx, w.admin, v))
		if after.Name != before.Name || after.Sharing != version.System || after.Status != version.Open || after.Description != before.Description ||
			after.DueDate == nil || *after.DueDate != *before.DueDate || !after.CreatedAt.Equal(before.CreatedAt.Time) {
			t.Errorf("before %+v, after %+v", before, after)
		}
		sorted := must[*category.Category](t)(w.Categories.Find(ctx, w.admin, c))
		if sorted.Name != "Roofs" || sorted.AssigneeID == nil || *sorted.AssigneeID != w.actor("bob").ID {
			t.Errorf("%+v", sorted)
		}
		child := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, w.child))
		if child.VersionID == nil || *child.VersionID != v || child.CategoryID == nil || *child.CategoryID != c {
			t.Errorf("what it was planned for: %+v", child)
		}
		if n := w.number(`SELECT COUNT(*) FROM journals WHERE entity_type IN (?, ?)`, journal.Version, journal.Category); n != entries+2 {
			t.Errorf("%d entries of history, before there were %d", n, entries)
		}
		if n := w.number(`SELECT COUNT(*) FROM journals WHERE entity_type = ? AND cause LIKE 'retrieved from%'`, journal.Version); n != 1 {
			t.Errorf("%d entries say where it came from", n)
		}
		// A work package of another project is set back by itself: it is shared with it again.
		if r := w.retrieve(retrieve.WorkPackage, int64(guest), retrieve.Choice{Fields: []string{"version"}, LockVersion: w.preview(retrieve.WorkPackage, int64(guest)).LockVersion}); r.WorkPackages != 1 {
			t.Errorf("%+v", r)
		}
		if got := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, guest)); got.VersionID == nil || *got.VersionID != v {
			t.Errorf("%+v", got)
		}
		if r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{Everything: true}); r.Versions+r.Categories != 0 {
			t.Errorf("a second time something came back: %+v", r)
		}
	})
}

func TestADeletedVersionComesBackBesideANewOneOfItsName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v, c, guest := w.plan()
		for _, n := range []id.WorkPackage{guest, w.child} {
			now := must[*workpackage.WorkPackage](t)(w.WorkPackages.Find(ctx, w.admin, n))
			must[*workpackage.WorkPackage](t)(w.WorkPackages.Update(ctx, w.admin, n, workpackage.Patch{Version: opt.Of[*id.Version](nil), LockVersion: opt.Of(now.LockVersion)}))
		}
		if err := w.Versions.Delete(ctx, w.admin, v); err != nil {
			t.Fatal(err)
		}
		if err := w.Categories.Delete(ctx, w.admin, c, nil); err != nil {
			t.Fatal(err)
		}
		history := w.number(`SELECT COUNT(*) FROM journals WHERE entity_type = ?`, journal.Version)
		must[*version.Version](t)(w.Versions.Create(ctx, w.admin, version.Patch{Project: opt.Of(w.project), Name: opt.Of("before WINTER")}))
		must[*category.Category](t)(w.Categories.Create(ctx, w.admin, w.project, category.Patch{Name: opt.Of("Roofs")}))
		w.exec(`UPDATE users SET status = 3 WHERE id = ?`, w.actor("bob").ID)
		if p := w.preview(retrieve.Project, int64(w.project)); p.Gone || p.Same() || p.Versions != 1 || p.Categories != 1 {
			t.Fatalf("%+v", p)
		}
		r := w.retrieve(retrieve.Project, int64(w.project), retrieve.Choice{})
		notes := strings.Join(r.Notes, "; ")
		if r.Versions != 1 || r.Categories != 1 || !strings.Contains(notes, "it gets Before winter (2)") || !strings.Contains(notes, "it gets Roofs (2)") || !strings.Contains(notes, "cannot be assigned") {
			t.Errorf("%+v", r)
		}
		if got := must[*version.Version](t)(w.Versions.Find(ctx, w.admin, v)); got.Name != "Before winter (2)" {
			t.Errorf("%+v", got)
		}
		if got := must[*category.Category](t)(w.Categories.Find(ctx, w.admin, c)); got.AssigneeID != nil {
			t.Errorf("%+v", got)
		}
		if n := w.number(`SELECT COUNT(*) FROM journals WHERE entity_type = ?`, journal.Version); n != history+2 { // of the new one, and of the return
			t.Errorf("%d entries of history, before there were %d", n, history)
		}
	})
}

func TestOnlyAdministratorsReinstateWhatWasPlanned(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, _, err := w.Versions.Reinstate(t.Context(), w.actor("bob"), version.Saved{}, "x")
		if !fault.Is(err, fault.KindForbidden) {
			t.Errorf("got %v", err)
		}
		_, _, err = w.Categories.Reinstate(t.Context(), w.actor("bob"), category.Saved{}, "x")
		if !fault.Is(err, fault.KindForbidden) {
			t.Errorf("got %v", err)
		}
	})
}
