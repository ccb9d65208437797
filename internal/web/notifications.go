package web

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

const (
	notificationsHref = "/notifications"
	// topicsPerPage is how many work packages a page of notifications shows.
	topicsPerPage = 20
)

type notificationsPage struct {
	ui.Page
	Tabs    ui.Tabs
	Selects []ui.Select
	Show    string // the part of the inbox
	Here    string // the address of this page, to come back to
	Reason  string
	Project string
	Open    bool // there is something to be done with
	Topics  []topicRow
	Pane    *ui.Pane // the work package beside the list
	Paging  ui.Pagination
	None    ui.EmptyState
}

// topicRow is a work package with what somebody was told of it.
type topicRow struct {
	ID               id.WorkPackage
	Subject, Project string
	Href             string // shows it beside the list
	Back             string // where to go on once it is done with
	Current          bool   // it is beside the list
	Reason           ui.Chip
	Unread, More     int
	Open, Muted      bool
	Until            string // when it is in the inbox again
	Snooze           ui.Snooze
	Events           []topicEvent
}

// topicEvent is one notification in a line.
type topicEvent struct {
	ui.ActivityItem
	Href, Excerpt string
	Read          bool
}

// told is what the address of the page selects.
type told struct {
	show, reason, project string
	page                  int
	at                    id.WorkPackage
}

func toldIn(q url.Values) told {
	t := told{page: max(1, pageIn(q.Get("page"))), at: besideIn(q.Get("at"))}
	if slices.Contains([]string{showMine, showWatching, showSnoozed, showAll}, q.Get("show")) {
		t.show = q.Get("show")
	}
	for _, r := range notification.Reasons() {
		if q.Get("reason") == string(r) {
			t.reason = string(r)
		}
	}
	if _, err := id.Parse[id.Project]("project", q.Get("project")); err == nil {
		t.project = q.Get("project")
	}
	return t
}

func pageIn(s string) int {
	n, _ := strconv.Atoi(s) // what is no number is the first page
	return n
}

func (t told) href(show string, page int) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("show", show)
	set("reason", t.reason)
	set("project", t.project)
	if page > 1 {
		set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return notificationsHref
	}
	return notificationsHref + "?" + q.Encode()
}

// with is the page with a work package beside the list.
func (t told) with(wp id.WorkPackage) string {
	at, mark := t.href(t.show, t.page), "?"
	if strings.Contains(at, mark) {
		mark = "&"
	}
	return at + mark + "at=" + strconv.FormatInt(int64(wp), 10)
}

func (t told) filters() []filter.Condition {
	var out []filter.Condition
	switch t.show {
	case showMine:
		out = append(out, filter.Condition{Name: "reason", Op: "=", Values: mineReasons})
	case showWatching:
		out = append(out, filter.Condition{Name: "reason", Op: "!", Values: mineReasons})
	}
	if t.reason != "" {
		out = append(out, filter.Condition{Name: "reason", Op: "=", Values: []string{t.reason}})
	}
	if t.project != "" {
		out = append(out, filter.Condition{Name: "project", Op: "=", Values: []string{t.project}})
	}
	return out
}

// notifications lists what the reader was told, by work package.
func (s *Site) notifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	t, say := toldIn(r.URL.Query()), speak(r)
	opens := ""
	if t.at != 0 { // it is read before the page counts
		var err error
		if opens, err = s.opened(r, a, t.at); err != nil {
			return err
		}
	}
	topics, total, err := s.app.Notifications.Topics(r.Context(), a, notification.ListInput{
		Filters: t.filters(), Place: t.place(), Page: filter.Page{Number: t.page, Size: topicsPerPage},
	})
	if err != nil {
		return err
	}
	projects, err := s.app.Notifications.Groups(r.Context(), a, notification.ListInput{}, "project")
	if err != nil {
		return err
	}
	p := notificationsPage{
		Page: s.frame(r, a, say.T("notify.notifications")), Show: t.show, Here: t.href(t.show, t.page), Reason: t.reason, Project: t.project,
		Paging: ui.Pagination{Page: t.page, PerPage: topicsPerPage, Total: total, Href: func(n int) string { return t.href(t.show, n) }},
	}
	if t.show != "" {
		p.Title += ": " + say.part(t, t.show, 0).Label
	}
	p.Tabs = ui.Tabs{Label: say.T("notify.which"), Items: []ui.NavItem{
		say.part(t, "", p.Bell.Count), say.part(t, showMine, 0), say.part(t, showWatching, 0), say.part(t, showSnoozed, 0), say.part(t, showAll, 0),
	}}
	p.Selects = []ui.Select{say.reasonSelect(t.reason), say.projectSelect(t.project, projects)}
	if len(topics) == 0 {
		if err := s.nothingTold(r, a, &p, t); err != nil {
			return err
		}
	}
	if err := s.fillTopics(r, a, &p, t, topics); err != nil {
		return err
	}
	if err := s.beside(r, a, &p, t); err != nil {
		return err
	}
	p.Width, p.Opens = "full", opens
	return s.ui.Render(w, http.StatusOK, "notifications", p)
}

func (in reader) reasonSelect(chosen string) ui.Select {
	options := []ui.Option{{Value: "", Label: in.T("notify.any_reason")}}
	for _, r := range notification.Reasons() {
		options = append(options, ui.Option{Value: string(r), Label: in.why(r)})
	}
	return ui.Choose("reason", in.T("notify.reason"), chosen, options...)
}

func (in reader) projectSelect(chosen string, projects []notification.Group) ui.Select {
	options := []ui.Option{{Value: "", Label: in.T("notify.any_project")}}
	for _, g := range projects {
		options = append(options, ui.Option{Value: strconv.FormatInt(g.ID, 10), Label: g.Value})
	}
	return ui.Choose("project", in.T("common.project"), chosen, options...)
}

// why words why somebody is told.
func (in reader) why(r notification.Reason) string { return in.T("reason." + string(r)) }

// nothingTold says why the page is empty, and how it would not be.
func (s *Site) nothingTold(r *http.Request, a access.Actor, p *notificationsPage, t told) error {
	say := speak(r)
	switch {
	case t.reason != "" || t.project != "":
		filters := []inForce{{name: "reason", label: p.Selects[0].Label, value: chosenLabel(p.Selects[0])}, {name: "project", label: p.Selects[1].Label, value: cmp.Or(chosenLabel(p.Selects[1]), t.project)}}
		if t.show != showAll {
			filters = append(filters, inForce{name: "show", label: say.T("notify.which"), value: say.part(t, t.show, 0).Label, all: showAll})
		}
		var err error
		p.None, _, err = say.nothingLeft("bell", notificationsHref, r.URL.Query(), filters, func(q url.Values) (int, error) {
			in := toldIn(q)
			_, n, err := s.app.Notifications.Topics(r.Context(), a, notification.ListInput{Filters: in.filters(), Place: in.place(), Page: filter.Page{Number: 1, Size: 1}})
			return n, err
		})
		p.None.Title = say.T("notify.none_filtered")
		return err
	case t.show == showAll:
		p.None = ui.EmptyState{Icon: "bell", Title: say.T("notify.none"), Text: say.T("notify.none_text"), Actions: []ui.Button{ui.Link(say.T("notify.choose"), "/my/notifications")}}
	case t.show == showSnoozed:
		p.None = ui.EmptyState{Icon: "clock", Title: say.T("notify.none_snoozed"), Text: say.T("notify.none_snoozed_text"), Actions: []ui.Button{ui.Link(say.T("notify.show_inbox"), t.href("", 1))}}
	default:
		p.None = ui.EmptyState{
			Icon: "circle-check", Title: say.T("notify.all_read"), Text: say.T("notify.none_text"),
			Actions: []ui.Button{ui.Link(say.T("notify.show_all"), t.href(showAll, 1))},
		}
	}
	return nil
}

func (s *Site) fillTopics(r *http.Request, a access.Actor, p *notificationsPage, t told, topics []notification.Topical) error {
	var ids []id.Journal
	for _, t := range topics {
		for _, n := range t.Notifications {
			ids = append(ids, n.Journal)
		}
	}
	acts, err := s.app.WorkPackages.ActivitiesByID(r.Context(), a, ids)
	if err != nil {
		return err
	}
	wps := make([]id.WorkPackage, len(topics))
	for i := range topics {
		wps[i] = topics[i].WorkPackage
	}
	muted, err := s.app.Notifications.MutedOf(r.Context(), a, wps)
	if err != nil {
		return err
	}
	say := speak(r)
	for _, top := range topics {
		row := topicRow{
			ID: top.WorkPackage, Href: t.with(top.WorkPackage), Back: plainly(r.URL), Unread: top.Unread, More: top.Count - len(top.Notifications),
			Open: top.Open > 0, Muted: muted[top.WorkPackage],
		}
		row.Snooze = say.snooze(top.WorkPackage, row.Back)
		if top.SnoozedUntil != nil {
			row.Until = say.WeekdayTime(top.SnoozedUntil.Time)
		}
		p.Open = p.Open || t.place() == notification.Inbox
		for i, n := range top.Notifications {
			if i == 0 {
				row.Subject, row.Project = n.Subject, n.ProjectName
				row.Reason = ui.Chip{Label: say.why(n.Reason), Hue: reasonHue(n.Reason)}
			}
			row.Events = append(row.Events, say.event(n, acts[n.Journal], packageHref(top.WorkPackage)))
		}
		p.Topics = append(p.Topics, row)
	}
	return nil
}

func reasonHue(r notification.Reason) ui.Hue {
	if r == notification.Mentioned {
		return ui.Orange
	}
	if r == notification.Assigned || r == notification.Responsible {
		return ui.Blue
	}
	return ui.Gray
}

// event is a line of a topic; an activity that is not there any more leaves who and when.
func (in reader) event(n notification.Notification, act workpackage.Activity, href string) topicEvent {
	e := topicEvent{Read: n.Read(), Href: href, ActivityItem: ui.ActivityItem{
		At: n.CreatedAt.In(in.loc), Author: ui.Person{ID: int64(n.Actor), Name: n.ActorName}, Verb: in.T("package.changed"),
	}}
	if act.ID == 0 {
		return e
	}
	e.ActivityItem = in.activityItem(act)
	e.At = act.UpdatedAt.In(in.loc)
	e.Href = href + "#" + e.Anchor
	e.Excerpt = excerpt(act.Notes)
	if e.Excerpt != "" {
		e.Verb = in.T("notify.commented")
	}
	return e
}

var tag = regexp.MustCompile(`</?mention\b[^<>]*>`)

// excerpt is the beginning of a note in one line, without its marks.
func excerpt(note string) string {
	const most = 160
	text := strings.Join(strings.Fields(tag.ReplaceAllString(note, "")), " ")
	if r := []rune(text); len(r) > most {
		return strings.TrimSpace(string(r[:most])) + "…"
	}
	return text
}

// bell is what the header says of notifications. An error is not told here: the
// page itself has met it or will meet it.
func (s *Site) bell(r *http.Request, a access.Actor) *ui.Bell {
	n, err := s.app.Notifications.Unread(r.Context(), a)
	if err != nil {
		return &ui.Bell{Href: notificationsHref}
	}
	return bellOf(n)
}

func bellOf(n int) *ui.Bell {
	return &ui.Bell{Href: notificationsHref, Count: n, Most: notification.MaxCounted}
}

// opened marks what the reader was told of a work package as read, now that it is on the
// screen. What a browser only fetches ahead has not been looked at: its page says so itself
// when it is shown, by the address that this returns.
func (s *Site) opened(r *http.Request, a access.Actor, n id.WorkPackage) (later string, err error) {
	for _, name := range []string{"Sec-Purpose", "X-Sec-Purpose", "Purpose"} {
		if strings.Contains(r.Header.Get(name), "prefetch") {
			return packageHref(n) + "/opening", nil
		}
	}
	return "", s.app.Notifications.Opened(r.Context(), a, n)
}

// openPackage is what a page that was fetched ahead says when it is shown.
func (s *Site) openPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := s.app.Notifications.Opened(r.Context(), a, n); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
