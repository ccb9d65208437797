package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type keyboardPage struct {
	ui.Page
	Groups []ui.KeyGroup
	Off    bool
}

// keyboard lists what keys do, for those who look and for the dialog behind "?".
func (s *Site) keyboard(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	p := keyboardPage{Page: s.frame(r, a, say.T("keys.title")), Off: a.KeysOff}
	p.Groups, p.Width = say.keyGroups(p.OwnKeys), "medium"
	return s.ui.Render(w, http.StatusOK, "keyboard", p)
}

// keyGroups are the keys as the reader has them.
func (in reader) keyGroups(own ui.OwnKeys) []ui.KeyGroup {
	// A line is a key and what it does; lines of keys that do something else by the reader's choice are left out.
	group := func(title string, lines ...string) ui.KeyGroup {
		g := ui.KeyGroup{Title: in.T(title)}
		for pair := range slices.Chunk(lines, 2) {
			g.Keys = append(g.Keys, ui.KeyHelp{Keys: own.Cap(pair[0]), Does: in.T(pair[1])})
		}
		return g
	}
	before := group("keys.as_before", "g m", "keys.home", "g w p", "keys.packages", "n w p", "keys.create", "Alt 1–7", "keys.access")
	before.Keys = slices.Insert(before.Keys, 0, ui.KeyHelp{Keys: "s", Does: in.T("keys.search")}, ui.KeyHelp{Keys: "p", Does: in.T("keys.palette")})
	before.Keys = slices.DeleteFunc(before.Keys, func(k ui.KeyHelp) bool {
		for _, chosen := range own {
			if strings.HasPrefix(k.Keys+" ", chosen+" ") {
				return true
			}
		}
		return false
	})
	return []ui.KeyGroup{
		group("keys.everywhere", "Ctrl K", "keys.palette", "/", "keys.search", "?", "keys.help", "c", "keys.create", "g h", "keys.home", "g p", "keys.projects",
			"g w", "keys.packages", "g o", "keys.overview", "g b", "keys.board", "g c", "keys.calendar", "g g", "keys.gantt", "g n", "keys.notifications",
			"Ctrl Z", "keys.undo", "Ctrl Shift Z", "keys.redo"),
		group("keys.in_lists", "j", "keys.next", "k", "keys.previous", "Enter", "keys.open", "o", "keys.open", "Space", "keys.peek", "x", "keys.choose",
			"s", "keys.set_status", "a", "keys.set_assignee", "p", "keys.set_priority", "t", "keys.set_type", "d", "keys.set_date", "l", "keys.set_version",
			"Alt ←→", "keys.shift", "Alt ↑↓", "keys.regroup", "[", "keys.previous_page", "]", "keys.next_page"),
		group("home.home", "e", "home.close", "h", "keys.snooze"),
		group("keys.in_notifications", "e", "keys.inbox_done", "h", "keys.snooze", "u", "keys.mark_unread", "M", "keys.mute"),
		group("keys.on_a_page", "e", "keys.edit", "m", "keys.comment", "Ctrl Enter", "keys.submit", "Esc", "keys.close"),
		group("common.work_package", "[", "fields.before", "]", "fields.after", "Esc", "fields.back"),
		before,
	}
}

type shortcutsPage struct {
	ui.Page
	Tabs     ui.Tabs
	Fields   []ui.Field
	Off      bool
	Problems ui.ErrorSummary
}

// shortcuts is the form in which people choose keys of their own.
func (s *Site) shortcuts(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.shortcutForm(w, r, a, account.OwnKeys(a.OwnKeys).ByName(), nil)
}

// shortcutForm shows keys by the name of what they do, and those of everybody where there is none.
func (s *Site) shortcutForm(w http.ResponseWriter, r *http.Request, a access.Actor, keys map[string]string, refusal error) error {
	say := speak(r)
	if !a.SignedIn() {
		return fault.Unauthenticated("you need to be signed in")
	}
	p := shortcutsPage{Page: s.frame(r, a, say.T("keys.own")), Tabs: say.accountTabs("/my/account"), Off: a.KeysOff}
	p.Width, p.Lead = "medium", say.T("keys.own_text")
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("account.my_account"), Href: "/my/account"}, {Label: p.Title}}
	wrong := say.keysRefused(refusal)
	var problems []ui.Problem
	for _, sc := range account.Shortcuts {
		f := ui.Text("key_"+sc.Name, say.shortcut(sc.Name), sc.Key).Wrong(wrong["key_"+sc.Name])
		if key, ok := keys[sc.Name]; ok {
			f.Value = key
		}
		if f.Value != sc.Key {
			f = f.Hinted(say.T("keys.else", "key", sc.Key))
		}
		f.Max, f.Code, f.Autocomplete = 9, true, "off"
		p.Fields, problems = append(p.Fields, f), append(problems, f.Problem())
	}
	p.Problems = ui.Problems(problems...)
	return s.ui.Render(w, statusOf(refusal), "shortcuts", p)
}

// shortcut is what a shortcut does in all places where it does something.
func (in reader) shortcut(name string) string {
	if key := "keys.does_" + name; in.Has(key) {
		return in.T(key)
	}
	return in.T("keys." + name)
}

// keysRefused are the messages of refused keys. Those that are taken name what they do.
func (in reader) keysRefused(err error) map[string]string {
	out := in.messages(err)
	for _, f := range fault.Fields(err) {
		if other, ok := f.Params["other"].(string); ok {
			out[f.Name] = capital(in.T("field.key_taken", "other", in.shortcut(other), "key", f.Params["key"]))
		}
	}
	return out
}

func (s *Site) saveShortcuts(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	keys := map[string]string{}
	if r.PostForm.Get("do") != "reset" {
		for _, sc := range account.Shortcuts {
			keys[sc.Name] = r.PostForm.Get("key_" + sc.Name)
		}
	}
	_, err := s.app.Accounts.Update(r.Context(), a, a.ID, account.Patch{OwnKeys: opt.Of(account.ChooseKeys(keys))})
	if refused(err) {
		return s.shortcutForm(w, r, a, keys, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, "/my/shortcuts", "saved", undoOf(undoAccount, a.ID))
}
