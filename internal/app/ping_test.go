package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// watcher is a server that answers as told and counts the calls.
func watcher(t *testing.T, answer http.HandlerFunc) (url string, calls *atomic.Int32) {
	t.Helper()
	calls = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Method != http.MethodGet || r.URL.Path != "/ping/secret-name" {
			t.Errorf("the watcher was asked for %s %s", r.Method, r.URL)
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/ping/secret-name", calls
}

func TestTheWatcherIsTold(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusNoContent} {
		url, calls := watcher(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err := pinger(url, time.Minute)(t.Context()); err != nil || calls.Load() != 1 {
			t.Errorf("answer %d: %d calls, %v", status, calls.Load(), err)
		}
	}
	if pinger("", time.Minute) != nil {
		t.Error("there is a watcher without an address")
	}
}

func TestAWatcherThatDoesNotAnswerWell(t *testing.T) {
	elsewhere, redirected := watcher(t, func(http.ResponseWriter, *http.Request) {})
	release := make(chan struct{})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	answers := map[string]http.HandlerFunc{
		"500 Internal": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"404 Not":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"302 Found":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) },
		"308 Perm": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusPermanentRedirect)
		},
		"cannot be reached": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		},
	}
	for want, answer := range answers {
		url, calls := watcher(t, answer)
		err := pinger(url, 100*time.Millisecond)(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-name") || calls.Load() != 1 {
			t.Errorf("want %q after 1 call: %d calls, %v", want, calls.Load(), err)
		}
	}
	close(release)
	if redirected.Load() != 0 {
		t.Error("a redirect was followed")
	}
	for url, want := range map[string]string{gone.URL + "/ping/secret-name": "cannot be reached", "http://\x7fsecret-name": "not a web address"} {
		if err := pinger(url, time.Second)(t.Context()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-name") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestTheWatcherIsNotWaitedForAtTheEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	url, calls := watcher(t, func(_ http.ResponseWriter, r *http.Request) { stop(); <-r.Context().Done() })
	begun := time.Now()
	if err := pinger(url, time.Hour)(ctx); err == nil || calls.Load() != 1 || time.Since(begun) > time.Minute {
		t.Errorf("%d calls in %s: %v", calls.Load(), time.Since(begun), err)
	}
}
