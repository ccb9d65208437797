package apiv3

// Route is a line of the table of operations, for tests that walk it.
type Route struct{ Method, Pattern string }

// Routes returns the table.
func Routes(s *API) []Route {
	var out []Route
	for _, r := range s.routes() {
		out = append(out, Route{r.method, r.pattern})
	}
	return out
}
