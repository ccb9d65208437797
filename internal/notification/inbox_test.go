package notification_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// places is how many of somebody's notifications are in the inbox, put off, done, and unread.
func (st stage) places(a access.Actor) [4]int {
	st.Helper()
	var out [4]int
	for i, p := range []notification.Place{notification.Inbox, notification.Snoozed, notification.Done} {
		_, n, err := st.s.List(st.Context(), a, notification.ListInput{Place: p, Page: filter.Page{Number: 1, Size: 9}})
		st.ok(err)
		out[i] = n
	}
	var err error
	out[3], err = st.s.Unread(st.Context(), a)
	st.ok(err)
	return out
}

func TestEachStepInTheInboxIsTakenBackAndMadeAgain(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		other := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.tell()
		of, ctx, soon := notification.Of(w.ID), st.Context(), st.d.Now().Add(time.Hour)
		stands := func(when string, inbox, snoozed, done, unread int) {
			st.Helper()
			if diff := cmp.Diff([4]int{inbox, snoozed, done, unread}, st.places(rob)); diff != "" {
				st.Errorf("%s: inbox, put off, done, unread (-want +got)\n%s", when, diff)
			}
		}
		steps := map[string]func() (notification.Step, error){
			"done":   func() (notification.Step, error) { return st.s.Finish(ctx, rob, of) },
			"snooze": func() (notification.Step, error) { return st.s.Snooze(ctx, rob, w.ID, soon) },
			"mute":   func() (notification.Step, error) { return st.s.Mute(ctx, rob, w.ID, true) },
		}
		after := map[string][4]int{"done": {1, 0, 1, 1}, "snooze": {1, 1, 0, 1}, "mute": {1, 0, 1, 1}}
		for name, take := range steps {
			stands("before "+name, 2, 0, 0, 2)
			step, err := take()
			st.ok(err)
			stands(name, after[name][0], after[name][1], after[name][2], after[name][3])
			for range 2 {
				time.Sleep(2 * time.Millisecond)
				step, err = st.s.Undo(ctx, rob, step)
				st.ok(err)
				stands(name+" undone", 2, 0, 0, 2)
				time.Sleep(2 * time.Millisecond)
				step, err = st.s.Undo(ctx, rob, step)
				st.ok(err)
				stands(name+" again", after[name][0], after[name][1], after[name][2], after[name][3])
			}
			_, err = st.s.Mute(ctx, rob, w.ID, false)
			st.ok(err)
			_, err = st.s.Reopen(ctx, rob, of)
			st.ok(err)
		}
		st.ok(st.s.Opened(ctx, rob, w.ID))
		stands("opened, which moves nothing", 2, 0, 0, 1)
		step, err := st.s.MarkUnread(ctx, rob, of)
		st.ok(err)
		stands("unread", 2, 0, 0, 2)
		time.Sleep(2 * time.Millisecond)
		_, err = st.s.Undo(ctx, rob, step)
		st.ok(err)
		stands("read", 2, 0, 0, 1)
		// API v3 knows read and unread only.
		_, err = st.s.MarkAll(ctx, rob, nil, true)
		st.ok(err)
		stands("read by the API", 0, 0, 2, 0)
		_, err = st.s.MarkAll(ctx, rob, notification.Of(other.ID), false)
		st.ok(err)
		stands("unread by the API", 1, 0, 1, 1)
	})
}

func TestWhatIsPutOffComesBackWithItsTimeOrWithAChange(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.tell()
		_, err := st.s.Snooze(st.Context(), rob, w.ID, st.d.Now().Add(time.Hour))
		st.ok(err)
		topics, _, err := st.s.Topics(st.Context(), rob, notification.ListInput{Place: notification.Snoozed, Page: filter.Page{Number: 1, Size: 9}})
		if st.ok(err); len(topics) != 1 || topics[0].SnoozedUntil == nil || topics[0].Open != 1 {
			st.Errorf("put off: %+v", topics)
		}
		_, err = st.wp.Comment(st.Context(), ann, w.ID, "it is urgent", false)
		st.ok(err)
		st.tell()
		if diff := cmp.Diff([4]int{1, 1, 0, 1}, st.places(rob)); diff != "" {
			st.Errorf("after a change\n%s", diff)
		}
		st.exec(`UPDATE notifications SET snoozed_until = 1 WHERE snoozed_until IS NOT NULL`)
		if diff := cmp.Diff([4]int{2, 0, 0, 2}, st.places(rob)); diff != "" {
			st.Errorf("when its time has come\n%s", diff)
		}
	})
}

func TestOnlyMentionsBreakTheSilence(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.want("rob: assigned")
		_, err := st.s.Mute(st.Context(), rob, w.ID, true)
		st.ok(err)
		muted, err := st.s.MutedOf(st.Context(), rob, []id.WorkPackage{w.ID})
		if st.ok(err); !muted[w.ID] {
			st.Error("it does not say so")
		}
		for _, note := range []string{"chatter", "more of it", "@rob, look"} {
			_, err = st.wp.Comment(st.Context(), ann, w.ID, note, false)
			st.ok(err)
		}
		st.want("rob: assigned", "rob: mentioned")
		_, err = st.s.Mute(st.Context(), rob, w.ID, false)
		st.ok(err)
		_, err = st.wp.Comment(st.Context(), ann, w.ID, "again", false)
		st.ok(err)
		st.want("rob: assigned", "rob: mentioned", "rob: assigned")
	})
}

func TestTheInboxRefuses(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.tell()
		ctx, visitor, now := st.Context(), access.Anonymous(""), st.d.Now()
		step, err := st.s.Finish(ctx, rob, notification.Of(w.ID))
		st.ok(err)
		refused := func(what string, kind fault.Kind, err error) {
			st.Helper()
			if !fault.Is(err, kind) {
				st.Errorf("%s: got %v", what, err)
			}
		}
		for what, until := range map[string]time.Time{"the past": now.Add(-time.Hour), "years": now.AddDate(2, 0, 0)} {
			_, err = st.s.Snooze(ctx, rob, w.ID, until)
			refused("until "+what, fault.KindInvalid, err)
		}
		_, err = st.s.Undo(ctx, eve, step)
		refused("somebody else's step", fault.KindConflict, err)
		_, err = st.s.Undo(ctx, rob, notification.Step{Op: notification.Woken, At: step.At, Arg: 1})
		refused("put off into the past", fault.KindInvalid, err)
		_, err = st.s.Undo(ctx, rob, notification.Step{Op: 99})
		refused("no step", fault.KindNotFound, err)
		_, err = st.s.Mute(ctx, bob, w.ID, true)
		refused("what Bob may not see", fault.KindNotFound, err)
		_, err = st.s.Finish(ctx, rob, []filter.Condition{{Name: "colour", Op: "=", Values: []string{"1"}}})
		refused("an unknown filter", fault.KindInvalid, err)
		for what, try := range map[string]func() error{
			"done":  func() error { _, err := st.s.Finish(ctx, visitor, nil); return err },
			"quiet": func() error { _, err := st.s.Mute(ctx, visitor, w.ID, true); return err },
			"undo":  func() error { _, err := st.s.Undo(ctx, visitor, step); return err },
		} {
			refused("a visitor: "+what, fault.KindUnauthenticated, try())
		}
	})
}

func TestTheAudienceOfACommentIsWhoIsToldOfIt(t *testing.T) {
	each(t, func(st stage) {
		w := st.create(workpackage.Patch{Assignee: opt.Of(&rob.ID)})
		st.exec(fmt.Sprintf(`INSERT INTO watchers (work_package_id, user_id, created_at) VALUES (%d, 15, 0)`, w.ID))
		st.tell()
		is := func(when, text string, want ...string) {
			st.Helper()
			people, total, err := st.s.Audience(st.Context(), ann, w.ID, text)
			st.ok(err)
			var got []string
			for _, p := range people {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(want, got); diff != "" || total != len(want) {
				st.Errorf("%s: %d (-want +got)\n%s", when, total, diff)
			}
			st.exec(`DELETE FROM notifications`)
			if text != "" {
				_, err = st.wp.Comment(st.Context(), ann, w.ID, text, false)
				st.ok(err)
				st.tell()
				if n := len(st.told()); n != total {
					st.Errorf("%s: %d were told, %d announced", when, n, total)
				}
			}
		}
		people, total, err := st.s.Audience(st.Context(), ann, w.ID, "")
		if err != nil || len(people) != 1 || people[0].Name != "Rob Reed" || total != 2 {
			st.Errorf("Ann, who may not see watchers: %v of %d, %v", people, total, err)
		}
		if _, _, err := st.s.Audience(st.Context(), eve, w.ID, "@bob"); !fault.Is(err, fault.KindForbidden) {
			st.Errorf("Eve, who may not comment: %v", err)
		}
		st.exec(`INSERT INTO role_permissions (role_id, permission) VALUES (1, 'view_work_package_watchers')`)
		people, total, err = st.s.Audience(st.Context(), ann, w.ID, "@zoe")
		if err != nil || len(people) != 2 || total != 3 {
			st.Errorf("a mention of somebody Ann may not see: %v of %d, %v", people, total, err)
		}
		st.exec(`INSERT INTO roles (id, name, kind, builtin, position, created_at, updated_at) VALUES (9, 'Staff', 'GlobalRole', 0, 9, 0, 0)`,
			`INSERT INTO role_permissions (role_id, permission) VALUES (9, 'view_all_principals')`,
			`INSERT INTO members (id, user_id, project_id, created_at, updated_at) VALUES (90, 11, NULL, 0, 0)`,
			`INSERT INTO member_roles (member_id, role_id) VALUES (90, 9)`)
		is("before a word", "", "Rob Reed", "Eve Ellis")
		is("a mention of one who may not see it", "@zoe and @bob, and myself @ann", "Zoe Zane", "Rob Reed", "Eve Ellis")
		_, err = st.s.Mute(st.Context(), rob, w.ID, true)
		st.ok(err)
		is("muted", "anything", "Eve Ellis")
		is("muted and mentioned", "@rob", "Rob Reed", "Eve Ellis")
		if _, _, err := st.s.Audience(st.Context(), bob, w.ID, "x"); !fault.Is(err, fault.KindNotFound) {
			st.Errorf("Bob, who may not see it: %v", err)
		}
	})
}
