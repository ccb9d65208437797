package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// The parts of the inbox that addresses can ask for, beside the whole of it.
const (
	showMine     = "me"
	showWatching = "watching"
	showSnoozed  = "snoozed"
	showAll      = "all"
)

// mineReasons are those that concern a person themselves.
var mineReasons = []string{string(notification.Mentioned), string(notification.Assigned), string(notification.Responsible)}

// place is where the part shows notifications from.
func (t told) place() notification.Place {
	switch t.show {
	case showAll:
		return notification.Anywhere
	case showSnoozed:
		return notification.Snoozed
	}
	return notification.Inbox
}

// morning is when what was put off until a day is there again.
const morning = 9

// snoozes are until when something can be put off, by the name that forms send.
func (in reader) snoozes() map[string]time.Time {
	now := in.at.In(in.loc)
	day := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, morning, 0, 0, 0, in.loc)
	}
	monday := (8 - int(now.Weekday())) % 7
	if monday == 0 {
		monday = 7
	}
	return map[string]time.Time{"later": now.Add(3 * time.Hour).Truncate(time.Minute), "tomorrow": day(1), "monday": day(monday), "week": day(7)}
}

// snooze is the menu that puts off what somebody was told of a work package.
func (in reader) snooze(wp id.WorkPackage, back string) ui.Snooze {
	s := ui.Snooze{ID: int64(wp), Back: back, From: string(db.DayOf(in.at.In(in.loc).AddDate(0, 0, 1)))}
	at := in.snoozes()
	for _, name := range []string{"later", "tomorrow", "monday", "week"} {
		s.Choices = append(s.Choices, ui.SnoozeChoice{Name: name, Label: in.T("notify.snooze_" + name), At: in.WeekdayTime(at[name])})
	}
	return s
}

// until is the instant that the form of a snooze names.
func (in reader) until(form url.Values) (time.Time, error) {
	if at, ok := in.snoozes()[form.Get("until")]; ok {
		return at, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, form.Get("day"), in.loc)
	if err != nil {
		return time.Time{}, fault.InvalidField("until", "invalid")
	}
	return day.Add(morning * time.Hour), nil
}

// markNotifications does what the form says with what somebody was told: of one work
// package, or of all that the page shows.
func (s *Site) markNotifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	do, wp := r.PostForm.Get("do"), id.WorkPackage(0)
	conds := toldIn(r.PostForm).filters()
	if n := r.PostForm.Get("work_package"); n != "" {
		var err error
		if wp, err = id.Parse[id.WorkPackage]("work package", n); err != nil {
			return err
		}
		conds = notification.Of(wp)
	}
	said := "done.told_" + do // what the page says afterwards
	if !speak(r).Has(said) {
		return fault.InvalidField("do", "inclusion")
	}
	step, err := s.mark(r, a, do, wp, conds)
	if err != nil {
		return err
	}
	u := undoing{undoTold, []int64{int64(step.Op), step.At.UnixMicro()}}
	if step.Arg != 0 {
		u.records = append(u.records, step.Arg)
	}
	return redirect(w, r, saying(local(r.PostForm.Get("back")), strings.TrimPrefix(said, "done."), u))
}

func (s *Site) mark(r *http.Request, a access.Actor, do string, wp id.WorkPackage, conds []filter.Condition) (notification.Step, error) {
	ctx, inbox := r.Context(), s.app.Notifications
	switch {
	case do == "done":
		return inbox.Finish(ctx, a, conds)
	case wp == 0: // the rest is for one
	case do == "reopen":
		return inbox.Reopen(ctx, a, conds)
	case do == "unread":
		return inbox.MarkUnread(ctx, a, conds)
	case do == "mute" || do == "unmute":
		return inbox.Mute(ctx, a, wp, do == "mute")
	case do == "snooze":
		until, err := speak(r).until(r.PostForm)
		if err != nil {
			return notification.Step{}, err
		}
		return inbox.Snooze(ctx, a, wp, until)
	}
	return notification.Step{}, fault.InvalidField("do", "inclusion")
}

// undoTold takes a step in the inbox back, and returns the step that this was.
func (s *Site) undoTold(ctx context.Context, a access.Actor, records []int64) ([]int64, error) {
	if len(records) < 2 || len(records) > 3 {
		return nil, fault.NotFound("change")
	}
	st := notification.Step{Op: notification.Op(records[0]), At: db.At(time.UnixMicro(records[1]))}
	if len(records) == 3 {
		st.Arg = records[2]
	}
	back, err := s.app.Notifications.Undo(ctx, a, st)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]int64{int64(back.Op), back.At.UnixMicro()}, records[2:]), nil
}

// beside puts the work package that the address names beside the inbox, and has each
// row lead on from there.
func (s *Site) beside(r *http.Request, a access.Actor, p *notificationsPage, t told) error {
	at := slices.IndexFunc(p.Topics, func(row topicRow) bool { return row.ID == t.at })
	if t.at == 0 {
		return nil
	}
	k, err := s.pane(r, a, t.at)
	if err != nil || k == nil {
		return err
	}
	k.Close = t.href(t.show, t.page)
	around := func(i int) string {
		if at < 0 || i < 0 || i >= len(p.Topics) {
			return ""
		}
		return p.Topics[i].Href
	}
	k.Previous, k.Next = around(at-1), around(at+1)
	if at >= 0 {
		row := &p.Topics[at]
		row.Current = true
		// What is done with leaves the list, and what comes next takes its place.
		for _, next := range []string{k.Next, k.Previous, k.Close} {
			if next != "" {
				row.Back, row.Snooze.Back = next, next
				break
			}
		}
	}
	p.Pane = k
	return nil
}

// part is a tab of the page.
func (in reader) part(t told, show string, count int) ui.NavItem {
	names := map[string]string{"": "notify.inbox", showMine: "notify.for_me", showWatching: "notify.watching", showSnoozed: "notify.snoozed", showAll: "notify.all"}
	return ui.NavItem{Label: in.T(names[show]), Href: t.href(show, 1), Current: t.show == show, Count: count}
}

// besideIn is the work package that the address wants beside the list, 0 for none.
func besideIn(text string) id.WorkPackage {
	n, err := id.Parse[id.WorkPackage]("work package", text)
	if err != nil {
		return 0
	}
	return n
}
