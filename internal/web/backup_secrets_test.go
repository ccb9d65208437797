package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/db"
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

// TestOpeningTheCancelLinkChangesNothing: programs that look into mails follow links. Only
// the button on the page cancels.
func TestOpeningTheCancelLinkChangesNothing(t *testing.T) {
	b, _ := guarded(t)
	link := ""
	for _, text := range b.texts(`SELECT body_text FROM mails`) {
		if found := regexp.MustCompile(`/backup_tokens/cancel\?token=(hfbc-[0-9a-f]+)`).FindStringSubmatch(text); found != nil {
			link = found[1]
		}
	}
	if link == "" {
		t.Fatal("no link was mailed")
	}
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

// TestACopyOfTheDatabaseOpensNothing looks for every secret that opens something in every
// column of every table.
func TestACopyOfTheDatabaseOpensNothing(t *testing.T) {
	b, token := guarded(t)
	secrets := map[string]string{
		"password": apptest.Password, "session": b.cookie, "API key": b.in.Key("ann"), "backup token": token,
		"its random part": strings.TrimPrefix(token, "hfbk-"),
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
