package apiv3

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// zone is the actor's time zone, in which days begin.
func zone(a access.Actor) *time.Location {
	if loc, err := time.LoadLocation(a.TimeZone); err == nil && a.TimeZone != "" {
		return loc
	}
	return time.UTC
}

func packageID(r *http.Request) (id.WorkPackage, error) {
	return id.Parse[id.WorkPackage]("work package", chi.URLParam(r, "id"))
}

// projectOf finds the project named in the path, by id or identifier.
func (s *API) projectOf(r *http.Request, a access.Actor) (*project.Project, error) {
	ref, err := url.PathUnescape(chi.URLParam(r, "id"))
	if err != nil {
		return nil, fault.NotFound("project")
	}
	return s.app.Projects.FindRef(r.Context(), a, ref)
}

func (s *API) listWorkPackages(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.workPackageList(w, r, a, 0)
}

func (s *API) listProjectWorkPackages(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	g, err := s.app.Projects.Grants(r.Context(), a, *p)
	if err != nil {
		return err
	}
	if !p.Capabilities(a, g).ViewWorkPackages {
		return fault.Forbidden("You are not authorized to access this resource.")
	}
	return s.workPackageList(w, r, a, p.ID)
}

func (s *API) workPackageList(w http.ResponseWriter, r *http.Request, a access.Actor, in id.Project) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	if !l.given { // absent filters mean the open ones, an empty list means all
		l.filters = []filter.Condition{{Name: "status", Op: "o"}}
	}
	page, err := s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
		Project: in, Filters: l.filters, Sort: l.sort, Page: l.page, Location: zone(a),
	})
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeWorkPackageCollection)
	for i := range page.Items {
		c.Add(workPackageDoc(&page.Items[i], page.Refs, a))
	}
	o := c.Page(l.paging(r, page.Total))
	o.Link("schemas", schemasHref(page), "")
	o.Action("createWorkPackage", hal.Path{Base: r.URL.Path + "/form"}, "post")
	o.Action("createWorkPackageImmediate", hal.Path{Base: r.URL.Path}, "post")
	return respond(w, r, http.StatusOK, o)
}

// schemasHref is the address of the schemas of a page's work packages.
func schemasHref(p *workpackage.Page) string {
	seen := map[string]bool{}
	var ids []string
	for i := range p.Items {
		k := strconv.FormatInt(int64(p.Items[i].ProjectID), 10) + "-" + strconv.FormatInt(int64(p.Items[i].TypeID), 10)
		if !seen[k] {
			seen[k] = true
			ids = append(ids, `"`+k+`"`)
		}
	}
	return packages + "schemas?filters=" + url.QueryEscape(`[{"id":{"operator":"=","values":[`+strings.Join(ids, ",")+`]}}]`)
}

func (s *API) showWorkPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	return s.workPackage(w, r, a, n, http.StatusOK)
}

// workPackage answers with the work package as it is now.
func (s *API) workPackage(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, status int) error {
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, status, workPackageDoc(wp, refs, a))
}

func (s *API) createWorkPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.create(w, r, a, 0)
}

func (s *API) createProjectWorkPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	return s.create(w, r, a, p.ID)
}

func (s *API) create(w http.ResponseWriter, r *http.Request, a access.Actor, in id.Project) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.workPackagePatch(r, a, body)
	if err != nil {
		return err
	}
	if in != 0 && !patch.Project.Set {
		patch.Project = opt.Of(in)
	}
	wp, err := s.app.WorkPackages.Create(r.Context(), a, patch)
	if err != nil {
		return err
	}
	w.Header().Set("Location", packages+strconv.FormatInt(int64(wp.ID), 10))
	return s.workPackage(w, r, a, wp.ID, http.StatusCreated)
}

func (s *API) updateWorkPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Find(r.Context(), a, n); err != nil {
		return err // before the body: what is wrong with it is no stranger's business
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.workPackagePatch(r, a, body)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Update(r.Context(), a, n, patch); err != nil {
		return err
	}
	return s.workPackage(w, r, a, n, http.StatusOK)
}

func (s *API) deleteWorkPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	if err := s.app.WorkPackages.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return noContent(w)
}

func (s *API) newWorkPackageForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.workPackageForm(w, r, a, 0, 0)
}

func (s *API) newProjectWorkPackageForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	return s.workPackageForm(w, r, a, 0, p.ID)
}

func (s *API) editWorkPackageForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	return s.workPackageForm(w, r, a, n, 0)
}

// workPackageForm answers what saving the body would do.
func (s *API) workPackageForm(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, in id.Project) error {
	body, err := s.decode(w, r, true)
	if err != nil {
		return err
	}
	patch, err := s.workPackagePatch(r, a, body)
	if err != nil {
		return err
	}
	if in != 0 && !patch.Project.Set {
		patch.Project = opt.Of(in)
	}
	f, err := s.app.WorkPackages.Preview(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, workPackageFormDoc(f, n, r.URL.Path))
}

func (s *API) workPackageSchemas(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for _, cond := range l.filters {
		if cond.Name != "id" || cond.Op != "=" {
			return filter.WrongOperator(cond)
		}
		for _, v := range cond.Values {
			sc, err := s.schemaByID(r, a, v)
			if fault.Is(err, fault.KindNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			c.Add(workPackageSchemaDoc(sc, schemaHref(sc.Project, sc.Type), false))
		}
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.RequestURI()))
}

func (s *API) workPackageSchema(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	sc, err := s.schemaByID(r, a, chi.URLParam(r, "schema"))
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, workPackageSchemaDoc(sc, schemaHref(sc.Project, sc.Type), false))
}

// schemaByID reads "<project>-<type>".
func (s *API) schemaByID(r *http.Request, a access.Actor, name string) (*workpackage.Schema, error) {
	left, right, _ := strings.Cut(name, "-")
	p, err := id.Parse[id.Project]("schema", left)
	if err != nil {
		return nil, err
	}
	t, err := id.Parse[id.Type]("schema", right)
	if err != nil {
		return nil, err
	}
	return s.app.WorkPackages.SchemaOf(r.Context(), a, p, t)
}

func (s *API) availableAssignees(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	return s.assignees(w, r, a, p.ID)
}

func (s *API) workPackageAssignees(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	wp, err := s.app.WorkPackages.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.assignees(w, r, a, wp.ProjectID)
}

func (s *API) assignees(w http.ResponseWriter, r *http.Request, a access.Actor, in id.Project) error {
	people, err := s.app.WorkPackages.AvailableAssignees(r.Context(), a, in)
	if err != nil {
		return err
	}
	return s.principals(w, r, people)
}
