package app

import (
	"context"
	"crypto/rand"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/seed"
	"github.com/holdfast/holdfast/internal/setting"
)

func (a *App) demoServices() seed.DemoServices {
	return seed.DemoServices{
		DB: a.DB, Accounts: a.Accounts, Catalog: a.Catalog, Membership: a.Memberships, Projects: a.Projects,
		WorkPackages: a.WorkPackages, Versions: a.Versions, Categories: a.Categories, Attachments: a.Attachments, Password: rand.Text, Remember: a.rememberDemo,
	}
}

// SeedDemo fills an empty instance with the demo story and returns the people
// who can sign in, with new passwords; none when the instance is in use.
func (a *App) SeedDemo(ctx context.Context) ([]seed.Login, error) {
	logins, err := seed.Demo(ctx, a.demoServices(), a.DB.Now())
	if fault.Is(err, fault.KindConflict) {
		return nil, nil
	}
	return logins, err
}

// rememberDemo notes what the story consists of, so that it can be removed.
func (a *App) rememberDemo(ctx context.Context, m seed.Made) error {
	_, err := a.Settings.Change(ctx, access.System("demo"), func(v *setting.Values) {
		v.DemoSeeded, v.DemoProjects, v.DemoPeople, v.DemoGroups = true, m.Projects, m.People, m.Groups
	})
	return err
}

func (a *App) demo() seed.Made {
	v := a.Settings.Get()
	return seed.Made{Projects: v.DemoProjects, People: v.DemoPeople, Groups: v.DemoGroups}
}

// DemoExtent is what RemoveDemo takes away, beside the projects the people whose
// accounts go and the groups.
//
// Faults: Forbidden for everyone but administrators, NotFound where there is no demo.
func (a *App) DemoExtent(ctx context.Context, who access.Actor) (e project.Extent, people, groups int, err error) {
	if err := access.RequireAdmin(who); err != nil {
		return e, 0, 0, err
	}
	if !a.Settings.Get().DemoSeeded {
		return e, 0, 0, fault.NotFound("demo")
	}
	m := a.demo()
	for _, n := range m.People {
		if n != who.ID {
			people++
		}
	}
	e, err = a.Projects.ExtentOf(ctx, who, m.Projects)
	return e, people, len(m.Groups), err
}

// RemoveDemo removes the demo story, see seed.RemoveDemo.
//
// Faults: as DemoExtent.
func (a *App) RemoveDemo(ctx context.Context, who access.Actor) error {
	if err := access.RequireAdmin(who); err != nil {
		return err
	}
	if !a.Settings.Get().DemoSeeded {
		return fault.NotFound("demo")
	}
	if err := seed.RemoveDemo(ctx, a.demoServices(), who, a.demo()); err != nil {
		return err
	}
	_, err := a.Settings.Change(ctx, who, func(v *setting.Values) {
		v.DemoSeeded, v.DemoProjects, v.DemoPeople, v.DemoGroups = false, nil, nil, nil
	})
	return err
}
