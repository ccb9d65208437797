package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// standingAlert is the sentence about the backups; green only when they are proven.
func standingAlert(st backup.Standing) ui.Alert {
	tone := ui.Warning
	switch {
	case st.Proven():
		tone = ui.Success
	case st.Trouble != nil || st.Stale || st.LastGood.IsZero():
		tone = ui.Danger
	}
	return ui.Alert{Tone: tone, Text: st.Sentence()}
}

// standingFacts are the dates under it.
func standingFacts(st backup.Standing, loc *time.Location) []ui.Fact {
	at := func(t time.Time, otherwise string) string {
		if t.IsZero() {
			return otherwise
		}
		return t.In(loc).Format("2 Jan 2006, 15:04")
	}
	tone := func(bad bool) ui.Tone {
		if bad {
			return ui.Danger
		}
		return ui.Success
	}
	proven := "restored for a test"
	if st.Took > 0 {
		proven = "took " + ui.Duration(max(st.Took, time.Second))
	}
	return []ui.Fact{
		{Label: "Last good backup", Value: at(st.LastGood, "Never"), Note: "next: " + at(st.NextAt, "by hand only"), Tone: tone(st.LastGood.IsZero() || st.Stale)},
		{Label: "Last verified", Value: at(st.LastVerified, "Never"), Note: "what is stored was read", Tone: tone(st.LastVerified.IsZero())},
		{Label: "Last proven restorable", Value: at(st.LastProven, "Never"), Note: proven, Tone: tone(st.LastProven.IsZero())},
	}
}

type carePage struct {
	ui.Page
	Status     ui.Alert
	Facts      []ui.Fact
	Sentence   string
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
	Name  string
	At    time.Time
	Took  time.Duration
	State ui.Chip
	Text  string
}

type checkButton struct{ Kind, Label, Note string }

var checkNames = map[backup.CheckKind]string{
	backup.CheckStructure: "Verification", backup.CheckShare: "Verification, reading a thirtieth", backup.CheckFull: "Verification, reading everything",
	backup.CheckDrill: "Drill", backup.CheckPrune: "Letting go",
	backup.CheckRestore: "Restore", backup.CheckUndo: "Undoing a restore",
}

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

var keepFields = []struct{ name, label string }{
	{"last", "Last"}, {"hourly", "Hours"}, {"daily", "Days"}, {"weekly", "Weeks"}, {"monthly", "Months"}, {"yearly", "Years"},
}

func (s *Site) careForm(w http.ResponseWriter, r *http.Request, a access.Actor, v map[string]string, refusal error) error {
	ctx, loc := r.Context(), location(a)
	st, err := s.app.Backups.Standing(ctx, a)
	if err != nil {
		return err
	}
	checks, err := s.app.Backups.Checks(ctx, a, 20)
	if err != nil {
		return err
	}
	p := carePage{Page: s.adminFrame(r, a, "Schedule and proofs"), Status: standingAlert(st), Facts: standingFacts(st, loc), Sentence: st.Rules.Describe()}
	p.Breadcrumbs = []ui.Crumb{{Label: "Administration", Href: "/admin"}, {Label: "Backup", Href: "/admin/backups"}, {Label: "Schedule and proofs"}}
	for at, n := s.app.DB.Now(), 0; n < 3; n++ {
		next, ok := st.Rules.Due(at)
		if !ok {
			break
		}
		p.NextTimes, at = append(p.NextTimes, next.In(loc).Format("Mon 2 Jan 2006, 15:04")), next
	}
	if st.Rules.Next != nil {
		p.Waiting = "From " + st.Rules.NextAt.In(loc).Format("2 Jan 2006, 15:04") + " on a weaker policy holds: " + st.Rules.Next.Describe() + "."
		p.BackFields = policyValues(st.Rules.Policy)
	}
	p.form(speak(r), v, refusal)
	for _, c := range checks {
		p.Checks = append(p.Checks, checkRowOf(c, loc))
	}
	p.Buttons = []checkButton{
		{string(backup.CheckStructure), "Verify now", "is everything there?"},
		{string(backup.CheckFull), "Read everything", "decrypt and compare all of it"},
		{string(backup.CheckDrill), "Drill now", "restore the newest one for a test"},
	}
	return s.ui.Render(w, statusOf(refusal), "admin_care", p)
}

func (p *carePage) form(say reader, v map[string]string, refusal error) {
	m := say.messages(refusal)
	p.Schedule = ui.Text("schedule", "When", v["schedule"]).Require().Wrong(m["schedule"])
	p.Schedule.Hint = "daily 02:00, mon,thu 03:30, every 6h, or off"
	problems := []ui.Problem{p.Schedule.Problem()}
	for _, k := range keepFields {
		f := ui.Text(k.name, k.label, v[k.name]).Require().Wrong(m[k.name])
		p.Keep, problems = append(p.Keep, f), append(problems, f.Problem())
	}
	p.Within = ui.Text("within", "Keep everything of the last days", v["within"]).Require().Wrong(m["within"])
	p.Drill = ui.Text("drill_days", "A drill every so many days", v["drill_days"]).Require().Wrong(m["drill_days"])
	p.Drill.Hint = "0 for never"
	p.Problems = ui.Problems(append(problems, p.Within.Problem(), p.Drill.Problem())...)
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

func checkRowOf(c backup.Check, loc *time.Location) checkRow {
	row := checkRow{Name: checkNames[c.Kind], At: c.StartedAt.In(loc), State: ui.Label("Running", ui.Blue), Text: c.Error}
	if c.FinishedAt != nil {
		row.Took = c.FinishedAt.Sub(c.StartedAt.Time)
	}
	switch c.State {
	case "ok":
		row.State = ui.Label("Good", ui.Green)
	case "failed":
		row.State = ui.Label("Failed", ui.Red)
	}
	if d, ok := c.Drill(); ok && c.State == "ok" {
		row.Text = ui.Counted(d.Rows, "row") + " equal, " + ui.Counted(d.Files, "file") + " read back, the application worked on it"
	}
	if n := c.Known(); n > 0 {
		row.Text = "The newest backup is whole; older ones have " + ui.Counted(int64(n), "gap") + " known before"
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
	p, err := readPolicy(v)
	if err == nil {
		_, err = s.app.Backups.ChangePolicy(r.Context(), a, p)
	}
	if refused(err) {
		return s.careForm(w, r, a, v, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/care?done=saved")
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

type prunePage struct {
	ui.Page
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
	out, err := s.app.Backups.Prune(r.Context(), a, backup.PruneInput{DryRun: true})
	if err != nil {
		return err
	}
	held, err := s.app.Backups.Holds(r.Context(), a)
	if err != nil {
		return err
	}
	p := prunePage{Page: s.adminFrame(r, a, "What would be let go")}
	p.Breadcrumbs = []ui.Crumb{{Label: "Administration", Href: "/admin"}, {Label: "Backup", Href: "/admin/backups"}, {Label: "Schedule and proofs", Href: "/admin/backups/care"}, {Label: p.Title}}
	for _, d := range out.Decisions {
		row := pruneRow{ID: d.Snapshot.ID, At: d.Snapshot.At.In(location(a)), State: ui.Label("Stays", ui.Green), Why: strings.Join(d.Reasons, ", ")}
		if !d.Keep {
			row.State, p.Any = ui.Label("Goes", ui.Orange), true
		}
		for _, h := range held {
			if h.Snapshot == row.ID {
				row.Held = true
				row.Why += " (" + strings.TrimSuffix(h.By+": "+h.Reason, ": ") + ")"
			}
		}
		p.Rows = append(p.Rows, row)
	}
	if out.MayNotDelete {
		p.Summary = "The place refuses deleting to these credentials, so everything stays. "
	}
	p.Summary += ui.Bytes(out.KeptBytes) + " are needed; " + ui.Bytes(out.CondemnedBytes+out.DeletedBytes) + " are not, and are deleted a day after they are found."
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
	return redirect(w, r, "/admin/backups/prune")
}

func (s *Site) releaseSnapshot(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.app.Backups.Release(r.Context(), a, r.PostForm.Get("snapshot")); err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups/prune")
}
