package web

import (
	"strconv"

	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// sideFields are the fields beside the description, in the order of the form.
func (s *Site) sideFields(say reader, wp *workpackage.WorkPackage, refs *workpackage.Refs) []ui.SideField {
	names := []string{"type", "status", "priority", "assignee", "responsible", "version", "category", "parent", "startDate", "dueDate", "duration", "estimatedTime", "remainingTime", "percentageDone"}
	derived := s.app.Settings.Get().StatusBasedProgress
	var out []ui.SideField
	for _, name := range names {
		if refs.Types[wp.TypeID].Milestone && (name == "dueDate" || name == "duration") {
			continue // it is one day
		}
		c := say.sideCell(wp, refs, name)
		if derived && (name == "remainingTime" || name == "percentageDone") {
			c.Edit = ""
		}
		f := ui.SideField{Label: c.Label, Cell: c.Cell}
		if refs.Types[wp.TypeID].Milestone && name == "startDate" {
			f.Label = say.T("common.date")
		}
		out = append(out, f)
	}
	if d, ok := refs.Derived[wp.ID]; ok && d.Work != nil {
		out = append(out, ui.SideField{Label: say.T("package.work_with_everything_below"), Cell: ui.Cell{Text: say.hours(d.Work)}})
	}
	return out
}

// sideCell is one field where it stands on a work package's page. It has a frame of its
// own, because the list beside it may show the same field.
func (in reader) sideCell(wp *workpackage.WorkPackage, refs *workpackage.Refs, name string) ui.SheetCell {
	col, _ := fieldOf(name)
	c := in.cellOf(wp, refs, col)
	switch name {
	case "description":
		c.Text = wp.Description
	case "duration":
		if wp.Duration != nil {
			c.Text = in.T("package.working_days", "n", *wp.Duration)
		}
	case "parent":
		if up := refs.Ancestors[wp.ID]; wp.ParentID != nil && len(up) > 0 {
			c.Text = "#" + strconv.FormatInt(up[len(up)-1].ID, 10) + " " + up[len(up)-1].Name
		}
	}
	if c.Edit != "" {
		c.Frame = sideFrame + strconv.FormatInt(int64(wp.ID), 10) + "-" + name
	}
	return c
}
