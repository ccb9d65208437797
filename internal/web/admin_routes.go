package web

// adminRoutes are the pages of the administration.
func (s *Site) adminRoutes() []page { return nil }
