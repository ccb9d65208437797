package notification

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Tell makes the notifications of a change. It may run any number of times: what
// is there stays as it is unless the change is later than what was read.
func (s *Service) Tell(ctx context.Context, c workpackage.Changed) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		ch, err := load(ctx, tx, c)
		if fault.Is(err, fault.KindNotFound) {
			return nil // purged or in the trash: nobody may see it
		}
		if err != nil {
			return err
		}
		told, err := ch.tell(ctx, tx)
		if err != nil {
			return fmt.Errorf("notify of activity %d: %w", c.Journal, err)
		}
		return announce(ctx, tx, told)
	})
}

// changed is what the reasons depend on.
type changed struct {
	workpackage.Changed
	entry    journal.Entry
	now, old workpackage.State
	first    bool
	wp       people
}

// people are those a work package names now.
type people struct {
	Project     id.Project `db:"project_id"`
	Assignee    *id.User   `db:"assigned_to_id"`
	Responsible *id.User   `db:"responsible_id"`
}

func load(ctx context.Context, tx *db.Tx, c workpackage.Changed) (*changed, error) {
	entry, before, err := journal.Find(ctx, tx, c.Journal)
	if err != nil {
		return nil, err
	}
	ch := &changed{Changed: c, entry: entry, first: before.ID == 0}
	if err := json.Unmarshal([]byte(entry.Data), &ch.now); err != nil {
		return nil, fmt.Errorf("activity %d: %w", entry.ID, err)
	}
	if !ch.first {
		if err := json.Unmarshal([]byte(before.Data), &ch.old); err != nil {
			return nil, fmt.Errorf("activity %d: %w", before.ID, err)
		}
	}
	ch.wp, err = db.Find[people](ctx, tx, "work package", db.SQL(`SELECT project_id, assigned_to_id, responsible_id FROM work_packages
		WHERE id = ? AND deleted_at IS NULL`, entry.EntityID))
	return ch, err
}

// mentions are the people named in the note and in what is new of the description.
func (c *changed) mentions() markup.Mentions {
	m := markup.Mentioned(c.entry.Notes)
	if c.Edited {
		return m
	}
	d := markup.Mentioned(c.now.Description).Without(markup.Mentioned(c.old.Description))
	m.Users, m.Groups, m.Logins = append(m.Users, d.Users...), append(m.Groups, d.Groups...), append(m.Logins, d.Logins...)
	return m
}

// kinds are the reasons that the change itself gives.
func (c *changed) kinds() []Reason {
	var out []Reason
	add := func(r Reason, is bool) {
		if is {
			out = append(out, r)
		}
	}
	add(Commented, c.entry.Notes != "")
	add(Created, c.first)
	add(Processed, !c.first && c.old.StatusID != c.now.StatusID)
	add(Prioritized, !c.first && c.old.PriorityID != c.now.PriorityID)
	add(Scheduled, !c.first && (day(c.old.StartDate) != day(c.now.StartDate) || day(c.old.DueDate) != day(c.now.DueDate)))
	return out
}

func day(d *db.Day) string {
	if d == nil {
		return ""
	}
	return fmt.Sprint(*d)
}

// candidates is the query of the people concerned, each with the rank of a reason.
func (c *changed) candidates() db.Frag {
	var parts []db.Frag
	m := c.mentions()
	named := func(column string, ids []int64) {
		if len(ids) > 0 {
			parts = append(parts, db.SQL(`SELECT 0 AS rank, `+column+` AS user_id FROM `+map[string]string{"id": "users", "user_id": "group_users"}[column]+` WHERE`).
				Append(db.In(map[string]string{"id": "id", "user_id": "group_id"}[column], ids)))
		}
	}
	named("id", m.Users)
	named("user_id", m.Groups)
	if len(m.Logins) > 0 {
		folded := make([]string, len(m.Logins))
		for i, l := range m.Logins {
			folded[i] = db.Fold(l)
		}
		parts = append(parts, db.SQL(`SELECT 0 AS rank, id AS user_id FROM users WHERE`).Append(db.In("login_folded", folded)))
	}
	if !c.Edited {
		parts = append(parts, c.involved()...)
	}
	if len(parts) == 0 {
		return db.Frag{}
	}
	q := parts[0]
	for _, p := range parts[1:] {
		q = q.Add(`UNION ALL`).Append(p)
	}
	return q
}

// involved are those whom the work package names, themselves or by their group,
// those who watch it, and those who asked for every change of the kind.
func (c *changed) involved() []db.Frag {
	var parts []db.Frag
	for _, by := range []struct {
		reason Reason
		who    *id.User
	}{{Assigned, c.wp.Assignee}, {Responsible, c.wp.Responsible}} {
		if by.who == nil {
			continue
		}
		rank := rankOf(by.reason)
		parts = append(parts,
			db.SQL(`SELECT `+rank+` AS rank, id AS user_id FROM users WHERE id = ? AND`, *by.who).Append(notSwitchedOff("users.id", by.reason)),
			db.SQL(`SELECT `+rank+` AS rank, user_id FROM group_users WHERE group_id = ? AND`, *by.who).Append(notSwitchedOff("group_users.user_id", by.reason)))
	}
	parts = append(parts, db.SQL(`SELECT `+rankOf(Watched)+` AS rank, user_id FROM watchers WHERE work_package_id = ? AND`, c.entry.EntityID).
		Append(notSwitchedOff("watchers.user_id", Watched)))
	for _, r := range c.kinds() {
		parts = append(parts, db.SQL(`SELECT `+rankOf(r)+` AS rank, s.user_id FROM notification_switches s
			JOIN members m ON m.user_id = s.user_id AND m.project_id = ? WHERE s.told AND s.reason = ?`, c.wp.Project, r))
	}
	return parts
}

func rankOf(r Reason) string { return fmt.Sprint(slices.Index(reasons, r)) }

func notSwitchedOff(user string, r Reason) db.Frag {
	return db.SQL(`NOT EXISTS (SELECT 1 FROM notification_switches s WHERE s.user_id = `+user+` AND s.reason = ? AND NOT s.told)`, r)
}

// tell writes one notification for each candidate who may see the change, in one
// statement, and returns whose are new or unread again.
func (c *changed) tell(ctx context.Context, tx *db.Tx) ([]id.User, error) {
	q := c.candidates()
	if q.Empty() {
		return nil, nil
	}
	may := access.Holders(access.ViewWorkPackages, c.wp.Project)
	if c.entry.Internal {
		may = db.And(may, access.Holders(access.ViewInternalComments, c.wp.Project))
	}
	reason := `CASE MIN(c.rank)`
	for i, r := range reasons {
		reason += fmt.Sprintf(` WHEN %d THEN '%s'`, i, r)
	}
	ins := db.SQL(`INSERT INTO notifications (recipient_id, actor_id, reason, work_package_id, journal_id, created_at, updated_at)
		SELECT u.id, j.user_id, `+reason+` END, j.entity_id, j.id, j.updated_at, j.updated_at FROM (`).Append(q).
		Add(`) c JOIN users u ON u.id = c.user_id JOIN journals j ON j.id = ? WHERE u.id <> j.user_id AND`, c.Journal).Append(may).
		Add(`GROUP BY u.id, j.user_id, j.entity_id, j.id, j.updated_at
		HAVING MIN(c.rank) = 0 OR NOT EXISTS (SELECT 1 FROM notification_mutes q WHERE q.user_id = u.id AND q.work_package_id = j.entity_id)
		ON CONFLICT (journal_id, recipient_id) DO UPDATE SET read_at = NULL, done_at = NULL, snoozed_until = NULL, reason = excluded.reason, updated_at = excluded.updated_at
		WHERE notifications.updated_at < excluded.updated_at`)
	if c.Edited { // who was told of the comment already need not hear of a mended word
		ins = ins.Add(`AND notifications.reason <> 'mentioned'`)
	}
	return db.All[id.User](ctx, tx, ins.Add(`RETURNING recipient_id`))
}

// atOnce bounds the ids in one announcement.
const atOnce = 300

func announce(ctx context.Context, tx *db.Tx, users []id.User) error {
	for part := range slices.Chunk(users, atOnce) {
		text, err := json.Marshal(part)
		if err != nil {
			return err
		}
		if err := db.Notify(ctx, tx, Topic, string(text)); err != nil {
			return err
		}
	}
	return nil
}
