package web

// Route is a line of the table of pages, for tests that walk it.
type Route struct {
	Method, Pattern string
	Open            bool
}

// Routes returns the table.
func Routes(s *Site) []Route {
	var out []Route
	for _, p := range s.routes() {
		out = append(out, Route{p.method, p.pattern, p.open})
	}
	return out
}
