package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// bulkFields change many work packages at once; what stays "unchanged" is left alone.
type bulkFields struct {
	Selects []ui.Select
	Days    []ui.Field
}

// unchanged is the value of a field that is left alone.
const unchanged = "-"

func (in reader) bulkForm(c choices) bulkFields {
	keep := ui.Option{Value: unchanged, Label: in.T("list.unchanged")}
	with := func(first []ui.Option, rest []ui.Option) []ui.Option { return append(first, rest...) }
	b := bulkFields{Selects: []ui.Select{
		ui.Choose("status", in.T("common.status"), unchanged, with([]ui.Option{keep}, c.statuses)...),
		ui.Choose("type", in.T("common.type"), unchanged, with([]ui.Option{keep}, c.types)...),
		ui.Choose("priority", in.T("common.priority"), unchanged, with([]ui.Option{keep}, c.priorities)...),
		ui.Choose("assignee", in.T("common.assignee"), unchanged, with([]ui.Option{keep, {Value: "", Label: in.T("common.nobody")}, {Value: "me", Label: in.T("package.me")}}, c.people)...),
		ui.Choose("responsible", in.column("responsible"), unchanged, with([]ui.Option{keep, {Value: "", Label: in.T("common.nobody")}, {Value: "me", Label: in.T("package.me")}}, c.people)...),
	}}
	if len(c.open) > 0 {
		b.Selects = append(b.Selects, ui.Choose("version", in.column("version"), unchanged, with([]ui.Option{keep, {Value: "", Label: in.T("planning.no_version")}}, c.open)...))
	}
	if len(c.categories) > 0 {
		b.Selects = append(b.Selects, ui.Choose("category", in.column("category"), unchanged, with([]ui.Option{keep, {Value: "", Label: in.T("planning.no_category")}}, c.categories)...))
	}
	b.Days = []ui.Field{ui.Date("startDate", in.T("common.start"), ""), ui.Date("dueDate", in.T("common.finish"), "")}
	for i := range b.Selects { // the filters above have the same names
		b.Selects[i].Prefix = "bulk"
	}
	for i := range b.Days {
		b.Days[i].Prefix = "bulk"
	}
	return b
}

// maxBulk bounds how many work packages one request changes.
const maxBulk = 500

type bulkPage struct {
	ui.Page
	Back     string
	Changed  int
	Same     int
	Refused  []bulkRefusal
	Confirm  bool
	IDs      []string
	Question string
	changed  []int64
}

type bulkRefusal struct {
	ID            int64
	Href, Subject string
	Reasons       []string
}

// bulk changes or deletes the chosen work packages, each by itself, and reports on
// each that was refused.
func (s *Site) bulk(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	ids := f["id"]
	say := speak(r)
	p := bulkPage{Page: s.frame(r, a, say.T("list.change_many")), Back: local(f.Get("back")), IDs: ids}
	switch {
	case len(ids) == 0:
		return fault.Conflict("no work package was chosen; tick some, and try again")
	case len(ids) > maxBulk:
		return fault.Said(fault.TooLarge("at most "+strconv.Itoa(maxBulk)+" work packages are changed at once"), "fault.bulk_limit", "n", maxBulk)
	case f.Get("do") == "delete" && f.Get("confirmed") != "1":
		p.Confirm, p.Title = true, say.T("list.delete_many", "n", len(ids))
		p.Question = say.T("list.they_go_to_the_trash")
		p.Page.Width = "narrow"
		return s.ui.Render(w, http.StatusOK, "bulk", p)
	}
	values := url.Values{}
	for _, name := range []string{"status", "type", "priority", "assignee", "responsible", "version", "category"} {
		if v := f.Get(name); v != unchanged && f.Has(name) {
			values.Set(name, v)
		}
	}
	for _, name := range []string{"assignee", "responsible"} {
		if values.Get(name) == "me" {
			values.Set(name, strconv.FormatInt(int64(a.ID), 10))
		}
	}
	for _, name := range []string{"startDate", "dueDate"} {
		if v := f.Get(name); v != "" {
			values.Set(name, v)
		}
	}
	for _, text := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if err := s.bulkOne(r, a, text, values, f.Get("do") == "delete", &p); err != nil {
			return err
		}
	}
	if len(p.Refused) == 0 {
		return s.led(w, r, a, p.Back, "bulk", undoing{undoPackage, p.changed})
	}
	return s.ui.Render(w, http.StatusOK, "bulk", p)
}

func (s *Site) bulkOne(r *http.Request, a access.Actor, text string, values url.Values, remove bool, p *bulkPage) error {
	n, err := id.Parse[id.WorkPackage]("work package", text)
	if err != nil {
		return err
	}
	say := speak(r)
	refuse := func(err error) error {
		f := fault.Of(err)
		if f == nil {
			return err
		}
		row := bulkRefusal{ID: int64(n), Href: packageHref(n)}
		if wp, ferr := s.app.WorkPackages.Find(r.Context(), a, n); ferr == nil {
			row.Subject = wp.Subject
		}
		for _, fd := range fault.Fields(err) {
			row.Reasons = append(row.Reasons, say.change(fd.Name, fd.Name)+" "+uncapital(say.word(fd)))
		}
		if len(row.Reasons) == 0 {
			row.Reasons = []string{say.sentence(err)}
		}
		p.Refused = append(p.Refused, row)
		return nil
	}
	if remove {
		if err := s.app.WorkPackages.Delete(r.Context(), a, n); err != nil {
			if fault.Is(err, fault.KindNotFound) {
				return nil // it went with its parent, which was chosen too
			}
			return refuse(err)
		}
		p.Changed++
		p.changed = append(p.changed, int64(n))
		return nil
	}
	wp, err := s.app.WorkPackages.Find(r.Context(), a, n)
	if err != nil {
		return refuse(err)
	}
	patch, err := s.packagePatch(values)
	if err != nil {
		return refuse(err)
	}
	patch.LockVersion.Set, patch.LockVersion.V = true, wp.LockVersion
	after, err := s.app.WorkPackages.Update(r.Context(), a, n, patch)
	if err != nil {
		return refuse(err)
	}
	if after.LockVersion == wp.LockVersion {
		p.Same++
		return nil
	}
	p.Changed++
	p.changed = append(p.changed, int64(n))
	return nil
}
