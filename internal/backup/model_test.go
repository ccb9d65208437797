package backup_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// keeper is someone who may have a token, and what the manual says of it.
type keeper struct {
	actor      access.Actor
	password   bool
	allowed    bool
	changed    time.Time // the last change of password, address or rights
	token      string    // "" for none
	old        []string  // tokens that were replaced or deleted
	wait       bool
	begun      bool
	valid      time.Time // when the wait is over
	waived     bool
	wrong      int                    // wrong tokens since this one was made
	failures   map[string][]time.Time // by address
	notices    []sentMail             // of this token, not yet accepted
	oldNotices []sentMail
}

// tokenModel does random things with the tokens of two people and knows, by the
// rules of the manual alone, which requests must be accepted.
type tokenModel struct {
	w         *world
	keepers   []*keeper
	installed time.Time
	steps     int
}

func TestARequestIsAcceptedExactlyWhenTheRulesSaySo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ext := w.user("ext", false)
		w.external(ext)
		w.grant(ext)
		w.clock.Advance(72 * time.Hour)
		rapid.Check(t, func(rt *rapid.T) {
			m := newTokenModel(w, w.holder, ext)
			rt.Repeat(map[string]func(*rapid.T){
				"create": m.create, "wrong password": m.wrongPassword, "delete": m.remove, "cancel": m.cancel,
				"allow now": m.allowNow, "notice accepted": m.accepted, "account changed": m.change, "rights": m.rights,
				"request": m.request, "request again": m.request, "guess": m.guess, "patience": m.patience, "wait out": m.waitOut, "clock": m.step, "": m.check,
			})
		})
	})
}

func newTokenModel(w *world, people ...access.Actor) *tokenModel {
	for _, table := range []string{"backup_tokens", "backup_failures", "backups", "jobs"} {
		w.exec(`DELETE FROM ` + table)
	}
	w.mail.take(backup.NoticePurpose)
	m := &tokenModel{w: w, installed: time.UnixMicro(w.number(`SELECT MIN(created_at) FROM users WHERE login IS NOT NULL`))}
	now := w.clock.Now()
	for i, a := range people {
		w.exec(`DELETE FROM role_permissions WHERE role_id = ?`, 1000+int64(a.ID))
		w.exec(`INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)`, 1000+int64(a.ID), access.CreateBackup)
		w.exec(`UPDATE users SET mail_changed_at = NULL, rights_changed_at = NULL, created_at = ? WHERE id = ?`, now.Add(-72*time.Hour).UnixMicro(), a.ID)
		w.exec(`UPDATE user_passwords SET created_at = ? WHERE user_id = ?`, now.Add(-72*time.Hour).UnixMicro(), a.ID)
		m.keepers = append(m.keepers, &keeper{
			actor: a, password: i == 0, allowed: true, changed: now.Add(-72 * time.Hour), failures: map[string][]time.Time{},
		})
	}
	return m
}

func (m *tokenModel) draw(rt *rapid.T) *keeper {
	k := rapid.SampledFrom(m.keepers).Draw(rt, "who")
	k.actor.IP = rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2"}).Draw(rt, "address")
	return k
}

func (m *tokenModel) secret(k *keeper) string {
	if k.password {
		return password
	}
	return ""
}

// lose forgets the token that is gone.
func (k *keeper) lose() {
	if k.token != "" {
		k.old = append(k.old, k.token)
	}
	k.oldNotices = append(k.oldNotices, k.notices...)
	k.token, k.notices, k.wrong, k.waived, k.begun = "", nil, 0, false, false
}

func (m *tokenModel) create(rt *rapid.T) {
	k := m.draw(rt)
	now := m.w.clock.Now()
	n, err := m.w.CreateToken(m.w.t.Context(), k.actor, m.secret(k))
	if !k.allowed {
		m.refused(rt, err, fault.KindForbidden, "")
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	if n.Reset != (k.token != "") {
		rt.Fatalf("reset is %v with the token %q before", n.Reset, k.token)
	}
	k.lose()
	young := now.Sub(m.installed) < period
	k.wait = !young && (!k.password || now.Sub(k.changed) < period)
	k.token, k.begun, k.valid = n.Value, !k.wait, now
	k.notices = m.w.mail.take(backup.NoticePurpose)
	if len(k.notices) != 3 {
		rt.Fatalf("%d mails about a new token, want one to each administrator and the owner", len(k.notices))
	}
}

func (m *tokenModel) wrongPassword(rt *rapid.T) {
	k := m.keepers[0]
	if rapid.IntRange(0, 5).Draw(rt, "rarely") > 0 || !k.allowed {
		return
	}
	if _, err := m.w.CreateToken(m.w.t.Context(), k.actor, otherPassword); err == nil {
		rt.Fatal("a token was made with a wrong password")
	}
	must(m.w.t, m.w.deps.Accounts.ConfirmPassword(m.w.t.Context(), k.actor, password)) // else guesses would be limited
}

func (m *tokenModel) remove(rt *rapid.T) {
	k := m.draw(rt)
	err := m.w.DeleteToken(m.w.t.Context(), k.actor, m.secret(k))
	if !k.allowed {
		m.refused(rt, err, fault.KindForbidden, "")
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	k.lose()
}

// cancel follows the link of a notice, of this token or of one before.
func (m *tokenModel) cancel(rt *rapid.T) {
	k := m.draw(rt)
	all := append(slices.Clone(k.notices), k.oldNotices...)
	if len(all) == 0 || rapid.IntRange(0, 3).Draw(rt, "rarely") > 0 {
		return
	}
	mail := rapid.SampledFrom(all).Draw(rt, "mail")
	_, value, _ := strings.Cut(mail.Link, "token=")
	if err := m.w.CancelToken(m.w.t.Context(), access.Anonymous("192.0.2.9"), value); err != nil {
		rt.Fatal(err)
	}
	if slices.ContainsFunc(k.notices, func(n sentMail) bool { return n.id == mail.id }) {
		k.lose()
	}
}

func (m *tokenModel) allowNow(rt *rapid.T) {
	k := m.draw(rt)
	waiting := k.token != "" && !m.active(k, m.w.clock.Now())
	_, err := m.w.AllowNow(m.w.t.Context(), operator, k.actor.Login, false)
	if !waiting {
		m.refused(rt, err, fault.KindNotFound, "")
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	k.waived = true
}

// accepted lets a mail server accept a notice: the wait begins with the first
// one to an administrator that is about the present token.
func (m *tokenModel) accepted(rt *rapid.T) {
	k := m.draw(rt)
	all := append(slices.Clone(k.notices), k.oldNotices...)
	if len(all) == 0 {
		return
	}
	mail := rapid.SampledFrom(all).Draw(rt, "mail")
	now := m.w.clock.Now()
	m.w.accept(mail.id)
	mine := slices.ContainsFunc(k.notices, func(n sentMail) bool { return n.id == mail.id })
	if mine && !k.begun && mail.Address != k.actor.Login+"@example.org" {
		k.begun, k.valid = true, now.Add(period)
	}
}

func (m *tokenModel) change(rt *rapid.T) {
	k := m.draw(rt)
	now := m.w.clock.Now()
	switch what := rapid.SampledFrom([]string{"password", "address"}).Draw(rt, "what"); {
	case what == "address":
		m.w.exec(`UPDATE users SET mail_changed_at = ? WHERE id = ?`, now.UnixMicro(), k.actor.ID)
	case k.password:
		m.w.exec(`UPDATE user_passwords SET created_at = ? WHERE user_id = ?`, now.UnixMicro(), k.actor.ID)
	default:
		return
	}
	k.changed = m.lastChange(k)
}

// lastChange is read back, since a clock that was set back leaves the later of two.
func (m *tokenModel) lastChange(k *keeper) time.Time {
	return time.UnixMicro(m.w.number(`SELECT MAX(at) FROM (SELECT created_at AS at FROM users WHERE id = ? UNION ALL
		SELECT mail_changed_at FROM users WHERE id = ? UNION ALL SELECT rights_changed_at FROM users WHERE id = ? UNION ALL
		SELECT created_at FROM user_passwords WHERE user_id = ?) x`, k.actor.ID, k.actor.ID, k.actor.ID, k.actor.ID))
}

func (m *tokenModel) rights(rt *rapid.T) {
	k := m.draw(rt)
	if k.allowed && rapid.Bool().Draw(rt, "keep") {
		return
	}
	role := 1000 + int64(k.actor.ID)
	if k.allowed = !k.allowed; k.allowed {
		m.w.exec(`INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)`, role, access.CreateBackup)
		m.w.exec(`UPDATE users SET rights_changed_at = ? WHERE id = ?`, m.w.clock.Now().UnixMicro(), k.actor.ID)
		k.changed = m.lastChange(k)
		return
	}
	m.w.exec(`DELETE FROM role_permissions WHERE role_id = ?`, role)
}

// step moves the clock, sometimes back.
func (m *tokenModel) step(rt *rapid.T) {
	minutes := rapid.SampledFrom([]int{1, 4, 10, 16, 31, 61, 300, 1439, 1441, 3000, -1, -20, -300, -1500}).Draw(rt, "minutes")
	m.advance(minutes)
}

// advance moves the clock. No two steps are alike to the millisecond, so that
// nothing happens exactly on a limit.
func (m *tokenModel) advance(minutes int) {
	m.steps++
	m.w.clock.Advance(time.Duration(minutes)*time.Minute + time.Duration(m.steps*m.steps)*1237*time.Microsecond)
}

// active says whether the token may be used, by the rules of waiting.
func (m *tokenModel) active(k *keeper, now time.Time) bool {
	return k.waived || k.begun && (!k.wait || now.After(k.valid))
}

// locked says whether wrong tokens keep the person out at that address: the
// fifth within a quarter of an hour locks for as long, and from then on each
// further one twice as long as the one before, a day at most.
func (k *keeper) locked(ip string, now time.Time) bool {
	var times []time.Time
	for _, at := range k.failures[ip] {
		if now.Sub(at) < 24*time.Hour {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	var until time.Time
	length := 15 * time.Minute
	for i, at := range times {
		recent := 0
		for _, t := range times[:i+1] {
			if at.Sub(t) < 15*time.Minute {
				recent++
			}
		}
		if recent >= 5 || !until.IsZero() {
			until, length = at.Add(length), min(2*length, 24*time.Hour)
		}
	}
	return now.Before(until)
}

func (m *tokenModel) request(rt *rapid.T) {
	k := m.draw(rt)
	given := []string{k.token, k.token, k.token, "", secret.NewToken(secret.BackupPrefix)}
	if len(k.old) > 0 {
		given = append(given, k.old[len(k.old)-1])
	}
	if other := m.keepers[0]; other != k {
		given = append(given, other.token)
	}
	m.ask(rt, k, rapid.SampledFrom(given).Draw(rt, "token"))
}

// guess tries several wrong tokens at once.
func (m *tokenModel) guess(rt *rapid.T) {
	k := m.draw(rt)
	for range rapid.IntRange(1, 6).Draw(rt, "times") {
		m.ask(rt, k, secret.NewToken(secret.BackupPrefix))
	}
}

// patience guesses so slowly that nothing locks, for up to twenty times.
func (m *tokenModel) patience(rt *rapid.T) {
	k := m.draw(rt)
	for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
		for range 4 {
			m.ask(rt, k, secret.NewToken(secret.BackupPrefix))
		}
		m.advance(16)
	}
}

// waitOut locks by guesses and comes back shortly before or after the end.
func (m *tokenModel) waitOut(rt *rapid.T) {
	k := m.draw(rt)
	for range 5 {
		m.ask(rt, k, secret.NewToken(secret.BackupPrefix))
	}
	m.advance(rapid.SampledFrom([]int{14, 15, 16, 29, 31}).Draw(rt, "minutes"))
	m.ask(rt, k, k.token)
}

// ask requests a backup and compares what comes of it with the rules.
func (m *tokenModel) ask(rt *rapid.T, k *keeper, token string) {
	rt.Helper()
	now := m.w.clock.Now()
	_, err := m.w.request(k.actor, token)
	right := token != "" && token == k.token
	switch ip := k.actor.IP; {
	case !k.allowed:
		m.refused(rt, err, fault.KindForbidden, "")
	case k.locked(ip, now):
		m.refused(rt, err, fault.KindTooMany, backup.CodeLocked)
	case !right:
		m.refused(rt, err, fault.KindForbidden, backup.CodeTokenInvalid)
		if token == "" {
			return
		}
		k.failures[ip] = append(k.failures[ip], now)
		if k.token == "" {
			return
		}
		if k.wrong++; k.wrong == 20 {
			k.lose()
		}
	case !m.active(k, now):
		m.refused(rt, err, fault.KindForbidden, backup.CodeTokenWaiting)
	case err != nil:
		rt.Fatalf("refused, although the token is right and valid: %v", err)
	default:
		delete(k.failures, ip)
		m.w.exec(`DELETE FROM backups`) // neither one at a time nor the daily limit is the subject here
		m.w.exec(`DELETE FROM jobs`)
	}
}

func (m *tokenModel) refused(rt *rapid.T, err error, kind fault.Kind, code string) {
	rt.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != kind || f.Code != code {
		rt.Fatalf("got %v, want a fault of kind %v with code %q", err, kind, code)
	}
}

// check compares the tokens that are there with those that should be.
func (m *tokenModel) check(rt *rapid.T) {
	m.w.mail.take(backup.NoticePurpose)
	for _, k := range m.keepers {
		want := int64(0)
		if k.token != "" {
			want = 1
		}
		if got := m.w.number(`SELECT COUNT(*) FROM backup_tokens WHERE user_id = ?`, k.actor.ID); got != want {
			rt.Fatalf("%s has %d tokens, want %d", k.actor.Login, got, want)
		}
	}
}
