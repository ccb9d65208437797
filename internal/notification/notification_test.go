package notification_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type settings struct{}

func (settings) WorkingDays() []int        { return []int{1, 2, 3, 4, 5} }
func (settings) StatusBasedProgress() bool { return false }
func (settings) CompleteOnClose() bool     { return false }
func (settings) NonWorkingDays() []db.Day  { return nil }

type noFiles struct{}

func (noFiles) Claim(context.Context, *db.Tx, access.Actor, []id.Attachment, string, int64) error {
	return errors.New("no uploads in this test")
}
func (noFiles) TrashAll(context.Context, *db.Tx, string, []int64) error { return nil }

// The cast: Ann, Rob and Eve are members of project 1; Eve does not see internal comments.
// Bob is a member of nothing, Zoe administers, Len is locked. Group 20 holds Rob and Eve.
var (
	ann = access.Actor{Kind: access.Person, ID: 11, Name: "Ann"}
	rob = access.Actor{Kind: access.Person, ID: 12, Name: "Rob"}
	bob = access.Actor{Kind: access.Person, ID: 13, Name: "Bob"}
	zoe = access.Actor{Kind: access.Person, ID: 14, Name: "Zoe", Admin: true}
	eve = access.Actor{Kind: access.Person, ID: 15, Name: "Eve"}
)

var cast = []string{
	`INSERT INTO users (id, kind, login, login_folded, firstname, lastname, name_folded, admin, status, created_at, updated_at) VALUES
		(11, 'User', 'ann', 'ann', 'Ann', 'Adams', 'ann adams', FALSE, 1, 0, 0), (12, 'User', 'rob', 'rob', 'Rob', 'Reed', 'rob reed', FALSE, 1, 0, 0),
		(13, 'User', 'bob', 'bob', 'Bob', 'Burns', 'bob burns', FALSE, 1, 0, 0), (14, 'User', 'zoe', 'zoe', 'Zoe', 'Zane', 'zoe zane', TRUE, 1, 0, 0),
		(15, 'User', 'eve', 'eve', 'Eve', 'Ellis', 'eve ellis', FALSE, 1, 0, 0), (16, 'User', 'len', 'len', 'Len', 'Lock', 'len lock', FALSE, 3, 0, 0),
		(20, 'Group', NULL, NULL, '', 'All', 'all', FALSE, 1, 0, 0)`,
	`INSERT INTO group_users (group_id, user_id) VALUES (20, 12), (20, 15)`,
	`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, public, created_at, updated_at) VALUES
		(1, 'one', 'one', 'One', 'one', FALSE, 0, 0), (2, 'two', 'two', 'Two', 'two', TRUE, 0, 0)`,
	`INSERT INTO enabled_modules (project_id, name) VALUES (1, 'work_package_tracking'), (2, 'work_package_tracking')`,
	`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES (1, 'Member', 'ProjectRole', 0, 1, 0, 0),
		(2, 'Reader', 'ProjectRole', 0, 2, 0, 0), (3, 'Non member', 'ProjectRole', 1, 3, 0, 0)`,
	`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'view_work_packages'), (1, 'add_work_packages'), (1, 'edit_work_packages'),
		(1, 'work_package_assigned'), (1, 'add_work_package_comments'), (1, 'edit_own_work_package_comments'), (1, 'view_internal_comments'),
		(1, 'add_internal_comments'), (1, 'delete_work_packages'), (2, 'view_work_packages'), (2, 'work_package_assigned'), (3, 'view_work_packages')`,
	`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (1, 11, 1, 0, 0), (2, 11, 2, 0, 0), (3, 12, 1, 0, 0), (4, 15, 1, 0, 0), (5, 20, 1, 0, 0), (6, 16, 1, 0, 0)`,
	`INSERT INTO member_roles (member_id, role_id) VALUES (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 1)`,
	`INSERT INTO types (id, name, position, created_at, updated_at) VALUES (1, 'Task', 1, 0, 0)`,
	`INSERT INTO projects_types (project_id, type_id) VALUES (1, 1), (2, 1)`,
	`INSERT INTO statuses (id, name, position, is_default, created_at, updated_at) VALUES (1, 'New', 1, TRUE, 0, 0), (2, 'In progress', 2, FALSE, 0, 0)`,
	`INSERT INTO priorities (id, name, position, is_default, created_at, updated_at) VALUES (1, 'Normal', 1, TRUE, 0, 0)`,
	`INSERT INTO workflows (type_id, role_id, old_status_id, new_status_id) VALUES (1, 1, 1, 2), (1, 1, 2, 1)`,
	`INSERT INTO settings (name, value, updated_at) VALUES ('journal_aggregation_time_minutes', '0', 0)`,
}

// stage is one instance with its services and what a test does with them.
type stage struct {
	*testing.T
	d  *db.DB
	wp *workpackage.Service
	s  *notification.Service
}

func each(t *testing.T, fn func(st stage)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		st := stage{t, d, workpackage.New(workpackage.Deps{DB: d, Settings: settings{}, Attachments: noFiles{}}), notification.New(d)}
		st.exec(cast...)
		fn(st)
	})
}

func (st stage) exec(stmts ...string) {
	st.Helper()
	if err := db.Do(st.Context(), st.d, func(tx *db.Tx) error {
		for _, stmt := range stmts {
			if _, err := db.Exec(st.Context(), tx, db.SQL(stmt)); err != nil {
				return fmt.Errorf("%s: %w", stmt, err)
			}
		}
		return nil
	}); err != nil {
		st.Fatal(err)
	}
}

func (st stage) ok(err error) {
	st.Helper()
	if err != nil {
		st.Fatal(err)
	}
}

// create makes a work package in project 1 as Ann.
func (st stage) create(p workpackage.Patch) *workpackage.WorkPackage {
	st.Helper()
	if !p.Project.Set {
		p.Project = opt.Of(id.Project(1))
	}
	p.Type, p.Subject = opt.Of(id.Type(1)), opt.Of("Mend the wall")
	w, err := st.wp.Create(st.Context(), ann, p)
	st.ok(err)
	return w
}

func (st stage) update(a access.Actor, w *workpackage.WorkPackage, p workpackage.Patch) *workpackage.WorkPackage {
	st.Helper()
	p.LockVersion = opt.Of(w.LockVersion)
	w, err := st.wp.Update(st.Context(), a, w.ID, p)
	st.ok(err)
	return w
}

// tell carries out what changes have left, each job twice: it is delivered at least once.
func (st stage) tell() {
	st.Helper()
	all, err := db.Read(st.Context(), st.d, func(tx *db.Tx) ([]string, error) {
		return db.All[string](st.Context(), tx, db.SQL(`SELECT args FROM jobs WHERE kind = 'work_package.changed' ORDER BY id`))
	})
	st.ok(err)
	st.exec(`DELETE FROM jobs`)
	for range 2 {
		for _, text := range all {
			var c workpackage.Changed
			st.ok(json.Unmarshal([]byte(text), &c))
			st.ok(st.s.Tell(st.Context(), c))
		}
	}
}

// told is who has which reasons, as the table says: "ann: assigned".
func (st stage) told() []string {
	st.Helper()
	rows, err := db.Read(st.Context(), st.d, func(tx *db.Tx) ([]string, error) {
		return db.All[string](st.Context(), tx, db.SQL(`SELECT u.login || ': ' || n.reason FROM notifications n JOIN users u ON u.id = n.recipient_id
			ORDER BY u.login, n.id`))
	})
	st.ok(err)
	return rows
}

func (st stage) want(want ...string) {
	st.Helper()
	st.tell()
	if diff := cmp.Diff(want, st.told()); diff != "" {
		st.Errorf("told (-want +got)\n%s", diff)
	}
}

func (st stage) seen(a access.Actor) []notification.Notification {
	st.Helper()
	all, total, err := st.s.List(st.Context(), a, notification.ListInput{Page: filter.Page{Number: 1, Size: 100}})
	st.ok(err)
	if n, err := st.s.Unread(st.Context(), a); err != nil || total < n {
		st.Errorf("%d unread of %d: %v", n, total, err)
	}
	return all
}

func TestEachPersonIsToldOnceByTheStrongestReason(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID), Responsible: opt.Of(&ann.ID)})
		st.exec(fmt.Sprintf(`INSERT INTO watchers (work_package_id, user_id, created_at) VALUES (%d, 12, 0), (%d, 15, 0)`, w.ID, w.ID))
		st.want("eve: watched", "rob: assigned")
		st.exec(`DELETE FROM notifications`)
		_, err := st.wp.Comment(st.Context(), ann, w.ID, `@eve and <mention class="mention" data-type="user" data-id="12">@Rob Reed</mention>, not @ann`, false)
		st.ok(err)
		st.want("eve: mentioned", "rob: mentioned")
	})
}

func TestGroupsPassOnWhatConcernsThem(t *testing.T) {
	each(t, func(st stage) {
		all := id.User(20)
		w := st.create(workpackage.Patch{Responsible: opt.Of(&all)})
		st.want("eve: responsible", "rob: responsible")
		st.exec(`DELETE FROM notifications`)
		_, err := st.wp.Comment(st.Context(), rob, w.ID, "group#20", false)
		st.ok(err)
		st.want("eve: mentioned")
	})
}

func TestNobodyIsToldOfWhatTheyMayNotSee(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Description: opt.Of("@bob @len @rob @eve @zoe")})
		st.want("eve: mentioned", "rob: mentioned", "zoe: mentioned")
		st.exec(`DELETE FROM notifications`)
		_, err := st.wp.Comment(st.Context(), ann, w.ID, "between us: @eve @rob @bob", true)
		st.ok(err)
		st.want("rob: mentioned")
		if got := st.seen(rob); cmp.Diff(1, len(got)) != "" || got[0].Subject != "Mend the wall" || got[0].ActorName != "Ann Adams" || got[0].ProjectName != "One" {
			st.Errorf("rob sees %+v", got)
		}
		// The right goes, and with it what was told.
		st.exec(`UPDATE member_roles SET role_id = 2 WHERE member_id = 3`)
		if got := st.seen(rob); len(got) != 0 {
			st.Errorf("without the right to internal comments: %+v", got)
		}
		st.exec(`UPDATE member_roles SET role_id = 1 WHERE member_id = 3`, `UPDATE projects SET active = FALSE WHERE id = 1`)
		got := st.seen(rob)
		if n, err := st.s.Unread(st.Context(), rob); len(got) != 0 || n != 0 || err != nil {
			st.Errorf("in an archived project: %+v, %d unread, %v", got, n, err)
		}
		st.exec(`UPDATE projects SET active = TRUE`)
		mine := st.seen(rob)[0].ID
		for _, a := range []access.Actor{bob, ann, zoe} {
			if _, err := st.s.Find(st.Context(), a, mine); !fault.Is(err, fault.KindNotFound) {
				st.Errorf("%s finds what is Rob's: %v", a.Name, err)
			}
			if err := st.s.Mark(st.Context(), a, mine, true); !fault.Is(err, fault.KindNotFound) {
				st.Errorf("%s marks what is Rob's: %v", a.Name, err)
			}
		}
		if _, _, err := st.s.List(st.Context(), access.Anonymous(""), notification.ListInput{}); !fault.Is(err, fault.KindUnauthenticated) {
			st.Errorf("a visitor: %v", err)
		}
		st.ok(st.wp.Delete(st.Context(), ann, w.ID))
		st.tell()
		if got := st.seen(rob); len(got) != 0 {
			st.Errorf("of what is in the trash: %+v", got)
		}
	})
}

func TestStrangersOfPublicProjectsAreToldWhenMentioned(t *testing.T) {
	each(t, func(st stage) {
		st.create(workpackage.Patch{Project: opt.Of(id.Project(2)), Description: opt.Of("@bob")})
		st.want("bob: mentioned")
	})
}

func TestOnlyNewMentionsInADescriptionCount(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Description: opt.Of("@rob")})
		st.want("rob: mentioned")
		st.update(ann, w, workpackage.Patch{Description: opt.Of("@rob and @eve")})
		st.want("eve: mentioned", "rob: mentioned")
	})
}

func TestALaterChangeOfTheSameEntryIsUnreadAgain(t *testing.T) {
	each(t, func(st stage) {
		st.exec(`UPDATE settings SET value = '5'`)
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.want("rob: assigned")
		n, err := st.s.MarkAll(st.Context(), rob, nil, true)
		if st.ok(err); n != 1 {
			st.Errorf("%d marked", n)
		}
		time.Sleep(2 * time.Millisecond)
		st.update(ann, w, workpackage.Patch{Subject: opt.Of("Mend the roof")})
		st.want("rob: assigned")
		got := st.seen(rob)
		if len(got) != 1 || got[0].Read() || got[0].Subject != "Mend the roof" {
			st.Errorf("after the change: %+v", got)
		}
		st.ok(st.s.Opened(st.Context(), rob, w.ID))
		st.tell() // what runs again makes nothing unread
		if !st.seen(rob)[0].Read() {
			st.Error("unread again without a change")
		}
	})
}

func TestAnEditedCommentTellsThoseItNamesNow(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		act, err := st.wp.Comment(st.Context(), ann, w.ID, "@eve, look", false)
		st.ok(err)
		st.want("eve: mentioned", "rob: assigned", "rob: assigned")
		_, err = st.s.MarkAll(st.Context(), eve, nil, true)
		st.ok(err)
		time.Sleep(2 * time.Millisecond)
		_, err = st.wp.EditComment(st.Context(), ann, act.ID, "@eve and @rob, look")
		st.ok(err)
		st.want("eve: mentioned", "rob: assigned", "rob: mentioned")
		if !st.seen(eve)[0].Read() {
			st.Error("a mended word made it unread")
		}
	})
}

func TestSwitchesSayWhatSomebodyIsToldOf(t *testing.T) {
	each(t, func(st stage) {
		st.ok(st.s.Switch(st.Context(), rob, map[notification.Reason]bool{notification.Assigned: false, notification.Watched: true}))
		st.ok(st.s.Switch(st.Context(), eve, map[notification.Reason]bool{
			notification.Created: true, notification.Processed: true, notification.Scheduled: true, notification.Commented: true,
		}))
		st.ok(st.s.Switch(st.Context(), bob, map[notification.Reason]bool{notification.Created: true}))
		got, err := st.s.Switches(st.Context(), eve)
		if st.ok(err); !got[notification.Mentioned] || !got[notification.Created] || got[notification.Prioritized] {
			st.Errorf("Eve's switches: %v", got)
		}
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.want("eve: created")
		day := db.Day("2026-05-04")
		w = st.update(rob, w, workpackage.Patch{Status: opt.Of(id.Status(2))})
		w = st.update(rob, w, workpackage.Patch{DueDate: opt.Of(&day)})
		st.update(rob, w, workpackage.Patch{Notes: "done"})
		st.want("eve: created", "eve: processed", "eve: scheduled", "eve: commented")
		if err := st.s.Switch(st.Context(), rob, map[notification.Reason]bool{notification.Mentioned: false}); !fault.Is(err, fault.KindInvalid) {
			st.Errorf("switching mentions off: %v", err)
		}
		if err := st.s.Switch(st.Context(), access.Anonymous(""), nil); !fault.Is(err, fault.KindUnauthenticated) {
			st.Errorf("a visitor: %v", err)
		}
	})
}

func TestListsAreFilteredSortedGroupedAndBounded(t *testing.T) {
	each(t, func(st stage) {
		var first *workpackage.WorkPackage
		for i := range 8 {
			w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID), Description: opt.Of(strings.Repeat("@rob", i%2))})
			if first == nil {
				first = w
			}
		}
		for range 7 {
			_, err := st.wp.Comment(st.Context(), ann, first.ID, "more", false)
			st.ok(err)
		}
		st.tell()
		ask := func(filters string, sort ...filter.Sort) []notification.Notification {
			conds, err := filter.Parse(filters)
			st.ok(err)
			all, total, err := st.s.List(st.Context(), rob, notification.ListInput{Filters: conds, Sort: sort, Page: filter.Page{Number: 1, Size: 50}})
			st.ok(err)
			if total != len(all) {
				st.Errorf("%s: %d of %d", filters, len(all), total)
			}
			return all
		}
		for filters, want := range map[string]int{
			`[]`: 15, `[{"reason":{"operator":"=","values":["mentioned"]}}]`: 4, `[{"reason":{"operator":"!","values":["mentioned"]}}]`: 11,
			`[{"readIAN":{"operator":"=","values":["t"]}}]`: 0, `[{"readIAN":{"operator":"=","values":["f"]}}]`: 15, `[{"project":{"operator":"=","values":["1"]}}]`: 15,
			`[{"resourceId":{"operator":"=","values":["` + fmt.Sprint(first.ID) + `"]}},{"resourceType":{"operator":"=","values":["WorkPackage"]}}]`: 8,
			`[{"resourceType":{"operator":"=","values":["Meeting"]}}]`:                                                                               0, `[{"reason":{"operator":"=","values":["reminder"]}}]`: 0,
		} {
			if got := len(ask(filters)); got != want {
				st.Errorf("%s: %d, want %d", filters, got, want)
			}
		}
		if got := ask(`[]`, filter.Sort{Name: "reason", Desc: true}); got[0].Reason != notification.Mentioned || got[14].Reason != notification.Assigned {
			st.Errorf("sorted by reason: %v … %v", got[0].Reason, got[14].Reason)
		}
		for _, bad := range []string{`[{"colour":{"operator":"=","values":["1"]}}]`, `[{"reason":{"operator":"~","values":["x"]}}]`, `[{"reason":{"operator":"=","values":[]}}]`, `[{"resourceType":{"operator":"~","values":["x"]}}]`} {
			conds, err := filter.Parse(bad)
			st.ok(err)
			if _, _, err := st.s.List(st.Context(), rob, notification.ListInput{Filters: conds}); !fault.Is(err, fault.KindInvalid) {
				st.Errorf("%s: %v", bad, err)
			}
			if _, err := st.s.MarkAll(st.Context(), rob, conds, true); !fault.Is(err, fault.KindInvalid) {
				st.Errorf("mark %s: %v", bad, err)
			}
		}
		groups, err := st.s.Groups(st.Context(), rob, notification.ListInput{}, "reason")
		if st.ok(err); !slices.Contains(groups, notification.Group{Value: "mentioned", Count: 4}) {
			st.Errorf("by reason: %v", groups)
		}
		groups, err = st.s.Groups(st.Context(), rob, notification.ListInput{}, "project")
		if st.ok(err); cmp.Diff([]notification.Group{{Value: "One", ID: 1, Count: 15}}, groups) != "" {
			st.Errorf("by project: %v", groups)
		}
		if _, err := st.s.Groups(st.Context(), rob, notification.ListInput{}, "colour"); !fault.Is(err, fault.KindInvalid) {
			st.Errorf("by colour: %v", err)
		}
		var n atomic.Int64
		topics, total, err := st.s.Topics(db.CountStatements(st.Context(), &n), rob, notification.ListInput{Page: filter.Page{Number: 1, Size: 3}})
		if st.ok(err); total != 8 || topics[0].WorkPackage != first.ID || topics[0].Count != 8 || topics[0].Unread != 8 || len(topics[0].Notifications) != 5 {
			st.Errorf("%d topics, the first %+v", total, topics[0])
		}
		if n.Load() > 3 {
			st.Errorf("%d statements for a page of topics", n.Load())
		}
		n.Store(0)
		_, err = st.s.Unread(db.CountStatements(st.Context(), &n), rob)
		if st.ok(err); n.Load() != 1 {
			st.Errorf("%d statements for the count", n.Load())
		}
	})
}

func TestMarkingAnnouncesAndPurgingForgetsOnlyWhatWasRead(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.update(ann, w, workpackage.Patch{Notes: "one more"})
		st.tell()
		all := st.seen(rob)
		heard := make(chan db.Heard, 100)
		defer db.Listen(st.d, func(h db.Heard) { heard <- h })()
		for range 100 { // until the listener is connected
			st.ok(st.s.Mark(st.Context(), rob, all[0].ID, true))
			st.ok(st.s.Mark(st.Context(), rob, all[0].ID, false))
			select {
			case h := <-heard:
				if h.Topic != notification.Topic || h.Text != "[12]" {
					st.Errorf("heard %+v", h)
				}
			case <-time.After(50 * time.Millisecond):
				continue
			}
			break
		}
		st.ok(st.s.Mark(st.Context(), rob, all[0].ID, true))
		st.exec(`UPDATE notifications SET read_at = 1 WHERE read_at IS NOT NULL`)
		st.ok(st.s.Purge(st.Context(), 24*time.Hour))
		if got := st.seen(rob); len(got) != 1 || got[0].ID != all[1].ID {
			st.Errorf("left are %+v", got)
		}
	})
}

func TestJobsAreForChangesThatAreStillThere(t *testing.T) {
	each(t, func(st stage) {
		st.ok(st.s.Tell(st.Context(), workpackage.Changed{Journal: 4711}))
		_, err := db.Write(st.Context(), st.d, func(tx *db.Tx) (id.Job, error) {
			return job.Enqueue(st.Context(), tx, workpackage.Changed{Journal: 4711})
		})
		st.ok(err)
		st.want()
	})
}
