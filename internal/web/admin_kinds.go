package web

import (
	"net/http"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const (
	typesHref      = "/admin/types"
	statusesHref   = "/admin/statuses"
	prioritiesHref = "/admin/priorities"
)

func (s *Site) typeKind() catalogKind {
	c := s.app.Catalog
	item := func(t catalog.Type) catalogItem {
		return catalogItem{id: int64(t.ID), name: t.Name, color: t.Color, text: t.Description, flags: map[string]bool{
			"isDefault": t.Default, "isMilestone": t.Milestone, "isInRoadmap": t.InRoadmap,
		}}
	}
	return catalogKind{
		href: typesHref, what: undoType, deleting: "catalog.delete_text", forGood: true, title: "catalog.types", create: "catalog.new_type", remove: "catalog.delete_type", empty: "catalog.types_empty",
		chip: ui.Type, hasText: true,
		flags: []catalogFlag{
			{"isDefault", "catalog.type_default", "catalog.type_default_hint", "catalog.mark_new_projects"},
			{"isMilestone", "catalog.type_milestone", "catalog.type_milestone_hint", "catalog.mark_milestone"},
			{"isInRoadmap", "catalog.type_roadmap", "catalog.type_roadmap_hint", ""},
		},
		list: func(r *http.Request, a access.Actor) ([]catalogItem, error) {
			all, err := c.Types(r.Context(), a)
			return catalogItems(all, item), err
		},
		uses: func(r *http.Request, a access.Actor) (map[int64]int, error) {
			return plainCounts(c.TypeUses(r.Context(), a))
		},
		find: func(r *http.Request, a access.Actor, n int64) (catalogItem, error) {
			t, err := c.Type(r.Context(), a, id.Type(n))
			if err != nil {
				return catalogItem{}, err
			}
			return item(*t), nil
		},
		save: func(r *http.Request, a access.Actor, in catalogItem) (int64, error) {
			p := catalog.TypePatch{
				Name: opt.Of(in.name), Color: opt.Of(in.color), Description: opt.Of(in.text),
				Default: opt.Of(in.flags["isDefault"]), Milestone: opt.Of(in.flags["isMilestone"]), InRoadmap: opt.Of(in.flags["isInRoadmap"]),
			}
			if in.id != 0 {
				_, err := c.UpdateType(r.Context(), a, id.Type(in.id), p)
				return in.id, err
			}
			made, err := c.CreateType(r.Context(), a, p)
			if err != nil {
				return 0, err
			}
			return int64(made.ID), nil
		},
		drop: func(r *http.Request, a access.Actor, n int64) error { return c.DeleteType(r.Context(), a, id.Type(n)) },
		move: func(r *http.Request, a access.Actor, n int64, to int) error {
			return c.MoveType(r.Context(), a, id.Type(n), to)
		},
	}
}

func (s *Site) statusKind() catalogKind {
	c := s.app.Catalog
	item := func(st catalog.Status) catalogItem {
		out := catalogItem{id: int64(st.ID), name: st.Name, color: st.Color, flags: map[string]bool{
			"isDefault": st.Default, "isClosed": st.Closed, "isReadonly": st.ReadOnly, "excludedFromTotals": st.ExcludedFromTotals,
		}}
		if st.DoneRatio != nil {
			out.ratio = strconv.Itoa(*st.DoneRatio)
		}
		return out
	}
	return catalogKind{
		href: statusesHref, what: undoStatus, deleting: "catalog.delete_undo_text", title: "catalog.statuses", create: "catalog.new_status", remove: "catalog.delete_status", empty: "catalog.statuses_empty",
		chip: ui.Status, hasRatio: true,
		flags: []catalogFlag{
			{"isDefault", "catalog.status_default", "catalog.status_default_hint", "catalog.mark_default"},
			{"isClosed", "catalog.status_closed", "catalog.status_closed_hint", "catalog.mark_closed"},
			{"isReadonly", "catalog.status_readonly", "catalog.status_readonly_hint", "catalog.mark_readonly"},
			{"excludedFromTotals", "catalog.status_excluded", "catalog.status_excluded_hint", "catalog.mark_excluded"},
		},
		list: func(r *http.Request, a access.Actor) ([]catalogItem, error) {
			all, err := c.Statuses(r.Context(), a)
			return catalogItems(all, item), err
		},
		uses: func(r *http.Request, a access.Actor) (map[int64]int, error) {
			return plainCounts(c.StatusUses(r.Context(), a))
		},
		find: func(r *http.Request, a access.Actor, n int64) (catalogItem, error) {
			st, err := c.Status(r.Context(), a, id.Status(n))
			if err != nil {
				return catalogItem{}, err
			}
			return item(*st), nil
		},
		save: func(r *http.Request, a access.Actor, in catalogItem) (int64, error) {
			p := catalog.StatusPatch{
				Name: opt.Of(in.name), Color: opt.Of(in.color), Default: opt.Of(in.flags["isDefault"]), Closed: opt.Of(in.flags["isClosed"]),
				ReadOnly: opt.Of(in.flags["isReadonly"]), ExcludedFromTotals: opt.Of(in.flags["excludedFromTotals"]), DoneRatio: opt.Of(ratioOf(in.ratio)),
			}
			if in.id != 0 {
				_, err := c.UpdateStatus(r.Context(), a, id.Status(in.id), p)
				return in.id, err
			}
			made, err := c.CreateStatus(r.Context(), a, p)
			if err != nil {
				return 0, err
			}
			return int64(made.ID), nil
		},
		drop: func(r *http.Request, a access.Actor, n int64) error {
			return c.DeleteStatus(r.Context(), a, id.Status(n))
		},
		move: func(r *http.Request, a access.Actor, n int64, to int) error {
			return c.MoveStatus(r.Context(), a, id.Status(n), to)
		},
	}
}

func (s *Site) priorityKind() catalogKind {
	c := s.app.Catalog
	item := func(p catalog.Priority) catalogItem {
		return catalogItem{id: int64(p.ID), name: p.Name, color: p.Color, flags: map[string]bool{"isDefault": p.Default, "isActive": p.Active}}
	}
	return catalogKind{
		href: prioritiesHref, what: undoPriority, deleting: "catalog.delete_undo_text", title: "catalog.priorities", create: "catalog.new_priority", remove: "catalog.delete_priority", empty: "catalog.priorities_empty",
		chip: ui.Status,
		flags: []catalogFlag{
			{"isDefault", "catalog.priority_default", "catalog.priority_default_hint", "catalog.mark_default"},
			{"isActive", "catalog.priority_active", "catalog.priority_active_hint", "catalog.mark_active"},
		},
		list: func(r *http.Request, a access.Actor) ([]catalogItem, error) {
			all, err := c.Priorities(r.Context(), a)
			return catalogItems(all, item), err
		},
		uses: func(r *http.Request, a access.Actor) (map[int64]int, error) {
			return plainCounts(c.PriorityUses(r.Context(), a))
		},
		find: func(r *http.Request, a access.Actor, n int64) (catalogItem, error) {
			p, err := c.Priority(r.Context(), a, id.Priority(n))
			if err != nil {
				return catalogItem{}, err
			}
			return item(*p), nil
		},
		save: func(r *http.Request, a access.Actor, in catalogItem) (int64, error) {
			p := catalog.PriorityPatch{Name: opt.Of(in.name), Color: opt.Of(in.color), Default: opt.Of(in.flags["isDefault"]), Active: opt.Of(in.flags["isActive"])}
			if in.id != 0 {
				_, err := c.UpdatePriority(r.Context(), a, id.Priority(in.id), p)
				return in.id, err
			}
			made, err := c.CreatePriority(r.Context(), a, p)
			if err != nil {
				return 0, err
			}
			return int64(made.ID), nil
		},
		drop: func(r *http.Request, a access.Actor, n int64) error {
			return c.DeletePriority(r.Context(), a, id.Priority(n))
		},
		move: func(r *http.Request, a access.Actor, n int64, to int) error {
			return c.MovePriority(r.Context(), a, id.Priority(n), to)
		},
	}
}
