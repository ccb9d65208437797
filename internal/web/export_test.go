package web

import "github.com/holdfast/holdfast/internal/message"

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

// Device is what a session is called in English.
func Device(agent string) string { return device(reader{Printer: message.In("en")}, agent) }

// Zones are suggested for the time zone.
var Zones = zones
