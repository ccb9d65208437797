package workpackage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// settings are the instance's settings in a test.
type settings struct{ status, close bool }

func (settings) WorkingDays() []int          { return []int{1, 2, 3, 4, 5} }
func (settings) NonWorkingDays() []db.Day    { return nil }
func (s settings) StatusBasedProgress() bool { return s.status }
func (s settings) CompleteOnClose() bool     { return s.close }

// noFiles stands for an instance without uploads.
type noFiles struct{}

func (noFiles) Claim(context.Context, *db.Tx, access.Actor, []id.Attachment, string, int64) error {
	return errors.New("no uploads in this test")
}
func (noFiles) TrashAll(context.Context, *db.Tx, string, []int64) error { return nil }

// The cast: project 1 private, 2 public, 3 private and strange to everyone but
// the administrator. Ann is a member of 1 and 2 with all rights of a Member,
// Rob reads 1, Bob is a member of nothing, Zoe administers.
var (
	ann = access.Actor{Kind: access.Person, ID: 11, Name: "Ann"}
	rob = access.Actor{Kind: access.Person, ID: 12, Name: "Rob"}
	bob = access.Actor{Kind: access.Person, ID: 13, Name: "Bob"}
	zoe = access.Actor{Kind: access.Person, ID: 14, Name: "Zoe", Admin: true}
)

const (
	task, milestone   id.Type     = 1, 2
	fresh, busy, done id.Status   = 1, 2, 3
	p1, p2, p3        id.Project  = 1, 2, 3
	normal, gone      id.Priority = 1, 2
)

var cast = []string{
	`INSERT INTO users (id, kind, login, login_folded, firstname, lastname, name_folded, admin, created_at, updated_at) VALUES
		(11, 'User', 'ann', 'ann', 'Ann', 'Adams', 'ann adams', FALSE, 0, 0), (12, 'User', 'rob', 'rob', 'Rob', 'Reed', 'rob reed', FALSE, 0, 0),
		(13, 'User', 'bob', 'bob', 'Bob', 'Burns', 'bob burns', FALSE, 0, 0), (14, 'User', 'zoe', 'zoe', 'Zoe', 'Zane', 'zoe zane', TRUE, 0, 0)`,
	`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, public, created_at, updated_at) VALUES
		(1, 'one', 'one', 'One', 'one', FALSE, 0, 0), (2, 'two', 'two', 'Two', 'two', TRUE, 0, 0), (3, 'three', 'three', 'Three', 'three', FALSE, 0, 0)`,
	`INSERT INTO enabled_modules (project_id, name) VALUES (1, 'work_package_tracking'), (2, 'work_package_tracking'), (3, 'work_package_tracking')`,
	`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES (1, 'Member', 'ProjectRole', 0, 1, 0, 0),
		(2, 'Reader', 'ProjectRole', 0, 2, 0, 0), (3, 'Non member', 'ProjectRole', 1, 3, 0, 0), (4, 'Anonymous', 'ProjectRole', 2, 4, 0, 0)`,
	`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'view_work_packages'), (1, 'add_work_packages'), (1, 'edit_work_packages'),
		(1, 'move_work_packages'), (1, 'delete_work_packages'), (1, 'manage_subtasks'), (1, 'work_package_assigned'), (1, 'add_work_package_comments'),
		(1, 'edit_own_work_package_comments'), (1, 'view_internal_comments'), (1, 'add_internal_comments'), (1, 'add_work_package_watchers'),
		(1, 'view_work_package_watchers'), (1, 'delete_work_package_watchers'),
		(2, 'view_work_packages'), (2, 'add_work_package_comments'), (3, 'view_work_packages')`,
	`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (1, 11, 1, 0, 0), (2, 11, 2, 0, 0), (3, 12, 1, 0, 0)`,
	`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1), (2, 1), (3, 2)`,
	`INSERT INTO types (id, name, position, is_milestone, created_at, updated_at) VALUES (1, 'Task', 1, FALSE, 0, 0), (2, 'Milestone', 2, TRUE, 0, 0)`,
	`INSERT INTO projects_types (project_id, type_id) VALUES (1, 1), (1, 2), (2, 1), (3, 1)`,
	`INSERT INTO statuses (id, name, position, is_default, is_closed, default_done_ratio, created_at, updated_at) VALUES
		(1, 'New', 1, TRUE, FALSE, 0, 0, 0), (2, 'In progress', 2, FALSE, FALSE, 40, 0, 0), (3, 'Closed', 3, FALSE, TRUE, 100, 0, 0)`,
	`INSERT INTO priorities (id, name, position, is_default, active, created_at, updated_at) VALUES (1, 'Normal', 1, TRUE, TRUE, 0, 0), (2, 'Gone', 2, FALSE, FALSE, 0, 0)`,
	`INSERT INTO workflows (type_id, role_id, old_status_id, new_status_id) VALUES (1, 1, 1, 2), (1, 1, 2, 3), (1, 1, 2, 1), (2, 1, 1, 3)`,
}

func start(t *testing.T, d *db.DB, s settings) *workpackage.Service {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		for _, stmt := range cast {
			if _, err := db.Exec(t.Context(), tx, db.SQL(stmt)); err != nil {
				return fmt.Errorf("%s: %w", stmt, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return workpackage.New(workpackage.Deps{DB: d, Settings: s, Attachments: noFiles{}})
}

func each(t *testing.T, fn func(t *testing.T, s *workpackage.Service)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, start(t, d, settings{})) })
}

func in(p id.Project, subject string) workpackage.Patch {
	return workpackage.Patch{Project: opt.Of(p), Subject: opt.Of(subject)}
}

func mustCreate(t *testing.T, s *workpackage.Service, p workpackage.Patch) *workpackage.WorkPackage {
	t.Helper()
	w, err := s.Create(t.Context(), ann, p)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func at(w *workpackage.WorkPackage) workpackage.Patch {
	return workpackage.Patch{LockVersion: opt.Of(w.LockVersion)}
}

// codes returns the refused fields as name=code, in order.
func codes(err error) string {
	out := ""
	for _, f := range fault.Fields(err) {
		out += f.Name + "=" + f.Code + " "
	}
	return out
}

func TestCreateFillsDefaults(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		w := mustCreate(t, s, in(p1, "  Paint the fence "))
		if w.Subject != "Paint the fence" || w.TypeID != task || w.StatusID != fresh || w.PriorityID != normal || w.AuthorID != ann.ID || w.LockVersion != 0 {
			t.Errorf("got %+v", w)
		}
		acts, err := s.Activities(t.Context(), rob, w.ID)
		if err != nil || len(acts) != 1 || acts[0].Version != 1 || len(acts[0].Changes) == 0 {
			t.Errorf("got %+v, %v, want one activity with the first values", acts, err)
		}
	})
}

func TestWhoMayWhat(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "private"))
		pub := mustCreate(t, s, in(p2, "public"))
		visitor := access.Anonymous("127.0.0.1")
		kinds := map[string]struct {
			got  error
			want fault.Kind
		}{
			"a reader cannot create":                  {second(s.Create(ctx, rob, in(p1, "x"))), fault.KindForbidden},
			"a stranger cannot tell the project":      {second(s.Create(ctx, bob, in(p1, "x"))), fault.KindNotFound},
			"a stranger in a public project":          {second(s.Create(ctx, bob, in(p2, "x"))), fault.KindForbidden},
			"a visitor in a public project":           {second(s.Create(ctx, visitor, in(p2, "x"))), fault.KindUnauthenticated},
			"a stranger cannot see":                   {second(s.Find(ctx, bob, w.ID)), fault.KindNotFound},
			"a stranger cannot change":                {second(s.Update(ctx, bob, w.ID, at(w))), fault.KindNotFound},
			"a reader cannot change":                  {second(s.Update(ctx, rob, w.ID, at(w))), fault.KindForbidden},
			"forbidden hides a stale version":         {second(s.Update(ctx, rob, w.ID, workpackage.Patch{})), fault.KindForbidden},
			"a reader cannot delete":                  {s.Delete(ctx, rob, w.ID), fault.KindForbidden},
			"a stranger cannot delete":                {s.Delete(ctx, bob, w.ID), fault.KindNotFound},
			"a stranger cannot comment in public":     {second(s.Comment(ctx, bob, pub.ID, "hi", false)), fault.KindForbidden},
			"a stranger cannot list watchers":         {second(s.Watchers(ctx, bob, pub.ID)), fault.KindForbidden},
			"a visitor cannot watch":                  {second(s.Watch(ctx, visitor, pub.ID, access.AnonymousID)), fault.KindNotFound},
			"a stranger cannot add other watchers":    {second(s.Watch(ctx, bob, pub.ID, ann.ID)), fault.KindForbidden},
			"a reader cannot write internal comments": {second(s.Comment(ctx, rob, w.ID, "psst", true)), fault.KindForbidden},
			"assignees need the right to assign":      {second(s.AvailableAssignees(ctx, rob, p1)), fault.KindForbidden},
			"assignees of a hidden project":           {second(s.AvailableAssignees(ctx, bob, p1)), fault.KindNotFound},
			"a schema of a hidden project":            {second(s.SchemaOf(ctx, bob, p1, task)), fault.KindNotFound},
			"a schema of a type not in use":           {second(s.SchemaOf(ctx, ann, p2, milestone)), fault.KindNotFound},
			"a preview of a hidden work package":      {second(s.Preview(ctx, bob, w.ID, workpackage.Patch{})), fault.KindNotFound},
			"activities of a hidden work package":     {second(s.Activities(ctx, bob, w.ID)), fault.KindNotFound},
		}
		for name, c := range kinds {
			if fault.KindOf(c.got) != c.want || c.got == nil {
				t.Errorf("%s: got %v, want kind %d", name, c.got, c.want)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestRefusedFieldsAreAllNamed(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "x"))
		child := mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of("child"), Parent: opt.Ptr(w.ID)})
		mile := mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of("m"), Type: opt.Of(milestone)})
		hidden, err := s.Create(ctx, zoe, in(p3, "hidden"))
		if err != nil {
			t.Fatal(err)
		}
		set := func(fn func(*workpackage.Patch)) workpackage.Patch { p := at(w); fn(&p); return p }
		for name, c := range map[string]struct {
			p    workpackage.Patch
			want string
		}{
			"several at once": {set(func(p *workpackage.Patch) { p.Subject = opt.Of(" "); p.Priority = opt.Of(gone) }), "priority=not_available subject=blank "},
			"no such step":    {set(func(p *workpackage.Patch) { p.Status = opt.Of(done) }), "status=no_transition "},
			"no such status":  {set(func(p *workpackage.Patch) { p.Status = opt.Of(id.Status(99)) }), "status=not_available "},
			"not assignable":  {set(func(p *workpackage.Patch) { p.Assignee = opt.Ptr(rob.ID) }), "assignee=not_available "},
			"finish before start": {set(func(p *workpackage.Patch) {
				p.StartDate = opt.Ptr(db.Day("2026-11-24"))
				p.DueDate = opt.Ptr(db.Day("2026-11-23"))
			}), "dueDate=before_start_date "},
			"its own parent":         {set(func(p *workpackage.Patch) { p.Parent = opt.Ptr(w.ID) }), "parent=self "},
			"a descendant as parent": {set(func(p *workpackage.Patch) { p.Parent = opt.Ptr(child.ID) }), "parent=descendant "},
			"a milestone as parent":  {set(func(p *workpackage.Patch) { p.Parent = opt.Ptr(mile.ID) }), "parent=milestone "},
			"an invisible parent":    {set(func(p *workpackage.Patch) { p.Parent = opt.Ptr(hidden.ID) }), "parent=not_available "},
			"an invisible project":   {set(func(p *workpackage.Patch) { p.Project = opt.Of(p3) }), "project=not_available "},
			"more left than there is": {set(func(p *workpackage.Patch) {
				p.EstimatedSeconds = opt.Ptr(int64(3600))
				p.RemainingSeconds = opt.Ptr(int64(7200))
			}), "remainingTime=exceeds_work "},
			"a negative duration": {set(func(p *workpackage.Patch) { p.Duration = opt.Ptr(-1) }), "duration=out_of_range "},
		} {
			_, err := s.Update(ctx, ann, w.ID, c.p)
			if got := codes(err); got != c.want {
				t.Errorf("%s: got %q (%v), want %q", name, got, err, c.want)
			}
			form, perr := s.Preview(ctx, ann, w.ID, c.p)
			if perr != nil || codes(fault.Invalid(form.Errors...)) != c.want {
				t.Errorf("%s: the preview says %v, %v, want %q", name, form, perr, c.want)
			}
		}
		if now, _ := s.Find(ctx, ann, w.ID); now.LockVersion != w.LockVersion {
			t.Error("a refused update left a change behind")
		}
	})
}

func TestStaleLockVersion(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		w := mustCreate(t, s, in(p1, "contended"))
		var wg sync.WaitGroup
		var ok, conflict atomic.Int64
		for i := range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				p := at(w)
				p.Subject = opt.Of(fmt.Sprintf("by %d", i))
				_, err := s.Update(context.Background(), ann, w.ID, p)
				switch {
				case err == nil:
					ok.Add(1)
				case fault.Is(err, fault.KindConflict):
					conflict.Add(1)
				default:
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if ok.Load() != 1 || conflict.Load() != 5 {
			t.Errorf("%d updates won and %d were refused, want 1 and 5", ok.Load(), conflict.Load())
		}
		if _, err := s.Update(t.Context(), ann, w.ID, workpackage.Patch{Subject: opt.Of("x")}); !fault.Is(err, fault.KindConflict) {
			t.Errorf("without a lock version: got %v, want Conflict", err)
		}
	})
}

func TestStatusFollowsTheWorkflow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d, settings{close: true})
		w := mustCreate(t, s, in(p1, "x"))
		for _, st := range []id.Status{busy, done} {
			p := at(w)
			p.Status = opt.Of(st)
			var err error
			if w, err = s.Update(t.Context(), ann, w.ID, p); err != nil {
				t.Fatal(err)
			}
		}
		if w.DoneRatio == nil || *w.DoneRatio != 100 {
			t.Errorf("closing set %v %%, want 100", w.DoneRatio)
		}
	})
}

func TestMovingTakesDescendantsAlong(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		w := mustCreate(t, s, in(p1, "top"))
		c := mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of("below"), Parent: opt.Ptr(w.ID), Type: opt.Of(milestone)})
		p := at(w)
		p.Project = opt.Of(p2)
		if _, err := s.Update(t.Context(), ann, w.ID, p); err != nil {
			t.Fatal(err)
		}
		got, err := s.Find(t.Context(), ann, c.ID)
		if err != nil || got.ProjectID != p2 || got.TypeID != task {
			t.Errorf("got %+v, %v, want it in project 2 as a task", got, err)
		}
	})
}

func TestTrashAndBack(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "top"))
		c := mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of("below"), Parent: opt.Ptr(w.ID)})
		if err := s.Delete(ctx, ann, w.ID); err != nil {
			t.Fatal(err)
		}
		for _, x := range []id.WorkPackage{w.ID, c.ID} {
			if _, err := s.Find(ctx, ann, x); !fault.Is(err, fault.KindNotFound) {
				t.Errorf("%d is still there: %v", x, err)
			}
		}
		if err := s.Restore(ctx, rob, w.ID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a reader restored: %v", err)
		}
		if err := s.Restore(ctx, ann, w.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Find(ctx, ann, c.ID); err != nil || got.ParentID == nil || *got.ParentID != w.ID {
			t.Errorf("got %+v, %v, want the child back below its parent", got, err)
		}
		if err := s.Delete(ctx, ann, w.ID); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Purge(ctx, -1); err != nil || n != 2 {
			t.Errorf("purged %d, %v, want 2", n, err)
		}
		if err := s.Restore(ctx, ann, w.ID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("restored what was purged: %v", err)
		}
	})
}

func TestCommentsAndWatchers(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "x"))
		if _, err := s.Comment(ctx, ann, w.ID, "between us", true); err != nil {
			t.Fatal(err)
		}
		act, err := s.Comment(ctx, rob, w.ID, "hello", false)
		if err != nil || act.Notes != "hello" || act.Editable {
			t.Fatalf("got %+v, %v", act, err)
		}
		mine, err := s.Comment(ctx, ann, w.ID, "first", false)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := s.EditComment(ctx, ann, mine.ID, "second"); err != nil || e.Notes != "second" {
			t.Errorf("got %+v, %v", e, err)
		}
		if _, err := s.EditComment(ctx, ann, act.ID, "x"); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("edited someone else's comment: %v", err)
		}
		if _, err := s.Comment(ctx, ann, w.ID, " \n", false); codes(err) != "comment=blank " {
			t.Errorf("got %v, want a refusal of the empty comment", err)
		}
		forRob, _ := s.Activities(ctx, rob, w.ID)
		for _, a := range forRob {
			if a.Internal || a.Notes == "between us" {
				t.Error("a reader sees an internal comment")
			}
		}
		if created, err := s.Watch(ctx, rob, w.ID, rob.ID); err != nil || !created {
			t.Errorf("got %v, %v", created, err)
		}
		if created, err := s.Watch(ctx, ann, w.ID, rob.ID); err != nil || created {
			t.Errorf("watching twice: got %v, %v", created, err)
		}
		if _, err := s.Watch(ctx, ann, w.ID, bob.ID); codes(err) != "user=not_available " {
			t.Errorf("someone who cannot see it watches: %v", err)
		}
		if got, err := s.Watchers(ctx, ann, w.ID); err != nil || len(got) != 1 || got[0].Name != "Rob Reed" {
			t.Errorf("got %v, %v", got, err)
		}
		if err := s.Unwatch(ctx, rob, w.ID, rob.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestListShowsOnlyWhatMayBeSeen(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "Alpha 50%"))
		mustCreate(t, s, in(p2, "beta"))
		mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of("Gamma"), Parent: opt.Ptr(w.ID), EstimatedSeconds: opt.Ptr(int64(7200)), Assignee: opt.Ptr(ann.ID)})
		if _, err := s.Create(ctx, zoe, in(p3, "hidden")); err != nil {
			t.Fatal(err)
		}
		page := filter.Page{Number: 1, Size: 2}
		list := func(a access.Actor, conds ...filter.Condition) *workpackage.Page {
			t.Helper()
			p, err := s.List(ctx, a, workpackage.ListInput{Filters: conds, Page: page, Sort: []filter.Sort{{Name: "subject"}, {Name: "assignee"}, {Name: "status"}}})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		for name, c := range map[string]struct {
			got, want int
		}{
			"a member sees her projects":    {list(ann).Total, 3},
			"a stranger sees public ones":   {list(bob).Total, 1},
			"an administrator sees all":     {list(zoe).Total, 4},
			"by text":                       {list(ann, filter.Condition{Name: "subject", Op: "~", Values: []string{"50%"}}).Total, 1},
			"by ancestor":                   {list(ann, filter.Condition{Name: "ancestor", Op: "=", Values: []string{fmt.Sprint(w.ID)}}).Total, 1},
			"open ones":                     {list(ann, filter.Condition{Name: "status", Op: "o"}).Total, 3},
			"closed ones":                   {list(ann, filter.Condition{Name: "status", Op: "c"}).Total, 0},
			"by number or subject":          {list(ann, filter.Condition{Name: "subject_or", Op: "**", Values: []string{fmt.Sprintf("#%d", w.ID)}}).Total, 1},
			"by search":                     {list(ann, filter.Condition{Name: "search", Op: "**", Values: []string{"gam"}}).Total, 1},
			"assigned to me":                {list(ann, filter.Condition{Name: "assignee", Op: "=", Values: []string{"me"}}).Total, 1},
			"watched by me":                 {list(ann, filter.Condition{Name: "watcher", Op: "=", Values: []string{"me"}}).Total, 0},
			"created today":                 {list(ann, filter.Condition{Name: "created_at", Op: "t"}).Total, 3},
			"the page has its size":         {len(list(ann).Items), 2},
			"work of more than one hour":    {list(ann, filter.Condition{Name: "estimated_time", Op: ">=", Values: []string{"1.5"}}).Total, 1},
			"those without a parent at all": {list(ann, filter.Condition{Name: "parent", Op: "!*"}).Total, 2},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %d, want %d", name, c.got, c.want)
			}
		}
		refs := list(ann).Refs
		if d := refs.Derived[w.ID]; d.Work == nil || *d.Work != 7200 || len(refs.Children[w.ID]) != 1 {
			t.Errorf("got derived %+v and children %v", d, refs.Children[w.ID])
		}
		if _, err := s.List(ctx, ann, workpackage.ListInput{Filters: []filter.Condition{{Name: "color", Op: "="}}, Page: page}); fault.Of(err) == nil {
			t.Errorf("an unknown filter: got %v", err)
		}
	})
}

func TestListNeedsAFixedNumberOfStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d, settings{})
		count := func(size int) int64 {
			var n atomic.Int64
			_, err := s.List(db.CountStatements(t.Context(), &n), ann, workpackage.ListInput{Page: filter.Page{Number: 1, Size: size}})
			if err != nil {
				t.Fatal(err)
			}
			return n.Load()
		}
		var parent *id.WorkPackage
		for i := range 30 {
			p := in(p1, fmt.Sprint("wp ", i))
			p.Parent = opt.Value[*id.WorkPackage]{Set: true, V: parent}
			w := mustCreate(t, s, p)
			if i%3 == 0 {
				parent = &w.ID
			}
		}
		if few, many := count(5), count(30); few != many || many > 11 {
			t.Errorf("5 rows took %d statements and 30 rows %d; want equal, and at most 11 beside the one that finds the actor", few, many)
		}
	})
}
