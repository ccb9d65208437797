package web

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
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
	All     bool   // shows what was read, too
	Here    string // the address of this page, to come back to
	Reason  string
	Project string
	Unread  bool // there is something to mark
	Topics  []topicRow
	Paging  ui.Pagination
	None    ui.EmptyState
}

// topicRow is a work package with what somebody was told of it.
type topicRow struct {
	ID               id.WorkPackage
	Subject, Project string
	Href             string
	Reason           ui.Chip
	Unread, More     int
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
	all             bool
	reason, project string
	page            int
}

func toldIn(q url.Values) told {
	t := told{all: q.Get("show") == "all", page: max(1, pageIn(q.Get("page")))}
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

func (t told) href(all bool, page int) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	if all {
		set("show", "all")
	}
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

func (t told) filters() []filter.Condition {
	var out []filter.Condition
	if !t.all {
		out = append(out, filter.Condition{Name: "read_ian", Op: "=", Values: []string{"f"}})
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
	topics, total, err := s.app.Notifications.Topics(r.Context(), a, notification.ListInput{
		Filters: t.filters(), Page: filter.Page{Number: t.page, Size: topicsPerPage},
	})
	if err != nil {
		return err
	}
	projects, err := s.app.Notifications.Groups(r.Context(), a, notification.ListInput{}, "project")
	if err != nil {
		return err
	}
	title := say.T("notify.notifications")
	if t.all {
		title = say.T("notify.all_notifications")
	}
	p := notificationsPage{
		Page: s.frame(r, a, title), All: t.all, Here: t.href(t.all, t.page), Reason: t.reason, Project: t.project,
		Paging: ui.Pagination{Page: t.page, PerPage: topicsPerPage, Total: total, Href: func(n int) string { return t.href(t.all, n) }},
	}
	p.Tabs = ui.Tabs{Label: say.T("notify.which"), Items: []ui.NavItem{
		{Label: capital(say.T("notify.unread")), Href: t.href(false, 1), Current: !t.all, Count: p.Bell.Count},
		{Label: say.T("notify.all"), Href: t.href(true, 1), Current: t.all},
	}}
	p.Selects = []ui.Select{say.reasonSelect(t.reason), say.projectSelect(t.project, projects)}
	if len(topics) == 0 {
		if err := s.nothingTold(r, a, &p, t); err != nil {
			return err
		}
	}
	if err := s.fillTopics(r, a, &p, topics); err != nil {
		return err
	}
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
		if !t.all {
			filters = append(filters, inForce{name: "show", label: say.T("notify.which"), value: say.T("notify.unread"), all: "all"})
		}
		var err error
		p.None, _, err = say.nothingLeft("bell", notificationsHref, r.URL.Query(), filters, func(q url.Values) (int, error) {
			_, n, err := s.app.Notifications.Topics(r.Context(), a, notification.ListInput{Filters: toldIn(q).filters(), Page: filter.Page{Number: 1, Size: 1}})
			return n, err
		})
		p.None.Title = say.T("notify.none_filtered")
		return err
	case t.all:
		p.None = ui.EmptyState{Icon: "bell", Title: say.T("notify.none"), Text: say.T("notify.none_text")}
	default:
		p.None = ui.EmptyState{
			Icon: "circle-check", Title: say.T("notify.all_read"), Text: say.T("notify.none_text"),
			Actions: []ui.Button{ui.Link(say.T("notify.show_all"), t.href(true, 1))},
		}
	}
	return nil
}

func (s *Site) fillTopics(r *http.Request, a access.Actor, p *notificationsPage, topics []notification.Topical) error {
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
	say := speak(r)
	for _, t := range topics {
		row := topicRow{ID: t.WorkPackage, Href: packageHref(t.WorkPackage), Unread: t.Unread, More: t.Count - len(t.Notifications)}
		p.Unread = p.Unread || t.Unread > 0
		for i, n := range t.Notifications {
			if i == 0 {
				row.Subject, row.Project = n.Subject, n.ProjectName
				row.Reason = ui.Chip{Label: say.why(n.Reason), Hue: reasonHue(n.Reason)}
			}
			row.Events = append(row.Events, say.event(n, acts[n.Journal], row.Href))
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
		At: n.UpdatedAt.In(in.loc), Author: ui.Person{ID: int64(n.Actor), Name: n.ActorName}, Verb: in.T("package.changed"),
	}}
	if act.ID == 0 {
		return e
	}
	e.ActivityItem = in.activityItem(act)
	e.At = n.UpdatedAt.In(in.loc)
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

// markNotifications sets what the form names read or unread: one work package's, or all
// that the page shows.
func (s *Site) markNotifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	t := toldIn(r.PostForm)
	t.all = true // what is read already stays so
	conds := t.filters()
	if n := r.PostForm.Get("work_package"); n != "" {
		conds = []filter.Condition{{Name: "resource", Op: "=", Values: []string{n}}}
	}
	if _, err := s.app.Notifications.MarkAll(r.Context(), a, conds, r.PostForm.Get("read") == "1"); err != nil {
		return err
	}
	return redirect(w, r, local(r.PostForm.Get("back")))
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
// screen. What a browser only fetches ahead has not been looked at.
func (s *Site) opened(r *http.Request, a access.Actor, n id.WorkPackage) error {
	for _, name := range []string{"Sec-Purpose", "X-Sec-Purpose", "Purpose"} {
		if strings.Contains(r.Header.Get(name), "prefetch") {
			return nil
		}
	}
	return s.app.Notifications.Opened(r.Context(), a, n)
}
