package seed

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
)

// Made is what the demo story consists of, so that it can be told from what people
// add themselves.
type Made struct {
	Projects       []id.Project
	People, Groups []id.User
}

func (d *demo) all() Made {
	var m Made
	for _, pl := range places {
		m.Projects = append(m.Projects, d.projects[pl.identifier])
	}
	for _, p := range people {
		m.People = append(m.People, d.ids[p.login])
	}
	for _, c := range crews {
		m.Groups = append(m.Groups, d.ids[c.name])
	}
	return m
}

// RemoveDemo takes the demo story away on behalf of an administrator: its projects
// with everything in them go to the trash, its groups and people are deleted. The
// administrator stays, even as one of the demo's people, and so do projects that
// people made below one of the demo's: they move to the top. What is gone already
// is passed over, so that a removal that was interrupted can be finished.
//
// Faults: Forbidden for everyone but administrators.
func RemoveDemo(ctx context.Context, s DemoServices, a access.Actor, m Made) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if err := s.rescue(ctx, a, m); err != nil {
		return err
	}
	for _, n := range m.Projects {
		if err := s.Projects.Delete(ctx, a, n); gone(err) != nil {
			return fmt.Errorf("remove project %d of the demo: %w", n, err)
		}
	}
	for _, n := range m.Groups {
		if err := s.Accounts.DeleteGroup(ctx, a, n); gone(err) != nil {
			return fmt.Errorf("remove group %d of the demo: %w", n, err)
		}
	}
	for _, n := range m.People {
		if n == a.ID {
			continue
		}
		if err := s.Accounts.Delete(ctx, a, n); gone(err) != nil {
			return fmt.Errorf("remove user %d of the demo: %w", n, err)
		}
	}
	return nil
}

// gone is err, unless it says that something is not there.
func gone(err error) error {
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// rescue moves the projects that are not the demo's from below it to the top.
func (s DemoServices) rescue(ctx context.Context, a access.Actor, m Made) error {
	if len(m.Projects) == 0 {
		return nil
	}
	ours := make(map[id.Project]bool, len(m.Projects))
	parents := make([]string, len(m.Projects))
	for i, n := range m.Projects {
		ours[n], parents[i] = true, fmt.Sprint(n)
	}
	list, err := s.Projects.List(ctx, a, project.ListInput{
		Filters: []filter.Condition{{Name: "parent", Op: "=", Values: parents}}, Page: filter.Page{Number: 1, Size: 10_000},
	})
	if err != nil {
		return err
	}
	for _, p := range list.Items {
		if ours[p.ID] {
			continue
		}
		if _, err := s.Projects.Update(ctx, a, p.ID, project.Patch{Parent: opt.Null[id.Project]()}); err != nil {
			return fmt.Errorf("move %s out of the demo: %w", p.Identifier, err)
		}
	}
	return nil
}
