package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/backup/schedule"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// CoolingOff is how long a weaker policy waits, so that whoever should not have
// weakened it can be stopped.
const CoolingOff = 72 * time.Hour

// Policy is what the instance does for its backups without being asked.
type Policy struct {
	// Schedule is when a backup is made, such as "daily 02:00"; "off" is never.
	Schedule string `json:"schedule"`
	// Keep says how long snapshots are kept.
	Keep retain.Policy `json:"keep"`
	// DrillDays is after how many days the newest snapshot is restored for a test; 0 is never.
	DrillDays int `json:"drill_days"`
}

// off is the schedule that never comes.
const off = "off"

// DefaultPolicy is that of a new instance.
func DefaultPolicy() Policy {
	return Policy{Schedule: "daily 02:00", Keep: retain.Policy{Last: 3, Daily: 7, Weekly: 4, Monthly: 12, Within: 7 * 24 * time.Hour}, DrillDays: 7}
}

// Rules is the policy in force, and the weaker one that waits.
type Rules struct {
	Policy
	Next   *Policy
	NextAt time.Time
	// Since is when the policy was last changed.
	Since time.Time

	nextFrom *int64 // what had passed when the wait began
}

// Due returns when the schedule next comes after an instant; ok is false for one that never does.
func (p Policy) Due(after time.Time) (at time.Time, ok bool) {
	if p.Schedule == off {
		return time.Time{}, false
	}
	s, err := schedule.Parse(p.Schedule, time.Local) // the operator's TZ says when night is
	if err != nil {
		return time.Time{}, false // checked before it was stored
	}
	return s.Next(after), true
}

func (p Policy) check() error {
	if p.Schedule != off {
		if _, err := schedule.Parse(p.Schedule, time.UTC); err != nil {
			return err
		}
	}
	if err := p.Keep.Validate(); err != nil {
		return err
	}
	if p.Keep.Within < 24*time.Hour { // else whoever adds snapshots could push the good ones out
		return fault.InvalidField("within", "inclusion")
	}
	if p.DrillDays < 0 || p.DrillDays > 366 {
		return fault.InvalidField("drill_days", "inclusion")
	}
	return nil
}

// weaker says whether p does less than old: keeps less, tests more rarely, or is made less often.
func (p Policy) weaker(old Policy) bool {
	return retain.Weaker(old.Keep, p.Keep) || rarer(p.DrillDays, old.DrillDays) || p.Schedule == off && old.Schedule != off || p.gap() > old.gap()
}

func rarer(days, before int) bool { return before > 0 && (days == 0 || days > before) }

// gap is the longest time between two backups of the schedule.
func (p Policy) gap() time.Duration {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	longest := time.Duration(0)
	for range 32 {
		next, ok := p.Due(at)
		if !ok {
			return 0
		}
		longest, at = max(longest, next.Sub(at)), next
	}
	return longest
}

type policyRow struct {
	Policy    string   `db:"policy"`
	Next      string   `db:"next"`
	NextAt    *db.Time `db:"next_at"`
	NextFrom  *int64   `db:"next_from"`
	ChangedAt db.Time  `db:"changed_at"`
}

// cool returns what is left of the wait of the next policy.
func (r policyRow) cool(m moment) time.Duration {
	left := r.NextAt.Sub(m.now)
	if r.NextFrom != nil {
		left = max(left, CoolingOff-(m.passed-micros(*r.NextFrom)))
	}
	return left
}

const policyColumns = `policy, next, next_at, next_from, changed_at`

// rules reads the policy; one that waited long enough is in force.
func (s *Service) rules(ctx context.Context, tx *db.Tx) (Rules, error) {
	row, ok, err := db.One[policyRow](ctx, tx, db.SQL(`SELECT `+policyColumns+` FROM backup_policy WHERE id = 1`))
	out := Rules{Policy: DefaultPolicy()}
	if err != nil || !ok {
		return out, err
	}
	out.Since = row.ChangedAt.Time
	if row.NextAt != nil {
		var next Policy
		if err := json.Unmarshal([]byte(row.Next), &next); err != nil {
			return out, fmt.Errorf("read the backup policy: %w", err)
		}
		m, err := s.elapsed.moment(ctx, tx)
		if err != nil {
			return out, err
		}
		left := row.cool(m)
		if left <= 0 {
			out.Policy, out.Since = next, row.NextAt.Time
			return out, nil
		}
		out.Next, out.NextAt, out.nextFrom = &next, m.now.Add(left), row.NextFrom
	}
	if err := json.Unmarshal([]byte(row.Policy), &out.Policy); err != nil {
		return out, fmt.Errorf("read the backup policy: %w", err)
	}
	return out, nil
}

// Rules returns the policy. Faults as List.
func (s *Service) Rules(ctx context.Context, a access.Actor) (Rules, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Rules, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return Rules{}, err
		}
		return s.rules(ctx, tx)
	})
}

// ChangePolicy sets the policy. What is stronger holds at once; as soon as any of
// it is weaker, all of it waits for CoolingOff, and a further change replaces it.
// All administrators are told in either case.
//
// Faults: Unauthenticated; Forbidden for everyone but administrators and the
// operator; Invalid for schedule, keep or drill_days.
func (s *Service) ChangePolicy(ctx context.Context, a access.Actor, p Policy) (Rules, error) {
	if err := p.check(); err != nil {
		return Rules{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Rules, error) {
		if a.Kind != access.Machine {
			if err := access.RequireAdmin(a); err != nil {
				return Rules{}, err
			}
		}
		r, err := s.rules(ctx, tx)
		if err != nil {
			return r, err
		}
		if p.weaker(r.Policy) {
			m, err := s.elapsed.moment(ctx, tx)
			if err != nil {
				return r, err
			}
			r.Next, r.NextAt, r.nextFrom = &p, m.now.Add(CoolingOff), new(m.passed.Microseconds())
		} else {
			r.Policy, r.Next, r.NextAt, r.nextFrom = p, nil, time.Time{}, nil
		}
		r.Since = tx.Now()
		if err := saveRules(ctx, tx, r, a.Name); err != nil {
			return r, err
		}
		detail := map[string]any{"policy": p, "weaker": r.Next != nil}
		if err := s.record(ctx, tx, a, "backup.policy", "backup policy", audit.OK, detail); err != nil {
			return r, err
		}
		return r, s.mailPolicy(ctx, tx, a, r)
	})
}

func saveRules(ctx context.Context, tx *db.Tx, r Rules, by string) error {
	next := ""
	var at *db.Time
	if r.Next != nil {
		next = mustJSON(r.Next)
		t := db.At(r.NextAt)
		at = &t
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO backup_policy (id, policy, next, next_at, next_from, changed_by, changed_at) VALUES (1, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET policy = excluded.policy, next = excluded.next, next_at = excluded.next_at, next_from = excluded.next_from,
			changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
		mustJSON(r.Policy), next, at, r.nextFrom, by, db.At(r.Since)))
	return err
}

func (s *Service) mailPolicy(ctx context.Context, tx *db.Tx, a access.Actor, r Rules) error {
	_, _, err := s.mail(ctx, tx, "backup.policy", 0, func(to recipient, _ string) letter {
		say := to.say
		l := letter{subject: say.T("mail.policy"), link: s.pageLink(), lines: []string{say.T("mail.policy_text", "who", a.Name), say.T("mail.policy_now", "policy", r.Describe(say))}}
		if r.Next != nil {
			l.subject = say.T("mail.policy_weaker")
			l.lines = append(l.lines, say.T("mail.policy_next", "when", say.DateTime(r.NextAt), "policy", r.Next.Describe(say)), say.T("mail.policy_hint"))
		}
		return l
	})
	return err
}

// Describe says the policy in a sentence.
func (p Policy) Describe(say Words) string {
	k := p.Keep
	parts := []string{say.T("policy.unscheduled")}
	if p.Schedule != off {
		parts[0] = say.T("policy.scheduled", "when", scheduleWords(say, p.Schedule))
	}
	kept := []string{say.T("policy.within", "n", int(k.Within.Hours()/24)), say.T("policy.last", "n", k.Last)}
	for _, per := range []struct {
		n   int
		key string
	}{{k.Hourly, "policy.hourly"}, {k.Daily, "policy.daily"}, {k.Weekly, "policy.weekly"}, {k.Monthly, "policy.monthly"}, {k.Yearly, "policy.yearly"}} {
		if per.n > 0 {
			kept = append(kept, say.T(per.key, "n", per.n))
		}
	}
	parts = append(parts, say.T("policy.kept", "what", strings.Join(kept, ", ")))
	if p.DrillDays == 0 {
		return strings.Join(append(parts, say.T("policy.no_drills")), "; ")
	}
	return strings.Join(append(parts, say.T("policy.drills", "n", p.DrillDays)), "; ")
}

// scheduleWords says a schedule, such as mon,thu 03:30, to people.
func scheduleWords(say Words, text string) string {
	days, times, found := strings.Cut(text, " ")
	times = strings.ReplaceAll(times, ",", ", ")
	switch {
	case !found:
		return text
	case days == "daily":
		return say.T("policy.when_daily", "times", times)
	case days == "every":
		return say.T("policy.when_every", "span", times)
	}
	names := strings.Split(days, ",")
	for i, name := range names {
		names[i] = say.T("policy.day_" + name)
	}
	return say.T("policy.when_days", "days", strings.Join(names, ", "), "times", times)
}
