package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func packageHref(n id.WorkPackage) string { return "/work_packages/" + strconv.FormatInt(int64(n), 10) }

func packageRows(p *workpackage.Page) []ui.PackageRow {
	out := make([]ui.PackageRow, 0, len(p.Items))
	for i := range p.Items {
		w := &p.Items[i]
		row := ui.PackageRow{
			ID: int64(w.ID), Href: packageHref(w.ID), Subject: w.Subject,
			Type: typeChip(p.Refs.Types[w.TypeID]), Status: statusChip(p.Refs.Statuses[w.StatusID]),
			Priority: priorityChip(p.Refs.Priorities[w.PriorityID]), Assignee: personOf(p.Refs.Users, w.AssigneeID),
		}
		if w.DueDate != nil {
			row.Due = string(*w.DueDate)
		}
		out = append(out, row)
	}
	return out
}

func typeChip(n workpackage.Named) ui.Chip   { return ui.Type(n.Name, ui.HueOf(n.Color)) }
func statusChip(n workpackage.Named) ui.Chip { return ui.Status(n.Name, ui.HueOf(n.Color)) }

// ranks are the distances of the seeded priorities from the normal one.
var ranks = map[string]int{"Low": -1, "High": 1, "Immediate": 2}

func priorityChip(n workpackage.Named) ui.Chip { return ui.Priority(n.Name, ranks[n.Name]) }

func personOf(users map[id.User]workpackage.Named, u *id.User) *ui.Person {
	if u == nil {
		return nil
	}
	return &ui.Person{ID: int64(*u), Name: users[*u].Name}
}

const perPage = 50

// paging leads through the list at this address.
func paging(r *http.Request, number, total int) ui.Pagination {
	return ui.Pagination{Page: number, PerPage: perPage, Total: total, Href: func(n int) string {
		v := url.Values{}
		for k := range r.URL.Query() {
			v.Set(k, r.URL.Query().Get(k))
		}
		v.Set("page", strconv.Itoa(n))
		return r.URL.Path + "?" + v.Encode()
	}}
}

// parsePackage reads the work package's number from the address.
func parsePackage(r *http.Request) (id.WorkPackage, error) {
	return id.Parse[id.WorkPackage]("work package", chi.URLParam(r, "id"))
}

func (s *Site) comment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	act, err := s.app.WorkPackages.Comment(r.Context(), a, n, r.PostForm.Get("comment"), false)
	if refused(err) {
		return s.packagePage(w, r, a, n, r.PostForm.Get("comment"), err)
	}
	if err != nil {
		return err
	}
	if back := r.PostForm.Get("back"); back != "" { // from beside a list
		return redirect(w, r, saying(local(back), "comment", undoing{}))
	}
	return redirect(w, r, packageHref(n)+"?done=comment#activity-"+strconv.FormatInt(int64(act.ID), 10))
}

type confirmPage struct {
	ui.Page
	Text           string
	Action, Cancel string
	Submit         string
}

func (s *Site) confirmDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	if !refs.Grants.Has(access.DeleteWorkPackages, wp.ProjectID) {
		return fault.Forbidden("you are not allowed to delete this work package")
	}
	pr, can, err := s.projectOf(r, a, wp.ProjectID)
	if err != nil {
		return err
	}
	p := confirmPage{
		Page: s.projectFrame(r, a, pr, can, say.T("package.delete_title", "subject", wp.Subject)), Action: packageHref(n) + "/deletion", Cancel: packageHref(n), Submit: say.T("package.delete_"),
		Text: say.T("package.goes_to_the_trash"),
	}
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)}, ui.Crumb{Label: "#" + idText(n), Href: packageHref(n)}, ui.Crumb{Label: p.Title})
	p.HideTitle = true
	return s.ui.Render(w, http.StatusOK, "confirm", p)
}

func (s *Site) deletePackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	if err := s.app.WorkPackages.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, saying("/projects/"+refs.Projects[wp.ProjectID].Identifier, "deleted", undoOf(undoPackage, n)))
}
