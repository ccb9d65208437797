package setting

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Change applies change to the settings, checks the result as a whole and
// saves what differs, journaled and audited. change may run twice.
//
// Faults: Unauthenticated for visitors, Forbidden for everyone but
// administrators, Invalid with one entry per refused setting.
func (s *Service) Change(ctx context.Context, a access.Actor, change func(*Values)) (Values, error) {
	if err := access.RequireAdmin(a); err != nil {
		return Values{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Values, error) { return s.change(ctx, tx, a, change) })
}

// SetNewProjectRole stores, in the caller's transaction, the role of people who
// create a project. The seed of a new instance uses it.
func (s *Service) SetNewProjectRole(ctx context.Context, tx *db.Tx, role id.Role) error {
	_, err := s.change(ctx, tx, access.System("seed"), func(v *Values) { v.NewProjectRole = role })
	return err
}

func (s *Service) change(ctx context.Context, tx *db.Tx, a access.Actor, change func(*Values)) (Values, error) {
	before, err := stored(ctx, tx)
	if err != nil {
		return Values{}, err
	}
	after := before.clone()
	change(&after)
	return after, s.settle(ctx, tx, a, before, after, journal.Change{})
}

// settle checks the settings as a whole and saves what differs.
func (s *Service) settle(ctx context.Context, tx *db.Tx, a access.Actor, before, after Values, c journal.Change) error {
	refused := after.check()
	if after.NewProjectRole != 0 && after.NewProjectRole != before.NewProjectRole {
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM roles WHERE id = ? AND kind = 'ProjectRole' AND builtin = 0`, after.NewProjectRole))
		if err != nil {
			return err
		}
		refused.add(n == 0, "new_project_user_role_id", "inclusion", nil)
	}
	if err := fault.Invalid(refused...); err != nil {
		return err
	}
	tx.AfterCommit(s.expire)
	return s.save(ctx, tx, a, before, after, c)
}

// Limits of texts, in characters.
const (
	maxTitle   = 100
	maxWelcome = 65_536
)

// maxKinds bounds how many kinds of files are named; fileKind is how one is.
const maxKinds = 200

var fileKind = regexp.MustCompile(`^(\*\.[a-z0-9][a-z0-9.+_-]{0,30}|[a-z]+/([a-z0-9][a-z0-9.+_-]{0,99}|\*))$`)

// refusals are the refused settings; the first refusal of each counts.
type refusals []fault.Field

func (r *refusals) add(bad bool, name, code string, params map[string]any) {
	if bad && !slices.ContainsFunc(*r, func(f fault.Field) bool { return f.Name == name }) {
		*r = append(*r, fault.Field{Name: name, Code: code, Params: params})
	}
}

func (r *refusals) between(n, low, high int, name string) {
	r.add(n < low || n > high, name, "out_of_range", map[string]any{"min": low, "max": high})
}

func (r *refusals) text(s string, limit int, name string) {
	r.add(utf8.RuneCountInString(s) > limit, name, "too_long", map[string]any{"max": limit})
	r.add(!utf8.ValidString(s) || strings.ContainsRune(s, 0), name, "invalid", nil)
}

func (r *refusals) list(of []int, low, high int, name string) {
	r.add(len(of) == 0, name, "blank", nil)
	for i, n := range of {
		r.between(n, low, high, name)
		r.add(slices.Contains(of[:i], n), name, "taken", nil)
	}
}

func (v Values) check() refusals {
	var r refusals
	r.add(strings.TrimSpace(v.AppTitle) == "", "app_title", "blank", nil)
	r.text(v.AppTitle, maxTitle, "app_title")
	r.add(strings.ContainsFunc(v.AppTitle, unicode.IsControl), "app_title", "invalid", nil) // it stands in subjects of mails
	r.text(v.WelcomeText, maxWelcome, "welcome_text")
	for i, m := range v.DefaultModules {
		r.add(!slices.Contains(access.Modules, m), "default_projects_modules", "inclusion", map[string]any{"module": m})
		r.add(slices.Contains(v.DefaultModules[:i], m), "default_projects_modules", "taken", nil)
	}
	r.between(v.MaxPageSize, 50, 5000, "apiv3_max_page_size")
	r.list(v.PerPage, 1, v.MaxPageSize, "per_page_options")
	r.list(v.WorkingDays, 1, 7, "working_days")
	r.between(v.HoursPerDay, 1, 24, "hours_per_day")
	r.between(v.JournalAggregationMin, 0, 24*60, "journal_aggregation_time_minutes")
	r.add(len(v.AttachmentKinds) > maxKinds, "attachment_whitelist", "too_long", map[string]any{"max": maxKinds})
	for _, k := range v.AttachmentKinds {
		r.add(!fileKind.MatchString(k), "attachment_whitelist", "kind_pattern", map[string]any{"kind": k})
	}
	return r
}

// save writes the members that differ. Nothing differs: nothing is written.
func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, before, after Values, c journal.Change) error {
	old, err := members(before)
	if err != nil {
		return err
	}
	now, err := members(after)
	if err != nil {
		return err
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if string(old[name]) != string(now[name]) {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if slices.Contains(changed, "working_days") {
		if err := recount(ctx, tx); err != nil {
			return err
		}
	}
	for _, name := range changed {
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, name, string(now[name]), tx.Stamp())); err != nil {
			return err
		}
	}
	if err := record(ctx, tx, a, after, c); err != nil {
		return err
	}
	return s.audit.Record(ctx, tx, audit.Act{
		ActorID: a.ID, ActorName: a.Name, IP: a.IP, Action: "setting.change", Object: "settings", Detail: map[string]any{"changed": changed},
	})
}

func record(ctx context.Context, tx *db.Tx, a access.Actor, v Values, c journal.Change) error {
	c.EntityType, c.EntityID, c.UserID, c.State = journal.Setting, RecordID, a.ID, v.state()
	_, err := journal.Record(ctx, tx, c)
	return err
}

// members are the settings one by one, as the table keeps them.
func members(v Values) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	err = json.Unmarshal(data, &m)
	return m, err
}
