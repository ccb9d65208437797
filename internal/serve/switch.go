package serve

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Switch is a handler that can be changed for another while the server runs, for
// work during which nobody may use what the handler stands on.
type Switch struct {
	mu  sync.Mutex
	now *generation
}

// generation is one handler and the requests that it answers.
type generation struct {
	handler http.Handler
	ctx     context.Context
	cancel  context.CancelFunc
	open    sync.WaitGroup
	leaving chan struct{}
	once    sync.Once // closes leaving
}

// NewSwitch begins with h.
func NewSwitch(h http.Handler) *Switch { return &Switch{now: newGeneration(h)} }

func newGeneration(h http.Handler) *generation {
	ctx, cancel := context.WithCancel(context.Background())
	return &generation{handler: h, ctx: ctx, cancel: cancel, leaving: make(chan struct{})}
}

// ServeHTTP implements http.Handler.
func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	g := s.now
	g.open.Add(1) // under the lock, so that Change waits for it
	s.mu.Unlock()
	defer g.open.Done()
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), leavingKey{}, g.leaving))
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	g.handler.ServeHTTP(w, r.WithContext(ctx))
}

// Change lets h answer from now on. It returns when the handler before has no
// request left: those that take longer than grace are told to stop, and those
// that do not stop, such as a download to a client that has fallen silent, are
// left behind after the same time again.
func (s *Switch) Change(h http.Handler, grace time.Duration) {
	s.mu.Lock()
	old := s.now
	s.now = newGeneration(h)
	s.mu.Unlock()
	defer old.cancel()
	old.leave()
	done := make(chan struct{})
	go func() {
		old.open.Wait()
		close(done)
	}()
	for range 2 {
		select {
		case <-done:
			return
		case <-time.After(grace):
			old.cancel()
		}
	}
}
