package ui

// ProjectRow is a project in a table ("project-rows" takes a slice). Depth is
// its level in the tree, from 0.
type ProjectRow struct {
	Name, Href, Status string
	Hue                Hue
	Depth              int
	Public             bool
}

// PackageRow is a work package in a table ("package-rows" takes a slice).
type PackageRow struct {
	ID                     int64
	Href, Subject          string
	Type, Status, Priority Chip
	Assignee               *Person
	Due                    string // YYYY-MM-DD or empty
}
