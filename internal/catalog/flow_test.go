package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

func TestWorkflowOfSeveralRoles(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, _ *db.DB) {
		ctx := t.Context()
		if _, err := s.SetWorkflow(ctx, zoe, 1, 2, []catalog.Step{{From: 1, To: 2}, {From: 2, To: 3}, {From: 1, To: 3, Author: true}}); err != nil {
			t.Fatal(err)
		}
		before, err := s.Workflow(ctx, zoe, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		change := catalog.FlowChange{
			Type: 1, Roles: []id.Role{1, 2}, Rule: catalog.ForAll, Seen: catalog.FlowMark(before),
			Cells: []catalog.Cell{{From: 1, To: 2}, {From: 1, To: 3, On: true}, {From: 3, To: 3, On: true}},
		}
		if err := s.ChangeWorkflow(ctx, zoe, change); err != nil {
			t.Fatal(err)
		}
		got, err := s.Workflow(ctx, zoe, 1, 0)
		want := []catalog.Step{
			{Type: 1, Role: 1, From: 1, To: 3},
			{Type: 1, Role: 2, From: 1, To: 3},
			{Type: 1, Role: 2, From: 1, To: 3, Author: true},
			{Type: 1, Role: 2, From: 2, To: 3},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error("what no cell names does not stay, or more is set:", diff, err)
		}
		if err := s.ChangeWorkflow(ctx, zoe, change); !fault.Is(err, fault.KindConflict) {
			t.Errorf("an older state: %v", err)
		}
		change.Seen, change.Rule = "", catalog.ForAssignee
		if err := s.ChangeWorkflow(ctx, zoe, change); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Workflow(ctx, zoe, 1, 1); err != nil || len(got) != 2 || !got[1].Assignee || !got[1].Is(catalog.ForAssignee) || got[1].Is("odd") {
			t.Errorf("for the assignee: %+v, %v", got, err)
		}
		for name, c := range map[string]struct {
			actor access.Actor
			in    catalog.FlowChange
			want  fault.Kind
		}{
			"a member":          {ann, change, fault.KindForbidden},
			"no type":           {zoe, catalog.FlowChange{Type: 9, Roles: change.Roles, Rule: catalog.ForAll}, fault.KindNotFound},
			"no such role":      {zoe, catalog.FlowChange{Type: 1, Roles: []id.Role{9}, Rule: catalog.ForAll}, fault.KindNotFound},
			"no role":           {zoe, catalog.FlowChange{Type: 1, Rule: catalog.ForAll}, fault.KindInvalid},
			"an odd rule":       {zoe, catalog.FlowChange{Type: 1, Roles: change.Roles, Rule: "odd"}, fault.KindInvalid},
			"an unknown status": {zoe, catalog.FlowChange{Type: 1, Roles: change.Roles, Rule: catalog.ForAll, Cells: []catalog.Cell{{From: 1, To: 9, On: true}}}, fault.KindInvalid},
		} {
			if err := s.ChangeWorkflow(ctx, c.actor, c.in); !fault.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
		}
		if err := s.CopyWorkflow(ctx, zoe, 1, 1, nil, []id.Role{2}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("a copy to nothing: %v", err)
		}
	})
}

func TestUsesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, s *catalog.Service, d *db.DB) {
		ctx := t.Context()
		run(t, d, `INSERT INTO work_packages (project_id, type_id, status_id, priority_id, subject, subject_folded, author_id, created_at, updated_at, deleted_at)
			VALUES (1, 1, 2, 2, 'a', 'a', 11, 0, 0, NULL), (1, 1, 3, 2, 'b', 'b', 11, 0, 0, 5)`)
		types, err := s.TypeUses(ctx, zoe)
		if diff := cmp.Diff(map[id.Type]int{1: 2}, types); err != nil || diff != "" {
			t.Error(diff, err)
		}
		statuses, err := s.StatusUses(ctx, zoe)
		if diff := cmp.Diff(map[id.Status]int{2: 1, 3: 1}, statuses); err != nil || diff != "" {
			t.Error(diff, err)
		}
		priorities, err := s.PriorityUses(ctx, zoe)
		if diff := cmp.Diff(map[id.Priority]int{2: 2}, priorities); err != nil || diff != "" {
			t.Error(diff, err)
		}
		if _, err := s.TypeUses(ctx, ann); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a member counts: %v", err)
		}
	})
}

func TestOddWorkflowsAreFound(t *testing.T) {
	all := []catalog.Status{{ID: 1, Name: "New", Default: true}, {ID: 2, Name: "Doing"}, {ID: 3, Name: "Done", Closed: true}, {ID: 4, Name: "Aside"}, {ID: 5, Name: "Other"}}
	names := func(list []catalog.Status) (out []string) {
		for _, s := range list {
			out = append(out, s.Name)
		}
		return out
	}
	for name, c := range map[string]struct {
		steps             []catalog.Step
		unreachable, dead []string
	}{
		"a workflow that leads to the end":          {[]catalog.Step{{From: 1, To: 2}, {From: 2, To: 3}}, nil, nil},
		"nothing leads from new work packages":      {nil, nil, []string{"New"}},
		"a status that nothing leads to":            {[]catalog.Step{{From: 1, To: 3}, {From: 4, To: 3}}, []string{"Aside"}, nil},
		"a status from which nothing leads":         {[]catalog.Step{{From: 1, To: 2}, {From: 2, To: 2}}, nil, []string{"Doing"}},
		"a circle of its own":                       {[]catalog.Step{{From: 1, To: 3}, {From: 4, To: 5}, {From: 5, To: 4}}, []string{"Aside", "Other"}, nil},
		"a step for the author leads there as well": {[]catalog.Step{{From: 1, To: 4, Author: true}, {From: 4, To: 3, Assignee: true}}, nil, nil},
	} {
		got := catalog.CheckFlow(all, c.steps)
		if diff := cmp.Diff(c.unreachable, names(got.Unreachable)); diff != "" {
			t.Error(name, diff)
		}
		if diff := cmp.Diff(c.dead, names(got.DeadEnds)); diff != "" {
			t.Error(name, diff)
		}
	}
}
