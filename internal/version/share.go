package version

import (
	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Available is the condition that the version v is one that the project may plan
// for: its own, or one that is shared with it from a project in use.
func Available(project id.Project) db.Frag {
	return availableIn(db.SQL(`SELECT CAST(? AS BIGINT)`, project))
}

// visible is the condition that the actor may see the version v: it is available in
// a project in which the actor sees work packages or manages versions.
func visible(a access.Actor) db.Frag {
	return availableIn(db.SQL(`SELECT projects.id FROM projects WHERE`).Append(db.Or(
		access.Visible("projects.id", a, access.ViewWorkPackages), access.Visible("projects.id", a, access.ManageVersions))))
}

// availableIn is the condition that the version v is available in one of the
// projects that the query selects. reach is the same rule from the other end; a test
// compares the two.
func availableIn(projects db.Frag) db.Frag {
	return db.SQL(`v.id IN (WITH RECURSIVE base (id) AS (`).Append(projects).Add(`),
		up (id) AS (SELECT base.id FROM base UNION SELECT p.parent_id FROM projects p JOIN up ON p.id = up.id WHERE p.parent_id IS NOT NULL),
		down (id) AS (SELECT base.id FROM base UNION SELECT p.id FROM projects p JOIN down ON p.parent_id = down.id),
		tree (id) AS (SELECT up.id FROM up JOIN projects p ON p.id = up.id WHERE p.parent_id IS NULL
			UNION SELECT p.id FROM projects p JOIN tree ON p.parent_id = tree.id)
		SELECT s.id FROM versions s JOIN projects d ON d.id = s.project_id WHERE d.deleted_at IS NULL AND (
			s.project_id IN (SELECT base.id FROM base) OR d.active AND (
				s.sharing = 'system' AND EXISTS (SELECT 1 FROM base)
				OR s.sharing IN ('descendants', 'hierarchy') AND s.project_id IN (SELECT up.id FROM up)
				OR s.sharing = 'hierarchy' AND s.project_id IN (SELECT down.id FROM down)
				OR s.sharing = 'tree' AND s.project_id IN (SELECT tree.id FROM tree))))`)
}

// reach is the query of the ids of the projects with which a version is shared, its
// own included.
func reach(v *Version) db.Frag {
	const (
		up = `up (id, parent_id) AS (SELECT id, parent_id FROM projects WHERE id = ?
			UNION SELECT p.id, p.parent_id FROM projects p JOIN up ON p.id = up.parent_id)`
		down = `down (id) AS (SELECT CAST(? AS BIGINT) UNION SELECT p.id FROM projects p JOIN down ON p.parent_id = down.id)`
		tree = `tree (id) AS (SELECT up.id FROM up WHERE up.parent_id IS NULL UNION SELECT p.id FROM projects p JOIN tree ON p.parent_id = tree.id)`
	)
	switch v.Sharing {
	case Descendants:
		return db.SQL(`WITH RECURSIVE `+down+` SELECT id FROM down`, v.ProjectID)
	case Hierarchy:
		return db.SQL(`WITH RECURSIVE `+up+`, `+down+` SELECT id FROM up UNION SELECT id FROM down`, v.ProjectID, v.ProjectID)
	case Tree:
		return db.SQL(`WITH RECURSIVE `+up+`, `+tree+` SELECT id FROM tree`, v.ProjectID)
	case System:
		return db.SQL(`SELECT id FROM projects`)
	}
	return db.SQL(`SELECT CAST(? AS BIGINT)`, v.ProjectID)
}
