package seed

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// DemoServices are what Demo works through.
type DemoServices struct {
	DB           *db.DB
	Accounts     *account.Service
	Catalog      *catalog.Service
	Membership   *membership.Service
	Projects     *project.Service
	WorkPackages *workpackage.Service
	Versions     *version.Service
	Categories   *category.Service
	// Attachments must know the container "WorkPackage".
	Attachments *attachment.Service
	// Password returns a new password at each call; there is no fixed one.
	Password func() string
	// Remember is told what the story consists of; it may be nil.
	Remember func(context.Context, Made) error
}

// Login is a way into the demo.
type Login struct {
	Login, Name, Password string
	// Role says in a few words what the person can do.
	Role string
}

// Demo fills an empty instance, on which Base has run, with the demo story,
// dated around now, and returns the people who can sign in.
//
// Faults: Conflict when there are projects or people already.
func Demo(ctx context.Context, s DemoServices, now time.Time) ([]Login, error) {
	used, err := db.Read(ctx, s.DB, func(tx *db.Tx) (int, error) {
		return db.Scalar[int](ctx, tx, db.SQL(`SELECT (SELECT COUNT(*) FROM projects) + (SELECT COUNT(*) FROM users WHERE kind = 'User')`))
	})
	if err != nil {
		return nil, err
	}
	if used > 0 {
		return nil, fault.Conflict("the demo story goes into an empty instance only")
	}
	d := &demo{
		DemoServices: s, today: db.DayOf(now.UTC()), ids: map[string]id.User{}, actors: map[string]access.Actor{},
		projects: map[string]id.Project{}, made: map[string]*workpackage.WorkPackage{},
	}
	for _, step := range []func(context.Context) error{
		d.lookUp, d.people, d.crews, d.places, d.remarks, d.progress, d.watchers, d.files,
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	if s.Remember != nil {
		if err := s.Remember(ctx, d.all()); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	return d.logins, nil
}

// demo is the state while the story is told.
type demo struct {
	DemoServices
	today      db.Day
	ids        map[string]id.User // people by login, groups by name
	actors     map[string]access.Actor
	projects   map[string]id.Project
	made       map[string]*workpackage.WorkPackage // by subject
	running    []*workpackage.WorkPackage          // tasks in progress
	roles      map[string]id.Role
	types      map[string]id.Type
	statuses   map[string]id.Status
	priorities map[string]id.Priority
	logins     []Login
}

func (d *demo) lookUp(ctx context.Context) error {
	a := access.System("demo")
	d.roles, d.types = map[string]id.Role{}, map[string]id.Type{}
	d.statuses, d.priorities = map[string]id.Status{}, map[string]id.Priority{}
	roles, err := d.Membership.Roles(ctx, a, membership.RoleFilter{})
	if err != nil {
		return err
	}
	for _, r := range roles {
		d.roles[r.Name] = r.ID
	}
	types, err := d.Catalog.Types(ctx, a)
	if err != nil {
		return err
	}
	for _, t := range types {
		d.types[t.Name] = t.ID
	}
	statuses, err := d.Catalog.Statuses(ctx, a)
	if err != nil {
		return err
	}
	for _, st := range statuses {
		d.statuses[st.Name] = st.ID
	}
	priorities, err := d.Catalog.Priorities(ctx, a)
	for _, p := range priorities {
		d.priorities[p.Name] = p.ID
	}
	return err
}

// people makes the accounts, side by side, because hashing a password takes a
// while. The passwords of those who are only there to be seen are not told.
func (d *demo) people(ctx context.Context) error {
	made := make([]account.User, len(people))
	errs := make([]error, len(people))
	var wg sync.WaitGroup
	for i, p := range people {
		in := account.CreateInput{
			Login: p.login, Firstname: p.first, Lastname: p.last, Mail: p.login + "@example.com",
			Admin: p.admin, Status: account.Active, Password: d.Password(),
		}
		if p.signsIn {
			d.logins = append(d.logins, Login{Login: p.login, Name: p.first + " " + p.last, Password: in.Password, Role: p.role()})
		}
		wg.Go(func() { made[i], errs[i] = d.Accounts.Create(ctx, access.System("demo"), in) })
	}
	wg.Wait()
	for i, p := range people {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", p.login, errs[i])
		}
		d.ids[p.login] = made[i].ID
		d.actors[p.login] = access.Actor{Kind: access.Person, ID: made[i].ID, Login: p.login, Name: made[i].Name(), Admin: p.admin}
	}
	return nil
}

func (p person) role() string {
	if p.admin {
		return "administrator"
	}
	return "plans and tracks work"
}

func (d *demo) crews(ctx context.Context) error {
	for _, c := range crews {
		in := account.GroupInput{Name: c.name}
		for _, m := range c.members {
			in.Members = append(in.Members, d.ids[m])
		}
		g, err := d.Accounts.CreateGroup(ctx, d.actors["mara"], in)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		d.ids[c.name] = g.ID
	}
	return d.join(ctx, "tomas", 0, RoleStaff)
}

func (d *demo) join(ctx context.Context, who string, where id.Project, role string) error {
	_, err := d.Membership.Create(ctx, d.actors["mara"], membership.CreateInput{
		Principal: d.ids[who], Project: where, Roles: []id.Role{d.roles[role]},
	})
	if err != nil {
		return fmt.Errorf("%s as %s: %w", who, role, err)
	}
	return nil
}

func (d *demo) places(ctx context.Context) error {
	for _, pl := range places {
		if err := d.place(ctx, pl); err != nil {
			return fmt.Errorf("%s: %w", pl.identifier, err)
		}
	}
	return nil
}

func (d *demo) place(ctx context.Context, pl place) error {
	in := project.Patch{
		Name: opt.Of(pl.name), Identifier: opt.Of(pl.identifier), Description: opt.Of(pl.description), Public: opt.Of(pl.public),
		Status: opt.Ptr(pl.status), StatusExplanation: opt.Of(pl.explanation),
	}
	if pl.parent != "" {
		in.Parent = opt.Ptr(d.projects[pl.parent])
	}
	if pl.everyType {
		in.Types = opt.Of([]id.Type{})
		for _, t := range d.types {
			in.Types.V = append(in.Types.V, t)
		}
	}
	p, err := d.Projects.Create(ctx, d.actors["mara"], in)
	if err != nil {
		return err
	}
	d.projects[pl.identifier] = p.ID
	if err := d.staff(ctx, pl, p.ID); err != nil {
		return err
	}
	by, err := d.planBy(ctx, pl, p.ID)
	if err != nil {
		return err
	}
	rows, err := parsePlan(pl.plan)
	if err != nil {
		return err
	}
	told := telling{pl, p.ID, by}
	cut := slices.IndexFunc(rows[len(rows)/2:], func(r row) bool { return r.depth == 0 }) + len(rows)/2
	if err := d.create(ctx, pl.lead, told, rows[:cut], 0); err != nil {
		return err
	}
	if err := d.create(ctx, pl.second, told, rows[cut:], cut); err != nil {
		return err
	}
	return d.settle(ctx, pl, by)
}

// telling is a place while its plan is being made.
type telling struct {
	place
	project id.Project
	by      planning
}

// staff gives everybody of the place a role. Groups come last: they add to
// what people have by themselves.
func (d *demo) staff(ctx context.Context, pl place, p id.Project) error {
	if err := d.join(ctx, pl.lead, p, RoleProjectAdmin); err != nil {
		return err
	}
	for _, who := range append([]string{pl.second}, pl.members...) {
		if err := d.join(ctx, who, p, RoleMember); err != nil {
			return err
		}
	}
	for _, who := range pl.readers {
		if err := d.join(ctx, who, p, RoleReader); err != nil {
			return err
		}
	}
	return nil
}
