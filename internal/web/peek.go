package web

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// peekEntries is how much of the history the list's side shows.
const peekEntries = 5

// fillPeek puts a work package beside the table; one that is not there is left out.
func (s *Site) fillPeek(r *http.Request, a access.Actor, p *listPage, v view, n id.WorkPackage) error {
	k, err := s.pane(r, a, n)
	if err != nil || k == nil {
		return err
	}
	k.Close = v.with()
	neighbours(k, p)
	p.Peek = k
	return nil
}

// pane is a work package beside a list, nil for one that is not there.
func (s *Site) pane(r *http.Request, a access.Actor, n id.WorkPackage) (*ui.Pane, error) {
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if fault.Is(err, fault.KindNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	say := speak(r)
	k := &ui.Pane{ID: int64(n), Subject: wp.Subject, Href: packageHref(n), Fields: s.sideFields(say, wp, refs), Title: say.sideCell(wp, refs, "subject"), Text: say.sideCell(wp, refs, "description")}
	if wp.DoneRatio != nil {
		k.Done, k.HasDone = ui.Progress{Value: int64(*wp.DoneRatio), Max: 100, Label: say.T("package.complete")}, true
	}
	acts, err := s.app.WorkPackages.Activities(r.Context(), a, n)
	if err != nil {
		return nil, err
	}
	for _, act := range acts[max(0, len(acts)-peekEntries):] {
		k.Stream = append(k.Stream, say.activityItem(act))
	}
	if refs.Grants.Has(access.AddWorkPackageComments, wp.ProjectID) {
		comment := ui.Area("comment", say.T("common.comment"), "").Hinted(say.T("common.markup_comment"))
		comment.Key = "m"
		comment = comment.With(s.editorOf(r, a, wp.ProjectID, n, mayAttach(refs.Grants, wp.ProjectID)))
		k.Comment, k.Back = &comment, plainly(r.URL)
		if k.Tells, err = s.audience(r, a, n, ""); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// neighbours are the rows before and after in the list.
func neighbours(k *ui.Pane, p *listPage) {
	var before string
	found := false
	for _, g := range p.Groups {
		for _, row := range g.Rows {
			switch {
			case row.ID == k.ID:
				k.Previous, found = before, true
			case found:
				k.Next = row.PeekHref
				return
			}
			before = row.PeekHref
		}
	}
}
