package seed

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// release is a version of the story; days count working days from today.
type release struct {
	name, description, status, sharing string
	from, to                           int
}

// section is a category of the story, with who gets what is new in it.
type section struct{ name, who string }

// sorting says which version and category the rows of a plan have: those of the row
// at the top above them, unless the subject is named itself.
type sorting map[string]struct{ version, category string }

// planning is what a place plans by, with the ids once they are made.
type planning struct {
	versions   map[string]id.Version
	categories map[string]id.Category
}

// planBy makes the versions and the categories of a place.
func (d *demo) planBy(ctx context.Context, pl place, p id.Project) (planning, error) {
	made := planning{map[string]id.Version{}, map[string]id.Category{}}
	mara := d.actors["mara"] // who may share with the whole hierarchy
	for _, r := range pl.releases {
		v, err := d.Versions.Create(ctx, mara, version.Patch{
			Project: opt.Of(p), Name: opt.Of(r.name), Description: opt.Of(r.description), Sharing: opt.Of(r.sharing),
			StartDate: opt.Ptr(workday(d.today, r.from)), DueDate: opt.Ptr(workday(d.today, r.to)),
		})
		if err != nil {
			return made, fmt.Errorf("version %s: %w", r.name, err)
		}
		made.versions[r.name] = v.ID
	}
	for _, s := range pl.sections {
		c, err := d.Categories.Create(ctx, mara, p, category.Patch{Name: opt.Of(s.name), Assignee: opt.Ptr(d.ids[s.who])})
		if err != nil {
			return made, fmt.Errorf("category %s: %w", s.name, err)
		}
		made.categories[s.name] = c.ID
	}
	return made, nil
}

// settle gives the versions the status that the story tells, when all is planned.
func (d *demo) settle(ctx context.Context, pl place, made planning) error {
	for _, r := range pl.releases {
		if r.status == version.Open {
			continue
		}
		if _, err := d.Versions.Update(ctx, d.actors["mara"], made.versions[r.name], version.Patch{Status: opt.Of(r.status)}); err != nil {
			return fmt.Errorf("version %s: %w", r.name, err)
		}
	}
	return nil
}

// assign gives a row its version and category.
func (made planning) assign(s sorting, top, subject string, p *workpackage.Patch) {
	by, ok := s[subject]
	if !ok {
		by = s[top]
	}
	if v, ok := made.versions[by.version]; ok {
		p.Version = opt.Ptr(v)
	}
	if c, ok := made.categories[by.category]; ok {
		p.Category = opt.Ptr(c)
	}
}
