package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// A form that is sent after its session has ended is not lost. The answer is the sign-in
// page, which carries what was typed, sealed; whoever then signs in as the same person in
// the same browser gets the form back, filled and not sent. Nothing is stored on the server,
// so that nobody can fill it without an account; see docs/manual/sign-in.md.

// browserCookie says, sealed, who signed in last in a browser, and has a number of the
// browser's own. It outlives the session and lets nobody in.
const browserCookie = "holdfast_browser"

const (
	browserPurpose = "browser"
	keptPurpose    = "kept form"
	keptField      = "kept"
	keptLife       = 24 * time.Hour
	maxKept        = 512 << 10
	maxSealed      = 3 * maxKept // quotes and line ends take two bytes, and sealing a third more
)

// browserMark is what browserCookie seals.
type browserMark struct {
	Person  id.User `json:"p"`
	Browser string  `json:"b"`
}

// keptForm is what the sign-in page seals.
type keptForm struct {
	browserMark
	Action string     `json:"a"`
	Page   string     `json:"g"`
	Values url.Values `json:"v"`
}

// browserOf reads the mark of a browser.
func (s *Site) browserOf(r *http.Request) (browserMark, bool) {
	var m browserMark
	c, err := r.Cookie(browserCookie)
	if err != nil {
		return m, false
	}
	text, err := s.app.Keys.Unseal(browserPurpose, c.Value, s.app.DB.Now())
	if err != nil || json.Unmarshal(text, &m) != nil {
		return browserMark{}, false
	}
	return m, true
}

// markBrowser remembers who signed in; the browser keeps its number.
func (s *Site) markBrowser(w http.ResponseWriter, r *http.Request, in account.SignedIn) error {
	m, known := s.browserOf(r)
	if !known {
		m.Browser = secret.NewToken("")
	}
	m.Person = in.Actor.ID
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ends := in.Expires.Add(keptLife)
	http.SetCookie(w, &http.Cookie{
		Name: browserCookie, Value: s.app.Keys.Seal(browserPurpose, text, ends), Path: "/", Expires: ends,
		HttpOnly: true, Secure: s.edge.Secure(), SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// neverKept are forms that hold secrets, lead to one, or are sent by scripts, which keep
// what they sent themselves.
var neverKept = []string{"/login", "/logout", "/setup", "/register", "/account", "/backup_tokens", "/admin/backups", "/my/password", "/my/keys", "/preview", "/attachments"}

// secretWord marks the names of fields that are not kept wherever they are.
var secretWords = []string{"password", "passphrase", "secret", "token", "otp", "csrf", "confirmation", "api_key", "apikey"}

// ended seals the form of a request whose session has ended; "" when there is nothing to keep.
func (s *Site) ended(w http.ResponseWriter, r *http.Request) string {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" || wantsJSON(r) || slices.ContainsFunc(neverKept, func(p string) bool { return within(r.URL.Path, p) }) {
		return ""
	}
	m, known := s.browserOf(r)
	if !known {
		return ""
	}
	if r.PostForm == nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm) // escaped, a text takes up to three times as much
		if r.ParseForm() != nil {
			return ""
		}
	}
	if by := r.PostForm.Get(ui.WriterField); by != "" && by != strconv.FormatInt(int64(m.Person), 10) {
		return "" // from a page of somebody who was signed in before
	}
	k := keptForm{browserMark: m, Action: r.URL.RequestURI(), Page: backURL(r), Values: typed(r.PostForm)}
	size := 0
	for name, values := range k.Values {
		if text := strings.Join(values, ""); !slices.Contains(notTyped, name) {
			size += len(text)
		}
	}
	if size == 0 || size > maxKept {
		return ""
	}
	sealed := s.seal(k)
	if len(sealed) > maxSealed {
		return ""
	}
	return sealed
}

func (s *Site) seal(k keptForm) string {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it stands in no page as it is
	if e.Encode(k) != nil {
		return ""
	}
	return s.app.Keys.Seal(keptPurpose, text.Bytes(), s.app.DB.Now().Add(keptLife))
}

// within says whether an address is a page or stands below it.
func within(address, page string) bool {
	address = path.Clean(address)
	return address == page || strings.HasPrefix(address, page+"/")
}

// keptOf opens what a sign-in page carried, for the person and the browser it is of.
func (s *Site) keptOf(r *http.Request, who id.User) (keptForm, bool) {
	var k keptForm
	sealed := r.PostForm.Get(keptField)
	m, known := s.browserOf(r)
	if sealed == "" || !known {
		return k, false
	}
	text, err := s.app.Keys.Unseal(keptPurpose, sealed, s.app.DB.Now())
	if err != nil || json.Unmarshal(text, &k) != nil {
		return keptForm{}, false
	}
	return k, k.Person == who && secret.Equal(k.Browser, m.Browser)
}

// askAgain is the sign-in page with a form that waits for its person.
func (s *Site) askAgain(w http.ResponseWriter, r *http.Request, kept string) error {
	p := s.login(r, backURL(r))
	p.keep(speak(r), kept)
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, http.StatusUnprocessableEntity, "login", p)
}

// keep has the page carry a form. Providers open in a window of their own, so that this
// one stays.
func (p *loginPage) keep(say reader, kept string) {
	if kept == "" || len(kept) > maxSealed {
		return
	}
	p.Kept = kept
	p.Flash = append([]ui.Alert{{Tone: ui.Info, Title: say.T("kept.ended"), Text: say.T("kept.comes_back")}}, p.Flash...)
	for i := range p.Providers {
		p.Providers[i].Apart = true
	}
}

// goOn brings a form back to somebody who has signed in meanwhile, at a provider or in
// another window.
func (s *Site) goOn(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if a.SignedIn() {
		return s.bringBack(w, r, a.ID, "", r.PostForm.Get("back_url"))
	}
	p := s.login(r, r.PostForm.Get("back_url"))
	p.keep(speak(r), r.PostForm.Get(keptField))
	p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Text: speak(r).T("kept.not_yet")})
	return s.ui.Render(w, http.StatusUnprocessableEntity, "login", p)
}

// bringBack answers with the form that was kept for the person, filled and not sent; with
// a way to where they were when there is none. token is that of a session just opened.
func (s *Site) bringBack(w http.ResponseWriter, r *http.Request, who id.User, token, to string) error {
	k, ok := s.keptOf(r, who)
	if !ok {
		return redirect(w, r, local(to))
	}
	// A form that was refused before stands, without scripts, under the address it is sent to.
	for _, address := range []string{k.Page, k.Action, k.Action + "/edit", k.Action + "/new", k.Action + "/settings"} {
		address = local(address)
		page, found := s.fetch(r, address, token)
		if !found {
			continue
		}
		if filled, found := ui.Refill(page, k.Action, k.Values); found {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			_, err := w.Write(filled)
			return err
		}
	}
	return s.showKept(w, r, k)
}

// notTyped are fields that nobody writes in.
var notTyped = []string{"lockVersion", "was", "back", "attachment", "undo", "redo"}

type keptPage struct {
	ui.Page
	Texts []ui.Textarea
	Back  string
}

// showKept shows what was typed where its form is not there any more.
func (s *Site) showKept(w http.ResponseWriter, r *http.Request, k keptForm) error {
	say := speak(r)
	p := keptPage{Page: s.frame(r, access.Anonymous(""), say.T("kept.lost")), Back: local(k.Page)}
	p.Lead, p.Width, p.Texts = say.T("kept.lost_lead"), "wide", say.texts(k.Values)
	if len(p.Texts) == 0 {
		return redirect(w, r, p.Back)
	}
	return s.ui.Render(w, http.StatusOK, "kept", p)
}

// comingBack is the address of a page that is made to be filled.
type comingBack struct{}

// fetch makes a page of this site as the person who just signed in would get it.
func (s *Site) fetch(r *http.Request, address, token string) ([]byte, bool) {
	u, err := url.Parse(address)
	if err != nil || within(u.Path, "/login") || within(u.Path, "/api") {
		return nil, false
	}
	ctx := context.WithValue(context.WithValue(r.Context(), chi.RouteCtxKey, (*chi.Context)(nil)), comingBack{}, address)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false
	}
	q.RequestURI, q.Host, q.RemoteAddr = address, r.Host, r.RemoteAddr
	q.Header.Set("Accept-Language", r.Header.Get("Accept-Language"))
	q.Header.Set("User-Agent", r.UserAgent())
	for _, c := range r.Cookies() {
		if c.Name != serve.SessionCookie || token == "" {
			q.AddCookie(c)
		}
	}
	if token != "" {
		q.AddCookie(&http.Cookie{Name: serve.SessionCookie, Value: token})
	}
	page := &pageBuffer{header: http.Header{}}
	s.pages.ServeHTTP(page, q)
	return page.Bytes(), page.status == http.StatusOK && page.Len() <= maxPage && strings.HasPrefix(page.header.Get("Content-Type"), "text/html")
}

// maxPage bounds the pages that are filled.
const maxPage = 8 << 20

// pageBuffer takes an answer in.
type pageBuffer struct {
	bytes.Buffer
	header http.Header
	status int
}

var errPageTooLarge = errors.New("the page is too large to be filled")

func (p *pageBuffer) Header() http.Header { return p.header }

func (p *pageBuffer) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

func (p *pageBuffer) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.Len()+len(b) > maxPage {
		p.status = http.StatusRequestEntityTooLarge
		return 0, errPageTooLarge
	}
	return p.Buffer.Write(b)
}
