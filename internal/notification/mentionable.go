package notification

import (
	"context"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
)

// Mentionable is somebody whom a text about a project can mention: a person who is
// told, because they may see what the text stands on, or a group of the project,
// whose people are.
type Mentionable struct {
	ID    id.User `db:"id"`
	Group bool    `db:"is_group"`
	Name  string  `db:"name"`
	Login *string `db:"login"`
}

// Mark is what a text says to mention it.
func (m Mentionable) Mark() string {
	if m.Group {
		return markup.MentionGroup(int64(m.ID))
	}
	if m.Login == nil {
		return markup.MentionPerson(int64(m.ID), "")
	}
	return markup.MentionPerson(int64(m.ID), *m.Login)
}

// Limits of Mentionable.
const (
	mentionables = 8
	maxSought    = 40 // characters
)

// Mentionable finds whom a text about the project's work packages can mention, by
// the characters of text in their order in the name or login; without text it is
// the first by name. Whoever asks is not among them, nor is anybody they may not see.
//
// Faults: NotFound when the actor may not see work packages of the project.
func (s *Service) Mentionable(ctx context.Context, a access.Actor, project id.Project, text string) ([]Mentionable, error) {
	text = strings.TrimSpace(text)
	if r := []rune(text); len(r) > maxSought {
		return nil, nil // nobody is called that
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Mentionable, error) {
		switch may, err := access.Allowed(ctx, tx, a, access.ViewWorkPackages, project); {
		case err != nil:
			return nil, err
		case !may:
			return nil, fault.NotFound("project")
		}
		seen, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
		if err != nil {
			return nil, err
		}
		who := db.And(db.SQL(`u.id <> ?`, a.ID), seen.Paren(), db.Or(access.Holders(access.ViewWorkPackages, project).Paren(), groupOf(project).Paren()).Paren())
		type row struct {
			Mentionable
			Far int `db:"far"`
		}
		rows, err := db.All[row](ctx, tx, byDistance(text).Append(who).Add(`AND`).Append(sought(text)).Add(`ORDER BY far, u.name_folded, u.id LIMIT ?`, mentionables))
		found := make([]Mentionable, len(rows))
		for i, r := range rows {
			found[i] = r.Mentionable
		}
		return found, err
	})
}

// groupOf is the condition that u is a group with roles in the project.
func groupOf(project id.Project) db.Frag {
	return db.SQL(`u.kind = 'Group' AND u.deleted_at IS NULL AND EXISTS (SELECT 1 FROM members m WHERE m.user_id = u.id AND m.project_id = ?)`, project)
}

// sought is the condition that u is called something with the characters of text.
func sought(text string) db.Frag {
	if text == "" {
		return db.True
	}
	return db.Or(db.Scattered("u.name_folded", text), db.Scattered("u.login_folded", text)).Paren()
}

// byDistance selects principals with how far their names are from text: those that begin
// with it come first.
func byDistance(text string) db.Frag {
	q := db.SQL(`SELECT u.id, u.kind = 'Group' AS is_group, TRIM(u.firstname || ' ' || u.lastname) AS name, u.login, CASE`)
	for i, nearer := range []db.Frag{
		db.HasPrefix("u.login_folded", text), db.HasPrefix("u.name_folded", text), db.Contains("u.name_folded", " "+text),
		db.Contains("u.name_folded", text), db.Contains("u.login_folded", text),
	} {
		q = q.Add(`WHEN`).Append(nearer).Add(`THEN ` + strconv.Itoa(i))
	}
	return q.Add(`ELSE 5 END AS far FROM users u WHERE`)
}
