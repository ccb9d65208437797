package serve

import "context"

type leavingKey struct{}

// Leaving is closed when the handler that answers the request is about to go: the server
// shuts down, or another handler takes its place. Answers that never end by themselves end
// then; others finish. It is nil, and so never closed, for requests that no Switch has passed on.
func Leaving(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(leavingKey{}).(chan struct{})
	return ch
}

// Leave closes Leaving of the requests under way and of those to come.
func (s *Switch) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.leave()
}

func (g *generation) leave() { g.once.Do(func() { close(g.leaving) }) }
