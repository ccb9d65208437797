package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Bounds of the streams that pages hold open.
const (
	maxStreams    = 2000
	maxOwnStreams = 12 // of one person
	maxPending    = 300
)

// Times of a stream: how long changes are gathered, between signs of life, and for a write.
const (
	gatherTime = 150 * time.Millisecond
	beatTime   = 25 * time.Second
	writeTime  = 10 * time.Second
)

// live passes on what is announced to the pages that are open.
type live struct {
	app     *app.App
	mu      sync.Mutex
	streams map[*stream]struct{}
	own     map[id.User]int
}

// stream is one open page. What waits to be sent is guarded by live.mu.
type stream struct {
	person id.User
	wake   chan struct{} // holds one token when something waits
	waits  waiting
}

type waiting struct {
	packages map[id.WorkPackage]workpackage.Event
	bell     bool
	lost     bool
}

func newLive(a *app.App) *live {
	l := &live{app: a, streams: map[*stream]struct{}{}, own: map[id.User]int{}}
	db.Listen(a.DB, l.hear) // until the database is closed
	return l
}

// hear takes an announcement and is quick: who may know of it is asked by each stream.
func (l *live) hear(h db.Heard) {
	var e workpackage.Event
	var told []id.User
	switch {
	case h.Topic == workpackage.Topic && json.Unmarshal([]byte(h.Text), &e) != nil,
		h.Topic == notification.Topic && json.Unmarshal([]byte(h.Text), &told) != nil:
		return // announced by a version that speaks differently
	}
	concerned := map[id.User]bool{}
	for _, u := range told {
		concerned[u] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.streams {
		switch {
		case h.Lost:
			s.waits.lost = true
		case h.Topic == workpackage.Topic && len(s.waits.packages) < maxPending:
			s.waits.packages[e.WorkPackage] = e
		case h.Topic == workpackage.Topic:
			s.waits.lost = true
		case concerned[s.person]:
			s.waits.bell = true
		default:
			continue
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// join registers a stream; leave takes it out again.
func (l *live) join(a access.Actor) (*stream, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.streams) >= maxStreams || l.own[a.ID] >= maxOwnStreams {
		return nil, nil, fault.TooMany("too many pages are kept up to date at once", time.Minute)
	}
	s := &stream{person: a.ID, wake: make(chan struct{}, 1), waits: waiting{packages: map[id.WorkPackage]workpackage.Event{}}}
	l.streams[s] = struct{}{}
	l.own[a.ID]++
	return s, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.streams, s)
		if l.own[a.ID]--; l.own[a.ID] == 0 {
			delete(l.own, a.ID)
		}
	}, nil
}

// take returns what waits and leaves nothing.
func (l *live) take(s *stream) waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := s.waits
	s.waits = waiting{packages: map[id.WorkPackage]workpackage.Event{}}
	return w
}

// stream sends server-sent events to a page for as long as the session holds:
// "work_package" for a change of one that the person may see at that moment, "bell" with the
// number of unread notifications, and "lost" when something may have been missed.
func (s *Site) stream(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if a.Session == 0 {
		return fault.Unauthenticated("you need to be signed in")
	}
	st, leave, err := s.live.join(a)
	if err != nil {
		return err
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies that would gather the answer pass it on at once
	out := &events{w: w, rc: http.NewResponseController(w), now: s.app.DB.Now}
	if out.send("retry: 5000\n\n") != nil {
		return nil
	}
	s.follow(r.Context(), out, st, a)
	return nil
}

// follow sends until the client goes, the session ends, or the server does.
func (s *Site) follow(ctx context.Context, out *events, st *stream, a access.Actor) {
	beat := time.NewTicker(beatTime)
	defer beat.Stop()
	for {
		sign := false
		select {
		case <-ctx.Done():
			return
		case <-serve.Leaving(ctx):
			return
		case <-beat.C:
			sign = true
		case <-st.wake:
			select {
			case <-ctx.Done():
				return
			case <-time.After(gatherTime):
			}
		}
		now, err := s.app.Accounts.Renew(ctx, a)
		if err != nil {
			return // the session has ended, or nothing can be said
		}
		if sign {
			err = out.send(":\n\n")
		} else {
			err = s.pass(ctx, out, now, s.live.take(st))
		}
		if err != nil {
			return
		}
	}
}

// pass sends what waited, as far as the person may know of it now.
func (s *Site) pass(ctx context.Context, out *events, a access.Actor, w waiting) error {
	if w.lost {
		if err := out.event("lost", struct{}{}); err != nil {
			return err
		}
		w.bell = true
	}
	if len(w.packages) > 0 {
		ids := make([]id.WorkPackage, 0, len(w.packages))
		for n := range w.packages {
			ids = append(ids, n)
		}
		seen, err := s.app.WorkPackages.Seen(ctx, a, ids)
		if err != nil {
			return err
		}
		by, err := s.app.WorkPackages.Names(ctx, authors(w.packages))
		if err != nil {
			return err
		}
		for _, n := range seen {
			e := w.packages[n]
			if err := out.event("work_package", sent{ID: n, Version: e.Version, By: by[e.By].Name, Mine: e.By == a.ID}); err != nil {
				return err
			}
		}
	}
	if !w.bell {
		return nil
	}
	n, err := s.app.Notifications.Unread(ctx, a)
	if err != nil {
		return err
	}
	return out.event("bell", map[string]any{"count": n, "text": bellOf(n).Text()})
}

// sent is what a page learns of a change; it fetches the rest as any page.
type sent struct {
	ID      id.WorkPackage `json:"id"`
	Version int            `json:"version"`
	By      string         `json:"by"`
	Mine    bool           `json:"mine"`
}

func authors(events map[id.WorkPackage]workpackage.Event) []id.User {
	seen := map[id.User]bool{}
	var out []id.User
	for _, e := range events {
		if !seen[e.By] {
			seen[e.By] = true
			out = append(out, e.By)
		}
	}
	return out
}

// events writes to a client that may be slow, but not for ever.
type events struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	now func() time.Time
}

func (e *events) event(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return e.send(fmt.Sprintf("event: %s\ndata: %s\n\n", name, text))
}

func (e *events) send(text string) error {
	if err := e.rc.SetWriteDeadline(e.now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.rc.Flush()
}
