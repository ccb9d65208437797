package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type packagePage struct {
	ui.Page
	Href, EditHref, DeleteHref string
	ListHref                   string
	Author                     string
	W                          *workpackage.WorkPackage
	Created                    string
	Fields                     []ui.SideField
	Subject                    ui.SheetCell
	Text                       ui.SheetCell
	Done                       ui.Progress
	HasDone                    bool
	Children                   []workpackage.Named
	Files                      ui.FileList
	FileCount                  int
	MayAttach, MayComment      bool
	Upload                     ui.Field
	MaxUpload                  string
	Activity                   history
	Comment                    ui.Textarea
	Tells                      string // who is told of a comment
	Problems                   ui.ErrorSummary
	Watching, MayWatch         bool
	Watchers                   *watchersCard
}

func (s *Site) showPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	opens, err := s.opened(r, a, n)
	if err != nil {
		return err
	}
	return s.packagePage(w, r, a, n, "", nil, opens)
}

// packagePage shows a work package; comment and refusal are those of a form
// that came back.
func (s *Site) packagePage(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, comment string, refusal error, opens ...string) error {
	say := speak(r)
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	pr, can, err := s.projectOf(r, a, wp.ProjectID)
	if err != nil {
		return err
	}
	p := packagePage{Page: s.projectFrame(r, a, pr, can, wp.Subject), Href: packageHref(n), W: wp, Children: refs.Children[n], MaxUpload: say.Bytes(s.app.Config.Attachment.MaxSize.Bytes())}
	p.ListHref, p.Opens = projectHref(pr)+"/work_packages", strings.Join(opens, "")
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)})
	for _, up := range refs.Ancestors[n] {
		p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: up.Name, Href: packageHref(id.WorkPackage(up.ID))})
	}
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: "#" + strconv.FormatInt(int64(n), 10)})
	p.Author, p.Watching, p.MayWatch = refs.Users[wp.AuthorID].Name, refs.Watching[n], a.SignedIn()
	p.rights(refs.Grants, wp)
	if p.Watchers, err = s.watchersOf(r, a, wp, refs.Grants); err != nil {
		return err
	}
	p.Fields = s.sideFields(say, wp, refs)
	p.Subject, p.Text = say.sideCell(wp, refs, "subject"), say.sideCell(wp, refs, "description")
	if wp.DoneRatio != nil {
		p.Done, p.HasDone = ui.Progress{Value: int64(*wp.DoneRatio), Max: 100, Label: say.T("package.complete")}, true
	}
	if err := s.fillPackage(r, a, &p, n); err != nil {
		return err
	}
	m := say.messages(refusal)
	if comment == "" {
		comment = quoted(r, p.Activity.acts)
	}
	p.Comment = ui.Area("comment", say.T("common.comment"), comment).Hinted(say.T("common.markup_comment")).Wrong(m["comment"])
	p.Comment.Key = "m"
	p.Comment = p.Comment.With(s.editorOf(r, a, wp.ProjectID, n, p.MayAttach))
	if p.MayComment {
		if p.Tells, err = s.audience(r, a, n, comment); err != nil {
			return err
		}
	}
	p.Upload = ui.File("file", say.T("common.file")).Require().Hinted(say.T("files.at_most", "size", p.MaxUpload)).Wrong(m["file"]).Wrong(m["fileName"])
	p.Upload.MaxFile, p.Upload.TooLarge = s.app.Config.Attachment.MaxSize.Bytes(), say.T("files.too_large", "size", p.MaxUpload)
	if kinds := s.app.Settings.Get().AttachmentKinds; len(kinds) > 0 {
		p.Upload.Accept = strings.ReplaceAll(strings.Join(kinds, ","), "*.", ".")
		p.Upload = p.Upload.Hinted(say.T("files.kinds", "kinds", strings.Join(kinds, ", ")))
	}
	p.Problems = ui.Problems(p.Comment.Problem(), p.Upload.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.sentence(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "package", p)
}

func (p *packagePage) rights(g *access.Grants, wp *workpackage.WorkPackage) {
	has := func(perms ...access.Permission) bool {
		for _, perm := range perms {
			if g.Has(perm, wp.ProjectID) {
				return true
			}
		}
		return false
	}
	p.MayComment = has(access.AddWorkPackageComments)
	p.MayAttach = mayAttach(g, wp.ProjectID)
	if has(access.EditWorkPackages, access.ChangeWorkPackageStatus, access.MoveWorkPackages, access.ManageSubtasks, access.AssignVersions) {
		p.EditHref = p.Href + "/edit"
	}
	if has(access.DeleteWorkPackages) {
		p.DeleteHref = p.Href + "/deletion"
	}
}

// fillPackage loads files and history.
func (s *Site) fillPackage(r *http.Request, a access.Actor, p *packagePage, n id.WorkPackage) error {
	say := speak(r)
	loc := location(a)
	p.Created = say.DateTime(p.W.CreatedAt.Time)
	files, err := s.app.Attachments.List(r.Context(), a, "WorkPackage", int64(n))
	if err != nil {
		return err
	}
	p.FileCount = len(files)
	for _, f := range files {
		href := fileHref(f.ID)
		item := ui.FileItem{Name: f.FileName, Href: href, ContentType: f.ContentType, Size: f.Size, Author: f.AuthorName, At: f.CreatedAt.In(loc), Picture: serve.Picture(f.ContentType), Shown: serve.Shown(f.ContentType)}
		if f.Deletable {
			item.DeleteHref = href + "/deletion"
		}
		p.Files.Items = append(p.Files.Items, item)
	}
	acts, err := s.app.WorkPackages.Activities(r.Context(), a, n)
	if err != nil {
		return err
	}
	p.Activity = streamOf(say, r, a, p.Href, acts, p.MayComment)
	return nil
}

func dayText[T ~string](d *T) string {
	if d == nil {
		return ""
	}
	return string(*d)
}

// hours words a span of work; nothing for none.
func (in reader) hours(seconds *int64) string {
	if seconds == nil {
		return ""
	}
	return in.hoursNumber(seconds) + " " + in.T("unit.h")
}

// hoursNumber is hours as a form has them.
func (in reader) hoursNumber(seconds *int64) string {
	if seconds == nil {
		return ""
	}
	return in.Decimal(strconv.FormatFloat(float64(*seconds)/3600, 'g', 6, 64))
}

// change names a field in the history.
func (in reader) change(field, label string) string {
	if key := "package.field_" + field; in.Has(key) {
		return in.T(key)
	}
	return label
}
