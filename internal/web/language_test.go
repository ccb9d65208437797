package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/opt"
)

// inGerman sets a person's language.
func inGerman(t *testing.T, in *apptest.Instance, login string) {
	t.Helper()
	op := access.Operator("test")
	u, err := in.Accounts.FindByLogin(t.Context(), op, login)
	if err == nil {
		_, err = in.Accounts.Update(t.Context(), op, u.ID, account.Patch{Language: opt.Of("de")})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told is the text of a page that the program says: what people wrote is taken out.
func told(page string) string {
	page = regexp.MustCompile(`(?s)<(script|style|head|code|output)\b.*?</(script|style|head|code|output)>`).ReplaceAllString(page, " ")
	page = regexp.MustCompile(`(?s)<select.*?</select>`).ReplaceAllString(page, " ")
	attributes := regexp.MustCompile(`(?:aria-label|title|data-label|placeholder)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	for _, a := range attributes {
		page += "\n" + a[1] + "\n"
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "\n"))
}

// english are words that stand in almost every English sentence and in no German one.
var english = regexp.MustCompile(`(?i)\b(the|and|you|your|is|are|were|not|with|from|have|this|that|of|to|for|by|when|what|who|never|created|save|delete|edit|cancel|apply|search|settings|days?|hours?|files?|rows?|mail server|overview|sign|password|file|work packages?|projects|users|since|last|first name)\b`)

func TestNoEnglishRemainsOnGermanPages(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ada", true)
	inGerman(t, in, "ada")
	b := &browser{t: t, in: in}
	b.signIn("ada", apptest.Password)
	b.post("/projects", url.Values{"name": {"Kai"}, "identifier": {"kai"}})
	b.post("/projects/kai/work_packages", url.Values{"subject": {"Kran"}, "estimatedTime": {"1,5"}})
	b.post("/work_packages/1/comments", url.Values{"comment": {"Gut"}})
	b.post("/work_packages/1", url.Values{"subject": {"Kran 2"}, "lockVersion": {"0"}})
	b.post("/my/keys", url.Values{"name": {"Skript"}})
	if _, err := in.Backups.RunInline(t.Context(), access.Operator("test"), "", backup.InlineOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/", "/projects", "/projects/new", "/projects/kai", "/projects/kai/settings", "/projects/kai/settings/modules", "/projects/kai/settings/types", "/projects/kai/settings/members", "/projects/kai/deletion", "/projects/kai/work_packages/new", "/work_packages", "/work_packages?q=nichts",
		"/work_packages/1", "/work_packages/1/edit", "/work_packages/1/deletion", "/my/account", "/admin", "/admin/users", "/admin/users/new", "/admin/mail", "/admin/jobs",
		"/admin/audit", "/admin/backups", "/admin/backups/care", "/admin/backups/prune", "/admin/backups/1/restore", "/admin/backups/1/download", "/admin/backups/retrieve",
		"/admin/groups", "/admin/groups/new",
		"/backup_tokens/cancel?token=x", "/nothing", "/admin/users?q=niemand",
		"/search?q=Kran", "/search?q=nichtsda", "/search", "/keyboard", "/palette", "/projects/kai/work_packages", "/work_packages/new",
		"/work_packages/1/cell/subject", "/work_packages/1/cell/status", "/work_packages?view=board", "/work_packages?view=calendar", "/projects/kai/work_packages?view=board",
		"/projects/kai/work_packages?view=calendar", "/projects/kai/work_packages?view=gantt", "/work_packages?group=status&columns=id,subject,author,updatedAt",
		"/work_packages?status=all&q=nichtsda",
	} {
		status, page := b.get(path)
		if status >= 500 || !strings.Contains(page, `<html lang="de"`) && strings.Contains(page, "<html") {
			t.Errorf("%s: %d, not in German", path, status)
		}
		for _, line := range strings.Split(told(page), "\n") {
			if w := english.FindString(line); w != "" && !data(path, line) {
				t.Errorf("%s: English remains: %q in %q", path, w, strings.TrimSpace(line))
			}
		}
	}
}

// data says that a line is what the program or a person has stored.
func data(path, line string) bool {
	return path == "/admin/audit" && strings.Contains(line, ":") || strings.Contains(line, "Test") || strings.Contains(line, "holdfast backup") || strings.Contains(line, "mon,thu") ||
		strings.Contains(line, "To be scheduled") || strings.HasPrefix(line, "/")
}

func TestVisitorsReadGerman(t *testing.T) {
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_LANGUAGE=de"}}, mount)
	link, err := in.Accounts.SetupLink(t.Context(), in.URL)
	if err != nil {
		t.Fatal(err)
	}
	setup := strings.TrimPrefix(link, in.URL)
	for _, path := range []string{"/login", "/login?done=recovery", "/login/recovery", setup, setup + "&begin=demo", setup + "&begin=restore", "/account/activate?token=x", "/register"} {
		res := in.Do("", http.MethodGet, path, "", "Accept-Language", "fr")
		page := apptest.Body(res)
		if res.StatusCode >= 500 || res.Header.Get("Content-Language") != "de" {
			t.Errorf("%s: %d in %s", path, res.StatusCode, res.Header.Get("Content-Language"))
		}
		for _, line := range strings.Split(told(page), "\n") {
			if w := english.FindString(line); w != "" {
				t.Errorf("%s: English remains: %q in %q", path, w, strings.TrimSpace(line))
			}
		}
	}
}

func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ada", true)
	accept := func(languages string) (string, string) {
		res := in.Do("", http.MethodGet, "/login", "", "Accept-Language", languages)
		return res.Header.Get("Content-Language"), apptest.Body(res)
	}
	if lang, page := accept("de-CH, en;q=0.5"); lang != "de" || !strings.Contains(page, ">Anmelden<") || !strings.Contains(page, `lang="de"`) {
		t.Errorf("a German browser: %s %.300s", lang, page)
	}
	if lang, page := accept("fr"); lang != "en" || !strings.Contains(page, ">Sign in<") {
		t.Errorf("a French browser: %s %.300s", lang, page)
	}
	b := &browser{t: t, in: in}
	b.signIn("ada", apptest.Password)
	form := url.Values{"firstName": {"Ada"}, "lastName": {"Tester"}, "email": {"ada@example.com"}, "timeZone": {"Europe/Berlin"}, "language": {"klingonisch"}}
	status, page := b.post("/my/account", form)
	want(t, "no such language", status, page, 422, "f-language-error")
	form.Set("language", "de")
	status, page = b.post("/my/account", form)
	want(t, "German chosen", status, page, 303, "/my/account?done=saved")
	status, page = b.get("/my/account?done=saved")
	want(t, "the account in German", status, page, 200, "Gespeichert.", `<option value="de" selected>Deutsch</option>`, "Mein Konto", "API-Schlüssel")
	status, page = b.post("/my/password", url.Values{"current": {"wrong"}, "password": {"kurz"}})
	want(t, "a refusal in German", status, page, 422, "f-current-error", "Ist nicht richtig.")
	status, page = b.post("/projects", url.Values{"name": {""}})
	want(t, "a field in German", status, page, 422, "Darf nicht leer sein.", "Aufmerksamkeit")
	if status, page = b.get("/?done=<b>"); strings.Contains(page, "done.") {
		t.Errorf("a key that is none: %d %.300s", status, page)
	}
}

func TestMailsSpeakTheRecipientsLanguage(t *testing.T) {
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_MAIL_HOST=mail.invalid", "HOLDFAST_MAIL_FROM=plan@example.com"}}, mount)
	in.User("ada", true)
	in.User("bert", true)
	inGerman(t, in, "bert")
	b := &browser{t: t, in: in}
	b.signIn("ada", apptest.Password)
	status, page := b.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {apptest.Password}})
	want(t, "a token", status, page, 200, "backup-token")
	status, page = b.post("/login/recovery", url.Values{"email": {"bert@example.com"}})
	want(t, "asked for a password", status, page, 303)
	list := b.mails()
	if len(list) != 3 {
		t.Fatalf("%d mails", len(list))
	}
	for i, parts := range [][]string{
		{"ada@example.com", "Backup token created", "Your backup token was created.", `lang="en"`, "Continue"},
		{"bert@example.com", "Sicherungs-Token angelegt", "Für ada wurde ein Sicherungs-Token angelegt.", `lang="de"`, "Weiter"},
		{"bert@example.com", "Neues Passwort setzen", "Der Link gilt einen Tag und einmal.", `lang="de"`, "Weiter"},
	} {
		m := list[i]
		if m.Address != parts[0] || m.Subject != parts[1] || !strings.Contains(m.Text, parts[2]) || !strings.Contains(m.HTML, parts[2]) ||
			!strings.Contains(m.HTML, parts[3]) || !strings.Contains(m.Text, parts[4]) {
			t.Errorf("mail %d is %+v, wanted %q", i, m, parts)
		}
	}
}
