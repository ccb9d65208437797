package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// history is that of a work package as its page shows it.
type history struct {
	Items       []ui.ActivityItem
	Filter      ui.Tabs
	NewestFirst bool
	More        string // leads to older entries, when there are
	Hidden      int    // how many
	Back        string // the page itself

	acts []workpackage.Activity
}

// How much of a history is shown at first and more each time, and within which time
// changes of one person are one entry.
const (
	streamEntries = 30
	foldWithin    = 10 * time.Minute
)

// orderCookie keeps in a browser whether histories begin with the newest entry.
const orderCookie = "holdfast_activity"

func newestFirst(r *http.Request) bool {
	c, err := r.Cookie(orderCookie)
	return err == nil && c.Value == "newest"
}

// streamOf is the part of a history that the address asks for.
func streamOf(say reader, r *http.Request, a access.Actor, href string, acts []workpackage.Activity, mayTalk bool) history {
	q := r.URL.Query()
	only := q.Get("activity")
	s := history{NewestFirst: newestFirst(r), Back: href, acts: acts}
	s.Filter.Label = say.T("activity.filter")
	for _, f := range []struct{ name, label string }{{"", say.T("activity.all")}, {"comments", say.T("activity.comments")}, {"changes", say.T("activity.changes")}} {
		to := href + "#activity"
		if f.name != "" {
			to = href + "?activity=" + f.name + "#activity"
		}
		s.Filter.Items = append(s.Filter.Items, ui.NavItem{Label: f.label, Href: to, Current: f.name == only})
	}
	last := undoableEntry(a, acts)
	var before *workpackage.Activity
	for i := range acts {
		act := acts[i]
		if only == "comments" {
			if act.Notes == "" {
				continue
			}
			act.Changes = nil
		}
		if only == "changes" {
			if act.Version > 1 && len(act.Changes) == 0 {
				continue
			}
			act.Notes = ""
		}
		item := say.activityItem(act)
		if act.Notes != "" && mayTalk {
			item.QuoteHref = href + "?quote=" + strconv.FormatInt(int64(act.ID), 10) + "#f-comment"
		}
		if act.EditedBySelf && act.Notes != "" {
			item.Undo = "/undo/" + undoOf(undoComment, act.ID).String()
		}
		if act.ID == last {
			item.Undo = "/undo/" + undoOf(undoPackage, act.WorkPackage).String()
		}
		if before != nil && folds(*before, act) {
			s.Items[len(s.Items)-1].Fold(item)
		} else {
			s.Items = append(s.Items, item)
		}
		before = &act
	}
	shown := streamEntries
	if n, err := strconv.Atoi(q.Get("entries")); err == nil {
		shown = max(shown, n)
	}
	if s.Hidden = len(s.Items) - shown; s.Hidden > 0 {
		s.Items = s.Items[s.Hidden:]
		s.More = href + "?activity=" + only + "&entries=" + strconv.Itoa(shown+streamEntries) + "#activity"
	}
	if s.NewestFirst {
		slices.Reverse(s.Items)
	}
	return s
}

// folds says whether b goes on with what its author did in a: changes without a word,
// one soon after the other.
func folds(a, b workpackage.Activity) bool {
	return a.Version > 1 && a.User.ID == b.User.ID && a.Notes == "" && b.Notes == "" && a.Cause == b.Cause && a.Cause != journal.CauseUndo &&
		b.CreatedAt.Sub(a.UpdatedAt.Time) < foldWithin
}

// undoableEntry is the entry that undoing would take back: the newest with a change,
// if it is the reader's own. Whether the rules of today allow it says undoing itself.
func undoableEntry(a access.Actor, acts []workpackage.Activity) id.Journal {
	for _, act := range slices.Backward(acts) {
		if slices.ContainsFunc(act.Changes, func(c workpackage.FieldChange) bool { return c.Field != "attachments" }) {
			if act.Version > 1 && act.User.ID == int64(a.ID) && a.SignedIn() {
				return act.ID
			}
			return 0
		}
	}
	return 0
}

// quoted is the comment that the address wants quoted, as the beginning of another.
func quoted(r *http.Request, acts []workpackage.Activity) string {
	n, err := strconv.ParseInt(r.URL.Query().Get("quote"), 10, 64)
	if err != nil {
		return ""
	}
	for _, act := range acts {
		if int64(act.ID) == n && act.Notes != "" {
			return act.User.Name + ":\n> " + strings.ReplaceAll(act.Notes, "\n", "\n> ") + "\n\n"
		}
	}
	return ""
}

func (in reader) activityItem(act workpackage.Activity) ui.ActivityItem {
	item := ui.ActivityItem{
		Anchor: "activity-" + strconv.FormatInt(int64(act.ID), 10), At: act.CreatedAt.In(in.loc),
		Author: ui.Person{ID: act.User.ID, Name: act.User.Name}, Verb: in.T("package.changed"),
	}
	if act.Version == 1 {
		item.Verb = in.T("package.created_this")
	}
	if act.Cause == journal.CauseUndo {
		item.Verb = in.T("package.undid")
	}
	if act.Cause == workpackage.CauseCalendar {
		item.Verb = in.T("days.recounted")
	}
	if act.Notes != "" {
		item.Comment = markup.Render(act.Notes)
		if act.Editable {
			item.EditHref = packageHref(act.WorkPackage) + "/activities/" + strconv.FormatInt(int64(act.ID), 10)
		}
	}
	for _, c := range act.Changes {
		if act.Version == 1 && c.Field != "attachments" {
			continue // the page itself shows what it was made with
		}
		change := ui.Change{Label: in.change(c.Field, c.Label), From: c.Old, To: c.New}
		if c.Field == "description" {
			change.From, change.To, change.Text = "", "", ui.Compare(c.Old, c.New)
		}
		item.Changes = append(item.Changes, change)
	}
	return item
}

// orderActivity keeps in the browser which end of histories comes first.
func (s *Site) orderActivity(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	order := "oldest"
	if r.PostForm.Get("order") == "newest" {
		order = "newest"
	}
	http.SetCookie(w, &http.Cookie{
		Name: orderCookie, Value: order, Path: "/", MaxAge: 400 * 24 * 3600, HttpOnly: true, Secure: s.edge.Secure(), SameSite: http.SameSiteLaxMode,
	})
	return redirect(w, r, cmp.Or(local(r.PostForm.Get("back")), "/")+"#activity")
}

type commentPage struct {
	ui.Page
	Action, Cancel string
	Comment        ui.Textarea
	Problems       ui.ErrorSummary
}

func (s *Site) editComment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	act, err := s.activityOf(r, a)
	if err != nil {
		return err
	}
	return s.commentForm(w, r, a, act, act.Notes, nil)
}

// activityOf is the entry in the address, which belongs to the work package in the address.
func (s *Site) activityOf(r *http.Request, a access.Actor) (*workpackage.Activity, error) {
	n, err := id.Parse[id.Journal]("activity", chi.URLParam(r, "activity"))
	if err != nil {
		return nil, err
	}
	act, err := s.app.WorkPackages.Activity(r.Context(), a, n)
	if err != nil {
		return nil, err
	}
	if strconv.FormatInt(int64(act.WorkPackage), 10) != chi.URLParam(r, "id") {
		return nil, fault.NotFound("activity")
	}
	return act, nil
}

func (s *Site) commentForm(w http.ResponseWriter, r *http.Request, a access.Actor, act *workpackage.Activity, text string, refusal error) error {
	if !act.Editable {
		return fault.Forbidden("you are not allowed to edit this comment")
	}
	say := speak(r)
	p := commentPage{Page: s.frame(r, a, say.T("activity.edit_comment", "n", int64(act.WorkPackage))), Action: r.URL.Path}
	p.Cancel = packageHref(act.WorkPackage) + "#activity-" + strconv.FormatInt(int64(act.ID), 10)
	p.Comment = ui.Area("comment", say.T("common.comment"), text).Hinted(say.T("common.markup_comment")).Wrong(say.messages(refusal)["comment"])
	p.Comment.Tall, p.Comment.Autofocus = true, true
	e, err := s.editorIn(r, a, act.WorkPackage)
	if err != nil {
		return err
	}
	p.Comment = p.Comment.With(e)
	p.Problems = ui.Problems(p.Comment.Problem())
	p.Width = "narrow"
	return s.ui.Render(w, statusOf(refusal), "comment", p)
}

func (s *Site) saveComment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	act, err := s.activityOf(r, a)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(r.PostForm.Get("comment"), "\r\n", "\n")
	after, err := s.app.WorkPackages.EditComment(r.Context(), a, act.ID, text)
	if refused(err) {
		return s.commentForm(w, r, a, act, text, err)
	}
	if err != nil {
		return err
	}
	var u undoing
	if after.Notes != act.Notes {
		u = undoOf(undoComment, act.ID)
	}
	return redirect(w, r, saying(packageHref(act.WorkPackage)+"#activity-"+strconv.FormatInt(int64(act.ID), 10), "saved", u))
}
