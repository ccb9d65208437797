package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// editor is what a text about a project offers; 0 is none that exists yet.
func editor(a access.Actor, about id.Project) ui.Editor {
	e := ui.Editor{Person: int64(a.ID), Packages: "/suggestions/work_packages"}
	if about != 0 {
		e.People = "/suggestions/people?project=" + strconv.FormatInt(int64(about), 10)
	}
	return e
}

// editorOf is the editor of a text of a work package, to which files can be attached.
func (s *Site) editorOf(r *http.Request, a access.Actor, about id.Project, n id.WorkPackage, mayAttach bool) ui.Editor {
	e := editor(a, about)
	if mayAttach {
		e.Files = packageHref(n) + "/files"
		s.limit(&e, speak(r))
	}
	return e
}

// editorIn is editorOf for a page that knows of the work package only its number.
func (s *Site) editorIn(r *http.Request, a access.Actor, n id.WorkPackage) (ui.Editor, error) {
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return ui.Editor{}, err
	}
	return s.editorOf(r, a, wp.ProjectID, n, mayAttach(refs.Grants, wp.ProjectID)), nil
}

// mayAttach says whether files can be added to the work packages of a project.
func mayAttach(g *access.Grants, in id.Project) bool {
	return g.Has(access.EditWorkPackages, in) || g.Has(access.AddWorkPackageAttachments, in)
}

// limit says how large files may be.
func (s *Site) limit(e *ui.Editor, say reader) {
	e.MaxFile = s.app.Config.Attachment.MaxSize.Bytes()
	e.MaxSize = say.Bytes(e.MaxFile)
}

// maxPreviews bounds the texts of one form that are shown at once.
const maxPreviews = 8

type previewPage struct {
	ui.Page
	Texts []markup.HTML
}

// previewTexts shows the texts of a form as they would be shown. It looks nothing up: what a
// text refers to is linked by form alone, so nobody learns from it what there is.
func (s *Site) previewTexts(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	say := speak(r)
	p := previewPage{Page: s.frame(r, a, say.T("editor.preview_of"))}
	p.Lead, p.Width = say.T("editor.preview_lead"), "narrow"
	names := strings.Fields(r.PostForm.Get("preview"))
	for _, name := range names[:min(len(names), maxPreviews)] {
		if text := strings.TrimSpace(r.PostForm.Get(name)); text != "" {
			p.Texts = append(p.Texts, markup.Render(strings.ReplaceAll(text, "\r\n", "\n")))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, http.StatusOK, "preview", p)
}

type suggestion struct {
	Text, Label, Detail string
	Person              *ui.Person
	Number              string
}

type suggestionsPage struct {
	lang  string
	Items []suggestion
}

// Language is the language of what is suggested.
func (p suggestionsPage) Language() string { return p.lang }

func (s *Site) suggest(w http.ResponseWriter, r *http.Request, items []suggestion) error {
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, http.StatusOK, "suggestions", suggestionsPage{speak(r).Tag(), items})
}

// suggestPeople are those whom a text about a project can mention.
func (s *Site) suggestPeople(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	about, err := id.Parse[id.Project]("project", r.URL.Query().Get("project"))
	if err != nil {
		return err
	}
	found, err := s.app.Notifications.Mentionable(r.Context(), a, about, asked(r))
	if err != nil {
		return err
	}
	var items []suggestion
	for _, m := range found {
		item := suggestion{Text: m.Mark(), Label: m.Name, Person: &ui.Person{ID: int64(m.ID), Name: m.Name}}
		switch {
		case m.Group:
			item.Detail = speak(r).T("editor.group")
		case m.Login != nil:
			item.Detail = *m.Login
		}
		items = append(items, item)
	}
	return s.suggest(w, r, items)
}

// suggestedPackages is how many work packages are offered at once.
const suggestedPackages = 8

// suggestPackages are the work packages that have the words, or the number, that were
// typed; without any, those changed last.
func (s *Site) suggestPackages(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	words := strings.Fields(asked(r))
	var items []suggestion
	var first id.WorkPackage
	if len(words) == 1 {
		if n, err := id.Parse[id.WorkPackage]("work package", strings.TrimPrefix(words[0], "#")); err == nil {
			wp, err := s.app.WorkPackages.Find(r.Context(), a, n)
			switch {
			case err == nil:
				first, items = wp.ID, append(items, packageSuggestion(wp, ""))
			case !fault.Is(err, fault.KindNotFound):
				return err
			}
		}
	}
	in := workpackage.ListInput{Sort: []filter.Sort{{Name: "updated_at", Desc: true}}, Page: filter.Page{Number: 1, Size: suggestedPackages}, Location: location(a)}
	for _, word := range words[:min(len(words), 5)] {
		in.Filters = append(in.Filters, filter.Condition{Name: "subject_or", Op: "**", Values: []string{word}})
	}
	list, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	for i := range list.Items {
		if wp := &list.Items[i]; wp.ID != first && len(items) < suggestedPackages {
			items = append(items, packageSuggestion(wp, list.Refs.Projects[wp.ProjectID].Name))
		}
	}
	return s.suggest(w, r, items)
}

func packageSuggestion(wp *workpackage.WorkPackage, project string) suggestion {
	number := "#" + strconv.FormatInt(int64(wp.ID), 10)
	return suggestion{Text: number, Label: wp.Subject, Detail: project, Number: number}
}

// filesOf are the uploads that a form holds until it is sent.
func filesOf(v url.Values, bad func(string, string)) []id.Attachment {
	var files []id.Attachment
	for _, t := range v["attachment"] {
		n, err := id.Parse[id.Attachment]("attachment", t)
		if err != nil || len(files) == maxWaiting {
			bad("attachments", "not_available")
			return nil
		}
		files = append(files, n)
	}
	return files
}

// maxWaiting bounds the files of one form.
const maxWaiting = 100
