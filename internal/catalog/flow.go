package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Rule says to whom of those with the role a step is open.
type Rule string

// Rules.
const (
	ForAll      Rule = "all"
	ForAuthor   Rule = "author"
	ForAssignee Rule = "assignee"
)

// Is says whether the step is under the rule.
func (st Step) Is(r Rule) bool {
	switch r {
	case ForAll:
		return !st.Author && !st.Assignee
	case ForAuthor:
		return st.Author && !st.Assignee
	case ForAssignee:
		return st.Assignee && !st.Author
	}
	return false
}

// Cell is one field of the matrix of a workflow.
type Cell struct {
	From, To id.Status
	On       bool
}

// FlowChange sets cells of the workflow of a type, under one rule, for several
// roles. Steps that no cell names stay as they are.
type FlowChange struct {
	Type  id.Type
	Roles []id.Role
	Rule  Rule
	Cells []Cell
	// Seen is FlowMark of the steps that the actor saw; empty does not ask.
	Seen string
}

// FlowMark tells one state of a workflow from another, for FlowChange.Seen.
func FlowMark(all []Step) string {
	h := sha256.New()
	for _, st := range all {
		fmt.Fprintln(h, st.Type, st.Role, st.From, st.To, st.Author, st.Assignee)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ChangeWorkflow changes a workflow for several roles, all or none.
//
// Faults: Forbidden for everyone but administrators, NotFound for a type or
// role that is not there, Conflict when the workflow of the type was changed
// since it was seen, Invalid without a role and for unknown statuses.
func (s *Service) ChangeWorkflow(ctx context.Context, a access.Actor, in FlowChange) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int, error) {
		for _, r := range in.Roles {
			if err := checkPair(ctx, tx, in.Type, r); err != nil {
				return 0, err
			}
		}
		before, err := steps(ctx, tx, in.Type, 0)
		if err != nil {
			return 0, err
		}
		if in.Seen != "" && in.Seen != FlowMark(before) {
			return 0, fault.Conflict("the workflow has been changed meanwhile")
		}
		if err := in.check(ctx, tx); err != nil {
			return 0, err
		}
		for _, r := range in.Roles {
			if err := replaceSteps(ctx, tx, in.Type, r, in.apply(before, r)); err != nil {
				return 0, err
			}
		}
		return 0, recordWorkflow(ctx, tx, a, in.Type, journal.Change{})
	})
	return err
}

func (in FlowChange) check(ctx context.Context, tx *db.Tx) error {
	if len(in.Roles) == 0 {
		return fault.InvalidField("roles", "blank")
	}
	if !slices.Contains([]Rule{ForAll, ForAuthor, ForAssignee}, in.Rule) {
		return fault.InvalidField("rule", "inclusion")
	}
	matrix := make([]Step, len(in.Cells))
	for i, c := range in.Cells {
		matrix[i] = Step{From: c.From, To: c.To}
	}
	return checkSteps(ctx, tx, matrix)
}

// apply returns the steps of the role after the change.
func (in FlowChange) apply(before []Step, r id.Role) []Step {
	type key struct{ from, to id.Status }
	named := make(map[key]bool, len(in.Cells))
	var out []Step
	for _, c := range in.Cells {
		named[key{c.From, c.To}] = true
		if c.On && c.From != c.To {
			out = append(out, Step{From: c.From, To: c.To, Author: in.Rule == ForAuthor, Assignee: in.Rule == ForAssignee})
		}
	}
	for _, st := range before {
		if st.Role == r && !(st.Is(in.Rule) && named[key{st.From, st.To}]) {
			out = append(out, st)
		}
	}
	return out
}

// FlowReport is what is odd about the workflow of a type.
type FlowReport struct {
	// Unreachable statuses have steps, but none leads there from the status of
	// new work packages.
	Unreachable []Status
	// DeadEnds are reached, are not closed, and have no step that leads on.
	DeadEnds []Status
}

// CheckFlow looks at the steps of all roles together: a work package passes
// through many hands.
func CheckFlow(all []Status, flow []Step) FlowReport {
	next := map[id.Status][]id.Status{}
	named := map[id.Status]bool{}
	for _, st := range flow {
		if st.From != st.To {
			next[st.From] = append(next[st.From], st.To)
		}
		named[st.From], named[st.To] = true, true
	}
	reached := map[id.Status]bool{}
	var queue []id.Status
	for _, st := range all {
		if st.Default {
			queue = append(queue, st.ID)
		}
	}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if !reached[n] {
			reached[n] = true
			queue = append(queue, next[n]...)
		}
	}
	var out FlowReport
	for _, st := range all {
		switch {
		case named[st.ID] && !reached[st.ID]:
			out.Unreachable = append(out.Unreachable, st)
		case reached[st.ID] && !st.Closed && len(next[st.ID]) == 0:
			out.DeadEnds = append(out.DeadEnds, st)
		}
	}
	return out
}
