package web

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// standingAlert is the sentence about the backups; green only when they are proven.
func standingAlert(say reader, st backup.Standing) ui.Alert {
	tone := ui.Warning
	switch {
	case st.Proven():
		tone = ui.Success
	case st.Trouble != nil || st.Stale: // before the first one is due there is only something to wait for
		tone = ui.Danger
	}
	return ui.Alert{Tone: tone, Text: st.Sentence(say)}
}

// standingFacts are the dates under it.
func standingFacts(say reader, st backup.Standing) []ui.Fact {
	at := func(t time.Time, otherwise string) string {
		if t.IsZero() {
			return otherwise
		}
		return say.DateTime(t)
	}
	tone := func(t time.Time, late bool) ui.Tone {
		switch {
		case late:
			return ui.Danger
		case t.IsZero(), st.Trouble != nil: // a date is no good news while what it says is in doubt
			return ""
		}
		return ui.Success
	}
	proven := say.T("care.restored_for_a_test")
	if st.Took > 0 {
		proven = say.T("care.took", "time", say.Duration(max(st.Took, time.Second)))
	}
	return []ui.Fact{
		{Label: say.T("care.last_good_backup"), Value: at(st.LastGood, say.T("care.never")), Note: say.T("care.next", "when", at(st.NextAt, say.T("care.by_hand_only"))), Tone: tone(st.LastGood, st.Stale)},
		{Label: say.T("care.last_verified"), Value: at(st.LastVerified, say.T("care.never")), Note: say.T("care.what_is_stored_was_read"), Tone: tone(st.LastVerified, st.Stale && st.LastVerified.IsZero())},
		{Label: say.T("care.last_proven_restorable"), Value: at(st.LastProven, say.T("care.never")), Note: proven, Tone: tone(st.LastProven, st.Stale && st.LastProven.IsZero())},
	}
}

type carePage struct {
	ui.Page
	Status     ui.Alert
	Facts      []ui.Fact
	Sentence   string
	Kit        string
	NextTimes  []string
	Waiting    string
	Schedule   ui.Field
	Keep       []ui.Field
	Within     ui.Field
	Drill      ui.Field
	Problems   ui.ErrorSummary
	Checks     []checkRow
	Buttons    []checkButton
	BackFields map[string]string
}

type checkRow struct {
	Name   string
	At     time.Time
	Took   time.Duration
	State  ui.Chip
	Text   string
	Detail string // what the engine said
}

type checkButton struct{ Kind, Label, Note string }

func (s *Site) backupCare(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	rules, err := s.app.Backups.Rules(r.Context(), a)
	if err != nil {
		return err
	}
	return s.careForm(w, r, a, policyValues(rules.Policy), nil)
}

// policyValues is a policy as the form has it.
func policyValues(p backup.Policy) map[string]string {
	n := strconv.Itoa
	k := p.Keep
	return map[string]string{
		"schedule": p.Schedule, "last": n(k.Last), "hourly": n(k.Hourly), "daily": n(k.Daily), "weekly": n(k.Weekly), "monthly": n(k.Monthly),
		"yearly": n(k.Yearly), "within": n(int(k.Within.Hours() / 24)), "drill_days": n(p.DrillDays),
	}
}

var keepFields = []string{"last", "hourly", "daily", "weekly", "monthly", "yearly"}

func (s *Site) careForm(w http.ResponseWriter, r *http.Request, a access.Actor, v map[string]string, refusal error) error {
	say := speak(r)
	ctx := r.Context()
	st, err := s.app.Backups.Standing(ctx, a)
	if err != nil {
		return err
	}
	checks, err := s.app.Backups.Checks(ctx, a, 20)
	if err != nil {
		return err
	}
	p := carePage{Page: s.adminFrame(r, a, say.T("common.schedule_and_proofs")), Status: standingAlert(say, st), Facts: standingFacts(say, st), Sentence: st.Rules.Describe(say)}
	issued, err := s.app.Backups.KitIssued(ctx, a)
	if err != nil {
		return err
	}
	if p.Kit = say.T("care.no_kit"); !issued.IsZero() {
		p.Kit = say.T("care.kit_issued", "when", say.DateTime(issued))
	}
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: say.T("common.backup"), Href: "/admin/backups"}, {Label: say.T("common.schedule_and_proofs")}}
	for at, n := s.app.DB.Now(), 0; n < 3; n++ {
		next, ok := st.Rules.Due(at)
		if !ok {
			break
		}
		p.NextTimes, at = append(p.NextTimes, say.WeekdayTime(next)), next
	}
	if st.Rules.Next != nil {
		p.Waiting = say.T("care.weaker", "when", say.DateTime(st.Rules.NextAt), "policy", st.Rules.Next.Describe(say))
		p.BackFields = policyValues(st.Rules.Policy)
	}
	p.form(say, v, refusal)
	for _, c := range checks {
		p.Checks = append(p.Checks, checkRowOf(say, c))
	}
	p.Buttons = []checkButton{
		{string(backup.CheckStructure), say.T("care.verify_now"), say.T("care.is_everything_there")},
		{string(backup.CheckFull), say.T("care.read_everything"), say.T("care.decrypt_and_compare_all_of")},
		{string(backup.CheckDrill), say.T("care.drill_now"), say.T("care.restore_the_newest_one_for")},
	}
	return s.ui.Render(w, statusOf(refusal), "admin_care", p)
}

func (p *carePage) form(say reader, v map[string]string, refusal error) {
	m := say.messages(refusal)
	p.Schedule = ui.Text("schedule", say.T("care.when"), v["schedule"]).Require().Wrong(m["schedule"])
	p.Schedule.Hint = say.T("care.schedule_hint")
	problems := []ui.Problem{p.Schedule.Problem()}
	for _, k := range keepFields {
		f := ui.Text(k, say.T("care.keep_"+k), v[k]).Require().Wrong(m[k])
		p.Keep, problems = append(p.Keep, f), append(problems, f.Problem())
	}
	p.Within = ui.Text("within", say.T("care.keep_everything_of_the_last"), v["within"]).Require().Wrong(m["within"])
	p.Drill = ui.Text("drill_days", say.T("care.a_drill_every_so_many"), v["drill_days"]).Require().Wrong(m["drill_days"])
	p.Drill.Hint = say.T("care.0_for_never")
	p.Problems = ui.Problems(append(problems, p.Within.Problem(), p.Drill.Problem())...)
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

func checkRowOf(say reader, c backup.Check) checkRow {
	row := checkRow{Name: say.either("care.kind_", string(c.Kind)), At: c.StartedAt.In(say.loc), State: ui.Label(say.T("common.running"), ui.Blue)}
	row.Text, row.Detail = say.troubleOf(c.Error)
	if c.FinishedAt != nil {
		row.Took = c.FinishedAt.Sub(c.StartedAt.Time)
	}
	switch c.State {
	case "ok":
		row.State = ui.Label(say.T("care.good"), ui.Green)
	case "failed":
		row.State = ui.Label(say.T("common.failed"), ui.Red)
	}
	if d, ok := c.Drill(); ok && c.State == "ok" {
		row.Text = say.T("care.drill_found", "rows", say.T("count.rows", "n", d.Rows), "files", say.T("count.files", "n", d.Files))
	}
	if n := c.Known(); n > 0 {
		row.Text = say.T("care.known_gaps", "n", n)
	}
	return row
}

func (s *Site) savePolicy(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	v := map[string]string{}
	for name := range policyValues(backup.Policy{}) {
		v[name] = strings.TrimSpace(r.PostForm.Get(name))
	}
	before, err := s.app.Backups.Rules(r.Context(), a)
	if err != nil {
		return err
	}
	p, err := readPolicy(v)
	after := before
	if err == nil {
		after, err = s.app.Backups.ChangePolicy(r.Context(), a, p)
	}
	if refused(err) {
		return s.careForm(w, r, a, v, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/care?done="+policySaved(before, after))
}

// policySaved says what a save of the policy has done, which is not always what people expect: a
// weaker one waits, and saving the one in force drops the one that waits.
func policySaved(before, after backup.Rules) string {
	switch {
	case after.Next != nil:
		return "policy_waits"
	case before.Policy != after.Policy:
		return "policy_holds"
	case before.Next != nil:
		return "policy_kept"
	}
	return "policy_same"
}

// readPolicy reads the form. Numbers that are none are refused at their fields.
func readPolicy(v map[string]string) (backup.Policy, error) {
	var wrong []fault.Field
	n := func(name string) int {
		x, err := strconv.Atoi(v[name])
		if err != nil {
			wrong = append(wrong, fault.Field{Name: name, Code: "not_a_number"})
		}
		return x
	}
	p := backup.Policy{
		Schedule: v["schedule"], DrillDays: n("drill_days"),
		Keep: retain.Policy{
			Last: n("last"), Hourly: n("hourly"), Daily: n("daily"), Weekly: n("weekly"), Monthly: n("monthly"), Yearly: n("yearly"),
			Within: time.Duration(n("within")) * 24 * time.Hour,
		},
	}
	if len(wrong) > 0 {
		return p, fault.Invalid(wrong...)
	}
	return p, nil
}

func (s *Site) requestCheck(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if err := s.app.Backups.RequestCheck(r.Context(), a, backup.CheckKind(r.PostForm.Get("kind"))); err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/care?done=check")
}

// numbered are reasons such as daily 3 of 7.
var numbered = regexp.MustCompile(`^([a-z]+) (\d+) of (\d+)$`)

// limits are reasons with one number.
var limits = []struct {
	text *regexp.Regexp
	key  string
}{{regexp.MustCompile(`^younger than (\d+) days?$`), "care.younger"}, {regexp.MustCompile(`^never fewer than (\d+)$`), "care.fewest"}}

// reasons words why a snapshot stays.
func (in reader) reasons(all []string) string {
	out := make([]string, 0, len(all))
	for _, text := range all {
		out = append(out, in.reason(text))
	}
	return strings.Join(out, ", ")
}

func (in reader) reason(text string) string {
	if m := numbered.FindStringSubmatch(text); m != nil {
		return in.T("care.rule", "name", uncapital(in.either("care.rule_", m[1])), "number", m[2], "of", m[3])
	}
	for _, l := range limits {
		if m := l.text.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1]) // digits, and few
			return in.T(l.key, "n", n)
		}
	}
	if key := "care.why_" + message.Slug(text); in.Has(key) {
		return in.T(key)
	}
	return text
}

type prunePage struct {
	ui.Page
	None    ui.EmptyState
	Rows    []pruneRow
	Summary string
	Any     bool
}

type pruneRow struct {
	ID    string
	At    time.Time
	State ui.Chip
	Why   string
	Held  bool
}

// prunePreview tells what letting go would do now.
func (s *Site) prunePreview(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	out, err := s.app.Backups.Prune(r.Context(), a, backup.PruneInput{DryRun: true})
	if err != nil {
		return err
	}
	held, err := s.app.Backups.Holds(r.Context(), a)
	if err != nil {
		return err
	}
	p := prunePage{Page: s.adminFrame(r, a, say.T("care.what_would_be_let_go"))}
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: say.T("common.backup"), Href: "/admin/backups"}, {Label: say.T("common.schedule_and_proofs"), Href: "/admin/backups/care"}, {Label: p.Title}}
	for _, d := range out.Decisions {
		row := pruneRow{ID: d.Snapshot.ID, At: d.Snapshot.At.In(location(a)), State: ui.Label(say.T("care.stays"), ui.Green), Why: say.reasons(d.Reasons)}
		if !d.Keep {
			row.State, p.Any = ui.Label(say.T("care.goes"), ui.Orange), true
		}
		for _, h := range held {
			if h.Snapshot == row.ID {
				row.Held = true
				row.Why += " (" + strings.TrimSuffix(h.By+": "+h.Reason, ": ") + ")"
			}
		}
		p.Rows = append(p.Rows, row)
	}
	p.None = ui.EmptyState{Icon: "archive", Title: say.T("care.none_yet"), Text: say.T("care.none_text"), Actions: []ui.Button{ui.Link(say.T("common.to_the_backups"), "/admin/backups")}}
	if out.MayNotDelete {
		p.Summary = say.T("care.place_refuses") + " "
	}
	p.Summary += say.T("care.needed", "kept", say.Bytes(out.KeptBytes), "gone", say.Bytes(out.CondemnedBytes+out.DeletedBytes))
	return s.ui.Render(w, http.StatusOK, "admin_prune", p)
}

// holdSnapshot puts a snapshot on hold.
func (s *Site) holdSnapshot(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.app.Backups.Hold(r.Context(), a, r.PostForm.Get("snapshot"), r.PostForm.Get("reason")); err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/prune?done=held")
}

func (s *Site) releaseSnapshot(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.app.Backups.Release(r.Context(), a, r.PostForm.Get("snapshot")); err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/prune?done=let_off")
}
