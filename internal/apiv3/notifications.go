package apiv3

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/notification"
)

const notifications = Root + "/notifications/"

// notificationDoc represents a notification. Its details are those of date alerts,
// which nothing here sends, so there are none.
func notificationDoc(n notification.Notification) *hal.Object {
	o := hal.New("Notification")
	o.Int("id", int64(n.ID))
	o.Str("reason", string(n.Reason))
	o.Bool("readIAN", n.Read())
	o.Objects("details", nil)
	o.Time("createdAt", n.CreatedAt.Time)
	o.Time("updatedAt", n.UpdatedAt.Time)
	o.To("self", to(notifications, n.ID), "")
	if n.Read() {
		o.Action("unreadIAN", below(notifications, n.ID, "/unread_ian"), "post")
	} else {
		o.Action("readIAN", below(notifications, n.ID, "/read_ian"), "post")
	}
	o.To("project", to(projects, n.Project), n.ProjectName)
	o.To("actor", to(users, n.Actor), n.ActorName)
	o.To("activity", to(activities, n.Journal), "")
	o.To("resource", to(packages, n.WorkPackage), n.Subject)
	return o
}

func notificationID(r *http.Request) (id.Notification, error) {
	return id.Parse[id.Notification]("notification", chi.URLParam(r, "id"))
}

func (s *API) listNotifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	in := notification.ListInput{Filters: l.filters, Sort: l.sort, Page: l.page}
	items, total, err := s.app.Notifications.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for _, n := range items {
		c.Add(notificationDoc(n))
	}
	o := c.Page(l.paging(r, total))
	o.EmbedArray("detailsSchemas", nil)
	if by := r.URL.Query().Get("groupBy"); by != "" {
		groups, err := s.app.Notifications.Groups(r.Context(), a, in, by)
		if err != nil {
			return err
		}
		o.Objects("groups", notificationGroups(groups))
	}
	return respond(w, r, http.StatusOK, o)
}

func notificationGroups(groups []notification.Group) []*hal.Object {
	docs := make([]*hal.Object, len(groups))
	for i, g := range groups {
		o := hal.New("")
		o.Str("value", g.Value)
		o.Int("count", int64(g.Count))
		if g.ID != 0 {
			o.LinkArray("valueLink", []hal.Link{{Path: to(projects, g.ID), Title: g.Value}})
		}
		docs[i] = o
	}
	return docs
}

func (s *API) showNotification(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := notificationID(r)
	if err != nil {
		return err
	}
	v, err := s.app.Notifications.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, notificationDoc(*v))
}

// showNotificationDetail finds none: only date alerts have details.
func (s *API) showNotificationDetail(http.ResponseWriter, *http.Request, access.Actor) error {
	return fault.NotFound("detail")
}

func (s *API) readNotification(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.markNotification(w, r, a, true)
}

func (s *API) unreadNotification(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.markNotification(w, r, a, false)
}

func (s *API) markNotification(w http.ResponseWriter, r *http.Request, a access.Actor, read bool) error {
	n, err := notificationID(r)
	if err != nil {
		return err
	}
	if err := s.app.Notifications.Mark(r.Context(), a, n, read); err != nil {
		return err
	}
	return noContent(w)
}

func (s *API) readNotifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.markNotifications(w, r, a, true)
}

func (s *API) unreadNotifications(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.markNotifications(w, r, a, false)
}

// markNotifications marks those that the filters select, all of them without filters.
func (s *API) markNotifications(w http.ResponseWriter, r *http.Request, a access.Actor, read bool) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	if _, err := s.app.Notifications.MarkAll(r.Context(), a, l.filters, read); err != nil {
		return err
	}
	return noContent(w)
}
