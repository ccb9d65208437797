package web_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web"
)

func mount(r chi.Router, in *apptest.Instance) {
	site, err := web.New(in.App, in.Edge)
	if err != nil {
		panic(err)
	}
	site.Mount(r)
}

// browser is someone with a session, or nobody.
type browser struct {
	t      *testing.T
	in     *apptest.Instance
	cookie string
}

func (b *browser) get(path string) (int, string) { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) (int, string) {
	return b.do(http.MethodPost, path, form)
}

// do sends a request and returns the status and the page, or where it leads.
func (b *browser) do(method, path string, form url.Values) (int, string) {
	b.t.Helper()
	header := []string{"Content-Type", "application/x-www-form-urlencoded", "Cookie", serve.SessionCookie + "=" + b.cookie}
	if form == nil {
		header = header[2:]
	}
	res := b.in.Do("", method, path, form.Encode(), header...)
	for _, c := range res.Cookies() {
		if c.Name == serve.SessionCookie {
			b.cookie = c.Value
			if c.Value != "" && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode) {
				b.t.Errorf("the session cookie is %v", c)
			}
		}
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, apptest.Body(res)
}

func (b *browser) signIn(login, password string) {
	b.t.Helper()
	if status, to := b.post("/login", url.Values{"username": {login}, "password": {password}}); status != http.StatusSeeOther || to != "/" {
		b.t.Fatalf("sign in as %s: %d %s", login, status, to)
	}
}

// want checks a status and parts of a page.
func want(t *testing.T, what string, status int, page string, wantStatus int, parts ...string) {
	t.Helper()
	if status != wantStatus {
		t.Fatalf("%s: got %d, want %d: %.800s", what, status, wantStatus, page)
	}
	for _, p := range parts {
		if !strings.Contains(page, p) {
			t.Errorf("%s: the page lacks %q", what, p)
		}
	}
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

func TestEveryRouteKeepsVisitorsAndStrangersOut(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("stranger", false)
	site, err := web.New(in.App, in.Edge)
	if err != nil {
		t.Fatal(err)
	}
	stranger := &browser{t: t, in: in}
	stranger.signIn("stranger", apptest.Password)
	for _, r := range web.Routes(site) {
		path := parameter.ReplaceAllString(r.Pattern, "1")
		form := url.Values{}
		if r.Method == http.MethodGet {
			form = nil
		}
		visitor := &browser{t: t, in: in}
		status, page := visitor.do(r.Method, path, form)
		if !r.Open && (status != http.StatusSeeOther || !strings.HasPrefix(page, "/login?back_url=")) {
			t.Errorf("a visitor: %s %s: %d %.200s", r.Method, path, status, page)
		}
		if r.Method == http.MethodPost && (path == "/logout" || strings.HasPrefix(path, "/my/")) {
			continue // the stranger's own
		}
		status, page = stranger.do(r.Method, path, form)
		if status >= 500 || status == http.StatusOK && (strings.Contains(page, "Observatory") || strings.Contains(page, "Lindqvist")) {
			t.Errorf("a stranger: %s %s: %d %.300s", r.Method, path, status, page)
		}
		if strings.HasPrefix(path, "/admin") && status != http.StatusForbidden {
			t.Errorf("a stranger in the administration: %s %s: %d", r.Method, path, status)
		}
	}
}

func TestFirstAdministrator(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	link, err := in.Accounts.SetupLink(t.Context(), in.URL)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, in: in}
	path := strings.TrimPrefix(link, in.URL)
	status, page := b.get(path)
	want(t, "the setup page", status, page, 200, "Create the administrator")
	token := strings.TrimPrefix(path, account.SetupPath)
	form := url.Values{"token": {token}, "login": {"zoe"}, "firstName": {"Zoe"}, "lastName": {"Zane"}, "email": {"zoe@example.com"}, "password": {"password"}}
	status, page = b.post("/setup", form)
	want(t, "a common password", status, page, 422, `value="zoe@example.com"`, `id="f-password-error"`)
	form.Set("password", apptest.Password)
	if status, to := b.post("/setup", form); status != 303 || to != "/" {
		t.Fatalf("setup: %d %s", status, to)
	}
	status, page = b.get("/")
	want(t, "the home page", status, page, 200, "Welcome, Zoe", "Administration")
	status, page = b.get(path)
	want(t, "the link again", status, page, 403)
}

func TestSigningInAndOut(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	status, page := b.post("/login", url.Values{"username": {"ann"}, "password": {"wrong"}})
	want(t, "a wrong password", status, page, 422, `value="ann"`, "alert")
	status, page = b.post("/login", url.Values{"username": {"ann"}, "password": {apptest.Password}, "back_url": {"https://evil.example/"}})
	want(t, "back to elsewhere", status, page, 303)
	if page != "/" {
		t.Errorf("signing in leads to %s", page)
	}
	if status, to := b.post("/logout", url.Values{}); status != 303 || to != "/login" {
		t.Errorf("sign out: %d %s", status, to)
	}
	if status, _ := b.get("/my/account"); status != 303 {
		t.Errorf("after signing out: %d", status)
	}
}

func TestAForcedPasswordChange(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ann", true)
	admin, bob := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("ann", apptest.Password)
	status, page := admin.post("/admin/users", url.Values{"login": {"bob"}, "firstName": {""}, "lastName": {"Burns"}, "email": {"bob@example.com"}, "password": {"a first long password"}})
	want(t, "no first name", status, page, 422, `value="bob"`, `id="f-firstName-error"`)
	status, page = admin.post("/admin/users", url.Values{"login": {"bob"}, "firstName": {"Bob"}, "lastName": {"Burns"}, "email": {"bob@example.com"}, "password": {"a first long password"}})
	want(t, "created", status, page, 303)
	status, page = bob.post("/login", url.Values{"username": {"bob"}, "password": {"a first long password"}})
	want(t, "has to change it", status, page, 200, "Choose a new password")
	status, page = bob.post("/login/password", url.Values{"username": {"bob"}, "current": {"a first long password"}, "password": {"short"}})
	want(t, "too short", status, page, 422, `id="f-password-error"`)
	status, page = bob.post("/login/password", url.Values{"username": {"bob"}, "current": {"a first long password"}, "password": {"a second long password"}})
	want(t, "changed", status, page, 303)
	status, page = bob.get("/my/account")
	want(t, "is in", status, page, 200, "bob@example.com")
}

func TestWorkPackagesInTheBrowser(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "tomas")
	b := &browser{t: t, in: in}
	b.signIn("tomas", apptest.Password)
	status, page := b.get("/projects/observatory-renewal")
	want(t, "the project", status, page, 200, "New work package", "Changed last", "Members and roles")
	status, page = b.get("/projects/observatory-renewal/work_packages")
	want(t, "its work packages", status, page, 200, "New work package", "Apply")
	status, page = b.get("/projects/observatory-renewal/work_packages/new")
	want(t, "the form", status, page, 200, `name="lockVersion"`)
	status, page = b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {""}, "estimatedTime": {"many"}, "description": {"kept text"}})
	want(t, "refused", status, page, 422, "kept text", `value="many"`, `id="f-estimatedTime-error"`)
	status, to := b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {"Count <stars>"}, "estimatedTime": {"1,5"}, "description": {"*Many* <script>alert(1)</script>"}})
	want(t, "created", status, to, 303)
	href := strings.TrimSuffix(to, "?done=created")
	status, page = b.get(href)
	want(t, "shown", status, page, 200, "Count &lt;stars&gt;", "<em>Many</em>", "1.5 h")
	if strings.Contains(page, "<script>alert") {
		t.Error("a script from a description stands in the page")
	}
	status, page = b.post(href, url.Values{"subject": {"Count all stars"}, "lockVersion": {"0"}, "notes": {"because"}})
	want(t, "saved", status, page, 303)
	status, page = b.post(href, url.Values{"subject": {"Stale"}, "lockVersion": {"0"}})
	want(t, "stale", status, page, 409, `value="Stale"`, "was changed meanwhile", "Count all stars")
	status, page = b.post(href+"/comments", url.Values{"comment": {" "}})
	want(t, "an empty comment", status, page, 422, `id="f-comment-error"`)
	status, page = b.post(href+"/comments", url.Values{"comment": {"Nice one"}})
	want(t, "commented", status, page, 303)
	status, page = b.get(href)
	want(t, "its history", status, page, 200, "Nice one", "because", "Count all stars")
	status, page = b.post(href+"/watching", url.Values{})
	want(t, "watching", status, page, 303)
	status, page = b.get("/work_packages?q=all+stars")
	want(t, "found", status, page, 200, "Count all stars")
	status, page = b.get("/work_packages?q=nothing+like+this")
	want(t, "not found", status, page, 200, "leave none", "Show all open ones")
	status, page = b.get("/work_packages?q=nothing+like+this&priority=1")
	if strings.Contains(page, "Without “Priority") {
		t.Errorf("the text alone leaves nothing, not the priority: %d", status)
	}
	listViews(t, b)
	cells(t, b, href)
	many(t, b, href)
}

// listViews shows the list in every way there is.
func listViews(t *testing.T, b *browser) {
	t.Helper()
	for address, text := range map[string]string{
		"/work_packages?columns=id,subject,startDate,percentageDone,updated&sort=subject:desc": `aria-sort="descending"`,
		"/work_packages?group=status": `class="grid-group"`, "/work_packages?tree=1": "indent-0",
		"/work_packages?view=board": "board-card", "/work_packages?view=board&by=assignee": "Nobody", "/work_packages?view=calendar": `class="cal"`,
		"/work_packages?view=calendar&span=week": `class="cal"`, "/work_packages?view=calendar&span=agenda&at=2026-11-01": "agenda",
		"/work_packages?view=calendar&at=nonsense": `class="cal"`, "/work_packages?status=all&view=gantt&zoom=months": "",
		"/work_packages?view=nonsense&group=nonsense&columns=nonsense&sort=nonsense&page=-3": "<table",
		"/work_packages?peek=1": `id="peek-title"`, "/work_packages?peek=4711": "<table",
	} {
		status, page := b.get(address)
		want(t, address, status, page, 200, text)
	}
	for _, bad := range []string{"type=x", "priority=x", "status=x", "assignee=x"} {
		if status, page := b.get("/work_packages?" + bad); status != 422 && status != 200 {
			t.Errorf("%s: %d %s", bad, status, page)
		}
	}
}

// cells edits fields in their place.
func cells(t *testing.T, b *browser, href string) {
	t.Helper()
	lock := func() string {
		_, page := b.get(href + "/cell/subject")
		return regexp.MustCompile(`name="lockVersion" value="(\d+)"`).FindStringSubmatch(page)[1]
	}
	for _, field := range []string{"type", "status", "priority", "assignee", "responsible", "startDate", "dueDate", "estimatedTime", "remainingTime", "percentageDone", "subject"} {
		status, page := b.get(href + "/cell/" + field)
		want(t, field, status, page, 200, "<turbo-frame", `name="`+field+`"`)
	}
	for _, field := range []string{"id", "nonsense", "project"} {
		if status, _ := b.get(href + "/cell/" + field); status != 404 {
			t.Errorf("%s: %d", field, status)
		}
	}
	status, page := b.post(href+"/cell/subject", url.Values{"subject": {""}, "lockVersion": {lock()}})
	want(t, "an empty subject", status, page, 422, "field-error")
	status, page = b.post(href+"/cell/subject", url.Values{"subject": {"In its place"}, "lockVersion": {"0"}})
	want(t, "a stale cell", status, page, 409, "meanwhile. Save keeps yours", `value="In its place"`)
	status, page = b.post(href+"/cell/subject", url.Values{"subject": {"In its place"}, "lockVersion": {lock()}, "back": {"//evil.example"}})
	want(t, "a cell", status, page, 303)
	status, page = b.post(href+"/cell/startDate", url.Values{"startDate": {"2026-11-02"}, "lockVersion": {lock()}})
	want(t, "a date", status, page, 303)
	status, page = b.post(href+"/shift", url.Values{"days": {"3"}, "longer": {"2"}, "lockVersion": {lock()}})
	want(t, "shifted", status, page, 303)
	status, page = b.get(href)
	want(t, "what was changed", status, page, 200, "In its place", "5 Nov 2026")
	status, page = b.post(href+"/shift", url.Values{"days": {"99999"}, "lockVersion": {lock()}})
	want(t, "shifted too far", status, page, 422)
	status, page = b.get("/work_packages?view=gantt")
	want(t, "a bar", status, page, 200, "gantt-bar")
}

// many changes and deletes several at once.
func many(t *testing.T, b *browser, href string) {
	t.Helper()
	n := href[strings.LastIndexByte(href, '/')+1:]
	status, page := b.post("/work_packages/bulk", url.Values{})
	want(t, "none chosen", status, page, 409, "tick some")
	status, page = b.post("/work_packages/bulk", url.Values{"id": {n, "4711"}, "assignee": {"me"}, "status": {"-"}, "back": {"/work_packages?q=x"}})
	want(t, "one of two", status, page, 200, "1 changed", "1 refused", "#4711")
	status, page = b.post("/work_packages/bulk", url.Values{"id": {n}, "dueDate": {"2020-01-01"}})
	want(t, "refused by a rule", status, page, 200, "0 changed", "1 refused")
	status, page = b.post("/work_packages/bulk", url.Values{"id": {n}, "priority": {"1"}, "back": {"/work_packages?q=x"}})
	want(t, "all of them", status, page, 303)
	status, page = b.post("/work_packages/bulk", url.Values{"id": {n}, "do": {"delete"}})
	want(t, "asked first", status, page, 200, "Delete 1 work package?")
	status, page = b.post("/work_packages/bulk", url.Values{"id": {n}, "do": {"delete"}, "confirmed": {"1"}, "back": {"/work_packages"}})
	want(t, "deleted", status, page, 303)
	if status, _ = b.get(href); status != 404 {
		t.Errorf("it is still there: %d", status)
	}
}

func setPassword(t *testing.T, in *apptest.Instance, login string) {
	t.Helper()
	op := access.Operator("test")
	u, err := in.Accounts.FindByLogin(t.Context(), op, login)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Accounts.SetPassword(t.Context(), op, u.ID, apptest.Password, true); err != nil {
		t.Fatal(err)
	}
}

func TestBackupsInTheBrowser(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	status, page := b.get("/admin/backups")
	want(t, "before the first", status, page, 200, "There is no complete backup yet.", "Create backup token")
	status, page = b.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {"wrong"}})
	want(t, "a wrong password", status, page, 422, "field-error")
	status, page = b.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {apptest.Password}})
	want(t, "a token", status, page, 200, `id="backup-token"`)
	token := regexp.MustCompile(`hfbk-[0-9a-f]{64}`).FindString(page)
	status, page = b.get("/admin/backups")
	want(t, "the page again", status, page, 200, "Reset backup token", "Request a backup")
	if strings.Contains(page, token) {
		t.Error("the token is shown twice")
	}
	status, page = b.post("/admin/backups/request_backup", url.Values{"backup_token": {"hfbk-0"}, "include_attachments": {"1"}})
	want(t, "a wrong token", status, page, 403, "not your backup token")
	status, page = b.post("/admin/backups/request_backup", url.Values{"backup_token": {token}, "include_attachments": {"1"}})
	want(t, "requested", status, page, 303)
	status, page = b.get("/admin/backups")
	want(t, "under way", status, page, 200, "Running now", "Cancel backup")
	if err := in.Backups.Run(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	status, page = b.get("/admin/backups")
	want(t, "done", status, page, 200, "none has been restored for a test yet", "Download")
	status, page = b.post("/admin/backups/1/download", url.Values{"_password_confirmation": {"wrong"}})
	want(t, "a download with a wrong password", status, page, 422)
	status, page = b.post("/admin/backups/1/download", url.Values{"_password_confirmation": {apptest.Password}})
	want(t, "the download", status, page, 200)
	if !strings.HasPrefix(page, "PK\x03\x04") {
		t.Error("the download is no archive")
	}
	status, page = b.get("/admin/backups/1/restore")
	want(t, "what a restore takes away", status, page, 200, "What is lost", "Restore now")
	status, page = b.post("/admin/backups/1/restore", url.Values{"backup_token": {token}, "_password_confirmation": {apptest.Password}, "confirmation": {"no"}})
	want(t, "a restore that is not meant", status, page, 422, "Is not the word that is asked for.")
	status, page = b.post("/admin/backups/1/restore", url.Values{"backup_token": {token}, "_password_confirmation": {apptest.Password}, "confirmation": {"restore"}})
	want(t, "a restore where no server carries it out", status, page, 409, "use holdfast restore on the server")
	status, page = b.get("/admin/backups/undo")
	want(t, "nothing to undo", status, page, 404)
	status, page = b.post("/admin/backups/delete_token", url.Values{"_password_confirmation": {apptest.Password}})
	want(t, "deleted", status, page, 303)
}

func TestRetrievingInTheBrowser(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	status, page := b.get("/admin/backups/retrieve")
	want(t, "without a backup", status, page, 200, "No backups yet")
	saved, err := in.Backups.RunInline(t.Context(), access.Operator("test"), "", backup.InlineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, page = b.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {apptest.Password}})
	token := regexp.MustCompile(`hfbk-[0-9a-f]{64}`).FindString(page)
	ask := "/admin/backups/retrieve?snapshot=" + saved.Snapshot
	status, page = b.get(ask + "&kind=work+package&ref=%2345")
	want(t, "the same", status, page, 200, "As it was", "Nothing differs")
	for _, bad := range []string{"&kind=work+package&ref=4711", "&kind=work+package&ref=x", "&kind=file&ref=-1", "&kind=project&ref=no-such", "&kind=wiki&ref=1"} {
		if status, page = b.get(ask + bad); status != 422 {
			t.Errorf("%s: %d %s", bad, status, page)
		}
	}
	status, page = b.post("/work_packages/45/deletion", url.Values{})
	want(t, "deleted", status, page, 303)
	status, page = b.get(ask + "&kind=work+package&ref=45")
	want(t, "in the trash", status, page, 200, "In the trash", "Bring back")
	lock := regexp.MustCompile(`name="lock_version" value="(\d+)"`).FindStringSubmatch(page)
	v := url.Values{"snapshot": {saved.Snapshot}, "kind": {"work package"}, "ref": {"45"}, "lock_version": {lock[1]}, "backup_token": {token}, "_password_confirmation": {"wrong"}}
	status, page = b.post("/admin/backups/retrieve", v)
	want(t, "a wrong password", status, page, 422, "field-error")
	v.Set("_password_confirmation", apptest.Password)
	v.Set("backup_token", "hfbk-0")
	status, page = b.post("/admin/backups/retrieve", v)
	want(t, "a wrong token", status, page, 403, "not your backup token")
	v.Set("backup_token", token)
	status, page = b.post("/admin/backups/retrieve", v)
	want(t, "brought back", status, page, 200, "Brought back: 1 work package", `href="/work_packages/45"`)
	status, page = b.get("/work_packages/45")
	want(t, "it is there", status, page, 200)
	status, page = b.get(ask + "&kind=file&ref=1")
	want(t, "a file", status, page, 200, "Download, 242 B")
	status, page = b.post("/admin/backups/retrieve/file", url.Values{"snapshot": {saved.Snapshot}, "kind": {"file"}, "ref": {"1"}, "backup_token": {token}, "_password_confirmation": {apptest.Password}})
	if status != 200 || len(page) != 242 {
		t.Errorf("the file: %d, %d bytes", status, len(page))
	}
	status, page = b.post("/admin/backups/retrieve/file", url.Values{"snapshot": {saved.Snapshot}, "kind": {"file"}, "ref": {"1"}, "backup_token": {"no"}, "_password_confirmation": {apptest.Password}})
	want(t, "the file with a wrong token", status, page, 403, "not your backup token")
}

func TestTheSwitchTakesTheBackupPageAway(t *testing.T) {
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_BACKUP_ENABLED=false"}}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	status, page := b.get("/admin/backups")
	want(t, "the page", status, page, 404)
	if status, page = b.get("/admin"); strings.Contains(page, "/admin/backups") {
		t.Errorf("the administration (%d) still leads to backups", status)
	}
}

// TestFormsFromElsewhereAreRefused sends every form of every page from another site, with
// the session of an administrator.
func TestFormsFromElsewhereAreRefused(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ann", true)
	site, err := web.New(in.App, in.Edge)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	forms := 0
	for _, r := range web.Routes(site) {
		if r.Method == http.MethodGet {
			continue
		}
		forms++
		path := parameter.ReplaceAllString(r.Pattern, "1")
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}} {
			res := in.Do("", r.Method, path, "", append([]string{"Cookie", serve.SessionCookie + "=" + b.cookie, "Content-Type", "application/x-www-form-urlencoded"}, from...)...)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s with %v: %d, want 403", r.Method, path, from, res.StatusCode)
			}
		}
	}
	if status, _ := b.do(http.MethodGet, "/my/account", nil); forms < 40 || status != http.StatusOK {
		t.Errorf("after %d forms the session is worth %d", forms, status)
	}
}

func TestEveryPageIsShownOnce(t *testing.T) {
	files, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	pages := map[string]string{
		"home": "/", "project_form": "/projects/new", "project_information": "/projects/1/settings", "project_choice": "/projects/1/settings/modules", "list": "/work_packages?status=all", "cell": "/work_packages/1/cell/status", "bulk": "", "project": "/projects/1", "project_members": "/projects/1/settings/members",
		"choose_project": "/work_packages/new", "search": "/search?q=telescope", "notifications": "/notifications?show=all", "switches": "/my/notifications", "changes": "/my/changes", "keyboard": "/keyboard", "shortcuts": "/my/shortcuts", "package": "/work_packages/1",
		"package_form": "/work_packages/1/edit", "confirm": "/work_packages/1/deletion", "account": "/my/account", "admin": "/admin",
		"admin_users": "/admin/users", "admin_user": "/admin/users/5", "admin_mail": "/admin/mail", "admin_audit": "/admin/audit", "admin_jobs": "/admin/jobs",
		"admin_backup": "/admin/backups", "admin_care": "/admin/backups/care", "admin_prune": "/admin/backups/prune", "admin_retrieve": "/admin/backups/retrieve", "backup_cancel": "/backup_tokens/cancel?token=x", "error": "/nothing",
		"admin_groups": "/admin/groups", "admin_group": "/admin/groups/new", "admin_roles": "/admin/roles", "admin_role": "/admin/roles/new", "admin_matrix": "/admin/roles/permissions",
		"project_versions": "/projects/2/settings/versions", "project_version": "/projects/2/settings/versions/2", "project_categories": "/projects/2/settings/categories",
		"project_category": "/projects/2/settings/categories/1", "watchers": "/work_packages/1/watchers", "project_planning_delete": "/projects/2/settings/categories/1/deletion",
		"admin_catalog": "/admin/types", "admin_catalog_form": "/admin/statuses/1", "admin_workflow": "/admin/workflow", "admin_days": "/admin/working_days", "admin_settings": "/admin/settings", "admin_authentication": "/admin/authentication", "admin_info": "/admin/info", "admin_invite": "/admin/users/invitations",
		"comment": "", "login": "", "password": "", "admin_backup_download": "", "admin_restore": "", "setup": "", "maintenance": "", "palette": "", "preview": "", "suggestions": "", "kept": "", // shown in the tests above
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".html")
		path, ok := pages[name]
		if !ok {
			t.Errorf("page %s is not shown in any test: add it here", name)
		}
		if path == "" {
			continue
		}
		status, page := b.get(path)
		if status != 200 && name != "error" || !strings.Contains(page, "</html>") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// A table of 100 rows fits into 30 KiB on the wire.
func TestTheTableIsSmall(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	status, page := b.get("/work_packages?status=all")
	rows := strings.Count(page, `data-grid-target="row"`)
	if status != 200 || rows < 50 {
		t.Fatalf("status %d with %d rows", status, rows)
	}
	var wire bytes.Buffer
	z := gzip.NewWriter(&wire)
	_, _ = z.Write([]byte(page)) // memory does not fail
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if per100 := wire.Len() * 100 / rows; per100 > 30<<10 {
		t.Errorf("%d rows take %d bytes on the wire, which is %d for 100, budget 30 KiB", rows, wire.Len(), per100)
	} else {
		t.Logf("%d rows take %d bytes on the wire", rows, wire.Len())
	}
}

// Every filter has a form, what it sends becomes one parameter of the address, and each way to write one holds.
func TestFiltersOfListsInTheAddress(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	for _, name := range strings.Fields("status type priority assignee responsible author project start due duration estimatedTime remainingTime percentageDone description parent created updated") {
		status, page := b.get("/work_packages?filter=" + name)
		want(t, name, status, page, 200, `name="set" value="`+name+`"`, `name="f-op"`)
	}
	for query, chip := range map[string]string{
		"type=!1,2": "not ", "assignee=none": "is empty", "due=overdue": "Overdue", "start=2026-01-01..2026-02-01": "1 Jan 2026", "estimatedTime=%3E%3D8": "≥ 8", "percentageDone=%3C%3D50": "≤ 50",
		"description=!wall": "not wall", "created=past7": "In the past 7 days", "author=me": "me", "project=1": "Observatory renewal", "duration=any": "is not empty", "watched=1": "By me", "status=!1&parent=1": "Parent",
		"set=due&f-op=overdue": "Overdue", "set=due&f-op=..&f-from=2026-01-01&f-to=2026-02-01": "1 Jan 2026", "set=type&f-op=!&f-value=1&f-value=2": "not ", "set=estimatedTime&f-op=%3E%3D&f-value=1,5": "≥ 1.5",
	} {
		status, page := b.get("/work_packages?" + query)
		if status == http.StatusSeeOther {
			status, page = b.get(page)
		}
		want(t, query, status, page, 200, chip)
	}
	for _, bad := range []string{"due=soon", "duration=long", "start=x..y"} {
		if status, _ := b.get("/work_packages?" + bad); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", bad, status)
		}
	}
}
