package workpackage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// names give the values of states the names people know them by.
type names struct {
	refs  Refs
	users map[id.User]Named
	wps   map[id.WorkPackage]Named
}

func loadNames(ctx context.Context, tx *db.Tx, a access.Actor, entries []journal.Entry, states []State) (*names, error) {
	n := &names{wps: map[id.WorkPackage]Named{}}
	var users []id.User
	var projects []id.Project
	var parents []id.WorkPackage
	var versions []id.Version
	var categories []id.Category
	for _, e := range entries {
		users = append(users, e.UserID)
	}
	for _, s := range states {
		projects = append(projects, s.ProjectID)
		for _, u := range []*id.User{s.AssigneeID, s.ResponsibleID} {
			if u != nil {
				users = append(users, *u)
			}
		}
		if s.VersionID != nil {
			versions = append(versions, *s.VersionID)
		}
		if s.CategoryID != nil {
			categories = append(categories, *s.CategoryID)
		}
		if s.ParentID != nil {
			parents = append(parents, *s.ParentID)
		}
	}
	var err error
	if n.users, err = Principals(ctx, tx, unique(users)); err != nil {
		return nil, err
	}
	if err := n.refs.loadCatalog(ctx, tx, unique(versions), unique(categories)); err != nil {
		return nil, err
	}
	if err := n.refs.loadProjects(ctx, tx, unique(projects)); err != nil {
		return nil, err
	}
	if len(parents) == 0 {
		return n, nil
	}
	type row struct {
		ID      id.WorkPackage
		Subject string
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT w.id, w.subject FROM work_packages w WHERE`).Append(db.In("w.id", unique(parents))).
		Add(`AND`).Append(access.Visible("w.project_id", a, access.ViewWorkPackages)))
	for _, w := range rows {
		n.wps[w.ID] = Named{ID: int64(w.ID), Name: w.Subject}
	}
	return n, err
}

func unique[T comparable](in []T) []T {
	seen := make(map[T]bool, len(in))
	var out []T
	for _, v := range in {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// diff returns the fields in which two states differ, in the contract's order.
func (n *names) diff(old, now State, first bool) []FieldChange {
	if first {
		old = State{}
	}
	var out []FieldChange
	for _, f := range Fields {
		b, a := fieldText(&old, f.Name), fieldText(&now, f.Name)
		if first && (b == a || a == "false" || f.Name == "scheduleManually") || b == a {
			continue
		}
		out = append(out, FieldChange{Field: f.Name, Label: f.Label, Old: n.show(&old, f.Name, b), New: n.show(&now, f.Name, a)})
	}
	return append(out, fileChanges(old.Attachments, now.Attachments)...)
}

func fileChanges(old, now []AttachedFile) []FieldChange {
	had, has := map[id.Attachment]bool{}, map[id.Attachment]bool{}
	for _, f := range old {
		had[f.ID] = true
	}
	var out []FieldChange
	for _, f := range now {
		has[f.ID] = true
		if !had[f.ID] {
			out = append(out, FieldChange{Field: "attachments", Label: "File", New: f.Name})
		}
	}
	for _, f := range old {
		if !has[f.ID] {
			out = append(out, FieldChange{Field: "attachments", Label: "File", Old: f.Name})
		}
	}
	return out
}

// show gives a value its name; what cannot be named any more keeps its number.
func (n *names) show(s *State, field, text string) string {
	if text == "" || text == "0" && !strings.HasSuffix(field, "Time") && field != "percentageDone" {
		return ""
	}
	var v Named
	switch field {
	case "project":
		v = n.refs.Projects[s.ProjectID]
	case "type":
		v = n.refs.Types[s.TypeID]
	case "status":
		v = n.refs.Statuses[s.StatusID]
	case "priority":
		v = n.refs.Priorities[s.PriorityID]
	case "assignee":
		v = n.users[*s.AssigneeID]
	case "responsible":
		v = n.users[*s.ResponsibleID]
	case "version":
		v = n.refs.Versions[*s.VersionID]
	case "category":
		v = n.refs.Categories[*s.CategoryID]
	case "parent":
		if v = n.wps[*s.ParentID]; v.Name == "" {
			return "#" + text
		}
	case "estimatedTime", "remainingTime":
		return hours(text)
	case "duration":
		return text + " d"
	case "percentageDone":
		return text + " %"
	case "ignoreNonWorkingDays", "scheduleManually":
		return map[string]string{"true": "yes", "false": "no"}[text]
	default:
		return text
	}
	if v.Name == "" {
		return "#" + text
	}
	return v.Name
}

// hours shows seconds as hours with at most two decimals.
func hours(seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return seconds
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", float64(n)/3600), "0"), ".") + " h"
}
