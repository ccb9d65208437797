package web

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// peek is a work package beside the list it is in.
type peek struct {
	W                *workpackage.WorkPackage
	Href, Close      string
	Previous, Next   string
	Fields           []ui.SideField
	Subject, Text    ui.SheetCell
	Stream           []ui.ActivityItem
	Done             ui.Progress
	HasDone, MayTalk bool
}

// peekEntries is how much of the history the list's side shows.
const peekEntries = 5

// fillPeek puts a work package beside the table; one that is not there is left out.
func (s *Site) fillPeek(r *http.Request, a access.Actor, p *listPage, v view, n id.WorkPackage) error {
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	say := speak(r)
	k := &peek{W: wp, Href: packageHref(n), Close: v.with(), Fields: s.sideFields(say, wp, refs), Subject: say.sideCell(wp, refs, "subject"), Text: say.sideCell(wp, refs, "description"), MayTalk: refs.Grants.Has(access.AddWorkPackageComments, wp.ProjectID)}
	if wp.DoneRatio != nil {
		k.Done, k.HasDone = ui.Progress{Value: int64(*wp.DoneRatio), Max: 100, Label: say.T("package.complete")}, true
	}
	acts, err := s.app.WorkPackages.Activities(r.Context(), a, n)
	if err != nil {
		return err
	}
	for _, act := range acts[max(0, len(acts)-peekEntries):] {
		k.Stream = append(k.Stream, say.activityItem(act))
	}
	k.neighbours(p, int64(n))
	p.Peek = k
	return nil
}

// neighbours are the rows before and after in the list.
func (k *peek) neighbours(p *listPage, n int64) {
	var before string
	found := false
	for _, g := range p.Groups {
		for _, row := range g.Rows {
			switch {
			case row.ID == n:
				k.Previous, found = before, true
			case found:
				k.Next = row.PeekHref
				return
			}
			before = row.PeekHref
		}
	}
}
