package serve_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/serve"
)

// answer sends a request and returns status and body.
func answer(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestSwitchWaitsForRequestsOfTheHandlerBefore(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(began) })
		<-end
		if r.Context().Err() == nil {
			_, _ = io.WriteString(w, "finished")
		}
	})
	s := serve.NewSwitch(slow)
	srv := httptest.NewServer(s)
	defer srv.Close()
	first := make(chan string, 1)
	go func() {
		_, body := answer(t, srv.URL)
		first <- body
	}()
	<-began
	changed := make(chan struct{})
	go func() {
		s.Change(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), time.Minute)
		close(changed)
	}()
	for {
		if status := probe(srv.URL); status == http.StatusServiceUnavailable {
			break // new requests go to the new handler while the old one is still busy
		}
	}
	select {
	case <-changed:
		t.Fatal("Change returned while a request was under way")
	default:
	}
	close(end)
	<-changed
	if got := <-first; got != "finished" {
		t.Errorf("the request under way got %q", got)
	}
}

// probe asks with a deadline, because the handler before may still be the one.
func probe(url string) int {
	c := http.Client{Timeout: 100 * time.Millisecond}
	resp, err := c.Get(url)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestSwitchStopsRequestsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	began, stopped := make(chan struct{}), make(chan struct{})
	s := serve.NewSwitch(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(stopped)
	}))
	srv := httptest.NewServer(s)
	defer srv.Close()
	go func() { probe(srv.URL) }()
	<-began
	s.Change(http.NotFoundHandler(), time.Millisecond)
	select {
	case <-stopped:
	default:
		t.Error("Change returned before the request had ended")
	}
	if status, _ := answer(t, srv.URL); status != http.StatusNotFound {
		t.Errorf("status %d after the change", status)
	}
}

func TestSwitchLeavesBehindWhoDoesNotStop(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}), make(chan struct{})
	s := serve.NewSwitch(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-end
	}))
	srv := httptest.NewServer(s)
	defer srv.Close()
	defer close(end)
	go func() { probe(srv.URL) }()
	<-began
	s.Change(http.NotFoundHandler(), time.Millisecond)
	if status, _ := answer(t, srv.URL); status != http.StatusNotFound {
		t.Errorf("status %d after the change", status)
	}
}
