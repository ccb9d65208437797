package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/outbox"
)

// guarded is an instance with mail whose administrator has a backup token.
func guarded(t *testing.T) (b *browser, token string) {
	t.Helper()
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_MAIL_HOST=127.0.0.1", "HOLDFAST_MAIL_PORT=1", "HOLDFAST_MAIL_FROM=plan@example.com"}}, mount)
	in.User("ann", true)
	b = &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	_, page := b.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {apptest.Password}})
	token = regexp.MustCompile(`hfbk-[0-9a-f]{64}`).FindString(page)
	if token == "" {
		t.Fatalf("no token was shown: %.500s", page)
	}
	return b, token
}

func (b *browser) texts(sql string, args ...any) []string {
	b.t.Helper()
	out, err := db.Read(b.t.Context(), b.in.DB, func(tx *db.Tx) ([]string, error) { return db.All[string](b.t.Context(), tx, db.SQL(sql, args...)) })
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// mails returns what was mailed, opened, oldest first.
func (b *browser) mails() []outbox.Mail {
	b.t.Helper()
	list, err := db.Read(b.t.Context(), b.in.DB, func(tx *db.Tx) ([]outbox.Mail, error) {
		return db.All[outbox.Mail](b.t.Context(), tx, db.SQL(`SELECT id, address, subject, body_text, body_html FROM mails ORDER BY id`))
	})
	for i := range list {
		if err == nil {
			list[i], err = b.in.Outbox.Open(list[i])
		}
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// mailed returns the first part of a mail that fits the pattern, in its parentheses.
func (b *browser) mailed(pattern string) string {
	b.t.Helper()
	for _, m := range b.mails() {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(m.Text); found != nil {
			return found[1]
		}
	}
	b.t.Fatalf("nothing was mailed that fits %s", pattern)
	return ""
}

// TestOpeningTheCancelLinkChangesNothing: programs that look into mails follow links. Only
// the button on the page cancels.
func TestOpeningTheCancelLinkChangesNothing(t *testing.T) {
	b, _ := guarded(t)
	link := b.mailed(cancelLink)
	count := func() int { return len(b.texts(`SELECT hash FROM backup_tokens`)) }
	visitor := &browser{t: t, in: b.in}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for range 2 {
			if status, _ := visitor.do(method, "/backup_tokens/cancel?token="+link, nil); status >= 500 || count() != 1 {
				t.Fatalf("%s: %d, and then %d tokens", method, status, count())
			}
		}
	}
	if status, page := visitor.post("/backup_tokens/cancel", url.Values{"token": {link}}); status >= 400 || count() != 0 {
		t.Errorf("the button: %d, and then %d tokens: %.300s", status, count(), page)
	}
}

// cancelLink is the link that cancels a token.
const cancelLink = `/backup_tokens/cancel\?token=(hfbc-[0-9a-f]+)`

// TestACopyOfTheDatabaseOpensNothing looks for every secret that opens something in every
// column of every table.
func TestACopyOfTheDatabaseOpensNothing(t *testing.T) {
	b, token := guarded(t)
	status, page := b.post("/login/recovery", url.Values{"email": {"ann@example.com"}})
	want(t, "asked for a password", status, page, 303)
	secrets := map[string]string{
		"password": apptest.Password, "session": b.cookie, "API key": b.in.Key("ann"), "backup token": token,
		"its random part": strings.TrimPrefix(token, "hfbk-"),
		// The mails that tell them wait, as there is no mail server.
		"link that cancels the token": b.mailed(cancelLink), "link that sets a password": b.mailed(regexp.QuoteMeta(account.RecoveryPath) + `([0-9A-Za-z_-]{20,})`),
	}
	looked := 0
	for _, table := range b.texts(`SELECT name FROM sqlite_master WHERE type = 'table'`) {
		for _, column := range b.texts(`SELECT name FROM pragma_table_info(?)`, table) {
			looked++
			for what, secret := range secrets {
				if secret == "" {
					t.Fatalf("there is no %s", what)
				}
				if n := b.texts(`SELECT CAST(COUNT(*) AS TEXT) FROM "` + table + `" WHERE instr(CAST("` + column + `" AS TEXT), '` + secret + `') > 0`); n[0] != "0" {
					t.Errorf("%s.%s holds the %s", table, column, what)
				}
			}
		}
	}
	if looked < 200 {
		t.Errorf("only %d columns were looked at", looked)
	}
}
