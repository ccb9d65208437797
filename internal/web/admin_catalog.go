package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// catalogItem is a type, a status or a priority as its form has it.
type catalogItem struct {
	id          int64
	name, color string
	text        string          // the template of a type's description
	ratio       string          // the % complete of a status
	flags       map[string]bool // what is ticked, by the names of the fields
}

// catalogKind is one of the three lists: its words, and what its service does.
type catalogKind struct {
	href, what                   string
	title, create, remove, empty string // keys of texts
	deleting                     string // what deleting means
	forGood                      bool   // and that it cannot be undone
	flags                        []catalogFlag
	chip                         func(name string, hue ui.Hue) ui.Chip
	hasText, hasRatio            bool
	list                         func(r *http.Request, a access.Actor) ([]catalogItem, error)
	uses                         func(r *http.Request, a access.Actor) (map[int64]int, error)
	find                         func(r *http.Request, a access.Actor, n int64) (catalogItem, error)
	save                         func(r *http.Request, a access.Actor, in catalogItem) (int64, error)
	drop                         func(r *http.Request, a access.Actor, n int64) error
	move                         func(r *http.Request, a access.Actor, n int64, to int) error
}

// catalogFlag is a yes or no of a kind: its field, and the keys of its label, its
// hint, and the mark it leaves in the list, which may be empty.
type catalogFlag struct{ name, label, hint, mark string }

// swatches are the colours to choose from, each of which HueOf finds again.
var swatches = []struct {
	hue ui.Hue
	hex string
}{
	{ui.Gray, "#5B6470"},
	{ui.Blue, "#2F6FB3"},
	{ui.Teal, "#2E8B83"},
	{ui.Green, "#2C7A4B"},
	{ui.Yellow, "#A8902F"},
	{ui.Orange, "#C2701C"},
	{ui.Red, "#B8403A"},
	{ui.Purple, "#7A5AA8"},
	{ui.Pink, "#A83A78"},
}

// colorOf is the stored colour for a chosen swatch. One that has the hue already
// stays as it is: imported colours are finer than swatches.
func colorOf(hue, before string) string {
	if before != "" && string(ui.HueOf(before)) == hue {
		return before
	}
	for _, s := range swatches {
		if string(s.hue) == hue {
			return s.hex
		}
	}
	return hue // refused by the service
}

type catalogPage struct {
	ui.Page
	New, NewHref string
	Rows         []catalogRow
	None         ui.EmptyState
}

type catalogRow struct {
	Href, Used string
	Chip       ui.Chip
	Marks      []string
	Order      ui.Order
}

// catalogRoutes are the pages of a kind.
func (s *Site) catalogRoutes(k catalogKind) []page {
	get, post := http.MethodGet, http.MethodPost
	with := func(h func(catalogKind, http.ResponseWriter, *http.Request, access.Actor) error) serve.HandlerFunc {
		return s.admin(func(w http.ResponseWriter, r *http.Request, a access.Actor) error { return h(k, w, r, a) })
	}
	return []page{
		{get, k.href, with(s.catalogList), false},
		{post, k.href, with(s.saveCatalog), false},
		{get, k.href + "/new", with(s.newCatalog), false},
		{get, k.href + "/{id}", with(s.editCatalog), false},
		{post, k.href + "/{id}", with(s.saveCatalog), false},
		{post, k.href + "/{id}/position", with(s.moveCatalog), false},
		{get, k.href + "/{id}/deletion", with(s.confirmCatalogDelete), false},
		{post, k.href + "/{id}/deletion", with(s.deleteCatalog), false},
	}
}

func (s *Site) catalogList(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	items, err := k.list(r, a)
	if err != nil {
		return err
	}
	used, err := k.uses(r, a)
	if err != nil {
		return err
	}
	p := catalogPage{Page: s.adminFrame(r, a, say.T(k.title)), New: say.T(k.create), NewHref: k.href + "/new"}
	p.None = ui.EmptyState{Icon: "list-checks", Title: p.Title, Text: say.T(k.empty)}
	for i, item := range items {
		href := k.href + "/" + idText(item.id)
		row := catalogRow{Href: href, Chip: k.chip(item.name, ui.HueOf(item.color)), Used: say.used(used[item.id]), Order: say.order(r, href, item.name, item.id, i, len(items))}
		for _, f := range k.flags {
			if item.flags[f.name] && f.mark != "" {
				row.Marks = append(row.Marks, say.T(f.mark))
			}
		}
		if item.ratio != "" {
			row.Marks = append(row.Marks, say.T("catalog.mark_ratio", "percent", item.ratio))
		}
		p.Rows = append(p.Rows, row)
	}
	return s.ui.Render(w, http.StatusOK, "admin_catalog", p)
}

// used says how many work packages have something.
func (in reader) used(n int) string {
	if n == 0 {
		return in.T("catalog.unused")
	}
	return in.T("catalog.used", "n", n)
}

type catalogFormPage struct {
	ui.Page
	Action, Submit, Cancel, Deletion, Delete, Used string
	Name                                           ui.Field
	Colors                                         []swatch
	ColorError                                     string
	Ratio                                          *ui.Field
	Text                                           *ui.Textarea
	Flags                                          []ui.Checkbox
	Problems                                       ui.ErrorSummary
}

// swatch is a colour to choose, which says its name.
type swatch struct {
	Value   string
	Chip    ui.Chip
	Checked bool
}

func (s *Site) newCatalog(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	in := catalogItem{color: swatches[0].hex, flags: map[string]bool{"isActive": true, "isInRoadmap": true}}
	return s.catalogForm(k, w, r, a, in, "", nil)
}

func (s *Site) editCatalog(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	in, err := k.itemOf(r, a)
	if err != nil {
		return err
	}
	return s.catalogForm(k, w, r, a, in, in.name, nil)
}

func (k catalogKind) itemOf(r *http.Request, a access.Actor) (catalogItem, error) {
	n, err := id.Parse[int64](k.what, chi.URLParam(r, "id"))
	if err != nil {
		return catalogItem{}, err
	}
	return k.find(r, a, n)
}

func (s *Site) catalogForm(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor, in catalogItem, title string, refusal error) error {
	say := speak(r)
	m := say.messages(refusal)
	p := catalogFormPage{Action: k.href, Submit: say.T("common.save"), Cancel: k.href, ColorError: m["color"]}
	if in.id == 0 {
		title = say.T(k.create)
	} else {
		p.Action = k.href + "/" + idText(in.id)
		if err := s.offerDelete(k, r, a, in.id, &p); err != nil {
			return err
		}
	}
	p.Page = s.adminPage(r, a, title, ui.Crumb{Label: say.T(k.title), Href: k.href})
	p.Name = ui.Text("name", say.T("common.name"), in.name).Require().Wrong(m["name"])
	for _, c := range swatches {
		p.Colors = append(p.Colors, swatch{string(c.hue), ui.Status(say.either("catalog.color_", string(c.hue)), c.hue), ui.HueOf(in.color) == c.hue})
	}
	problems := []ui.Problem{p.Name.Problem(), {Href: "#f-color-gray", Label: say.T("catalog.color"), Text: m["color"]}}
	if k.hasRatio {
		f := ui.Text("defaultDoneRatio", say.T("catalog.ratio"), in.ratio).Hinted(say.T("catalog.ratio_hint")).Wrong(m["defaultDoneRatio"])
		f.InputMode = "numeric"
		p.Ratio, problems = &f, append(problems, f.Problem())
	}
	if k.hasText {
		f := ui.Area("description", say.T("catalog.template"), in.text).Hinted(say.T("catalog.template_hint")).Wrong(m["description"])
		p.Text, problems = &f, append(problems, f.Problem())
	}
	for _, f := range k.flags {
		c := ui.Check(f.name, say.T(f.label), in.flags[f.name])
		c.Hint, c.Error = say.T(f.hint), m[f.name]
		p.Flags, problems = append(p.Flags, c), append(problems, c.Problem())
	}
	p.Problems = ui.Problems(problems...)
	return s.ui.Render(w, statusOf(refusal), "admin_catalog_form", p)
}

// offerDelete offers to delete what nothing has, and says of everything else what has it.
func (s *Site) offerDelete(k catalogKind, r *http.Request, a access.Actor, n int64, p *catalogFormPage) error {
	used, err := k.uses(r, a)
	if err != nil {
		return err
	}
	if used[n] > 0 {
		p.Used = speak(r).T("catalog.delete_used", "n", used[n])
		return nil
	}
	p.Deletion, p.Delete = k.href+"/"+idText(n)+"/deletion", speak(r).T(k.remove)
	return nil
}

func (s *Site) saveCatalog(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	in, done := catalogItem{}, "created"
	if chi.URLParam(r, "id") != "" {
		var err error
		if in, err = k.itemOf(r, a); err != nil {
			return err
		}
		done = "saved"
	}
	if err := form(w, r); err != nil {
		return err
	}
	title := in.name
	f := r.PostForm
	in.name, in.text, in.ratio, in.color = f.Get("name"), f.Get("description"), strings.TrimSpace(f.Get("defaultDoneRatio")), colorOf(f.Get("color"), in.color)
	in.flags = map[string]bool{}
	for _, flag := range k.flags {
		in.flags[flag.name] = f.Get(flag.name) == "1"
	}
	n, err := k.save(r, a, in)
	if refused(err) {
		return s.catalogForm(k, w, r, a, in, title, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, k.href, done, undoOf(k.what, n))
}

func (s *Site) moveCatalog(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return moveTo(s, w, r, a, k.what, k.href, func(n int64, to int) error { return k.move(r, a, n, to) })
}

func (s *Site) confirmCatalogDelete(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	item, err := k.itemOf(r, a)
	if err != nil {
		return err
	}
	return s.askCatalogDelete(k, w, r, a, item, nil)
}

func (s *Site) askCatalogDelete(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor, item catalogItem, refusal error) error {
	used, err := k.uses(r, a)
	if err != nil {
		return err
	}
	say := speak(r)
	p := confirmPage{
		Page:   s.adminPage(r, a, say.T("manage.delete_title", "name", item.name), ui.Crumb{Label: say.T(k.title), Href: k.href}),
		Cancel: k.href + "/" + idText(item.id), Submit: say.T(k.remove), Text: say.T(k.deleting),
	}
	if n := used[item.id]; n > 0 && refusal == nil {
		p.Submit, p.Text = "", say.T("catalog.delete_used", "n", n)
	}
	return s.confirmAdmin(w, r, a, p, inUse(refusal, "work_packages", "catalog.delete_used"))
}

func (s *Site) deleteCatalog(k catalogKind, w http.ResponseWriter, r *http.Request, a access.Actor) error {
	item, err := k.itemOf(r, a)
	if err != nil {
		return err
	}
	err = k.drop(r, a, item.id)
	if refused(err) {
		return s.askCatalogDelete(k, w, r, a, item, err)
	}
	if err != nil {
		return err
	}
	if k.forGood {
		return redirect(w, r, k.href+"?done=removed")
	}
	return s.led(w, r, a, k.href, "removed", undoOf(k.what, item.id))
}

// plainCounts are counts by plain numbers.
func plainCounts[I ~int64](in map[I]int, err error) (map[int64]int, error) {
	out := make(map[int64]int, len(in))
	for n, c := range in {
		out[int64(n)] = c
	}
	return out, err
}

// ratioOf reads a percentage; nothing is none, and what is no number is refused by the service.
func ratioOf(text string) *int {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		n = -1
	}
	return &n
}

// adminCatalog are the three lists.
func (s *Site) adminCatalog() []catalogKind {
	return []catalogKind{s.typeKind(), s.statusKind(), s.priorityKind()}
}

// catalogItems are things of a kind as forms and lists have them.
func catalogItems[T any](all []T, item func(T) catalogItem) []catalogItem {
	out := make([]catalogItem, 0, len(all))
	for _, v := range all {
		out = append(out, item(v))
	}
	return out
}
