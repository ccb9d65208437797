package retrieve

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/version"
)

// planned is what a project had to plan with, as far as it is gone now, by number.
type planned struct {
	versions   []version.Saved
	categories []category.Saved
}

func versionOf(r archive.Row) version.Version {
	return version.Version{
		ID: number[id.Version](r, "id"), ProjectID: number[id.Project](r, "project_id"), Name: text(r, "name"), Description: text(r, "description"),
		StartDate: textOr[db.Day](r, "start_date"), DueDate: textOr[db.Day](r, "effective_date"), Status: text(r, "status"), Sharing: text(r, "sharing"),
		CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

func categoryOf(r archive.Row) category.Category {
	return category.Category{
		ID: number[id.Category](r, "id"), ProjectID: number[id.Project](r, "project_id"), Name: text(r, "name"),
		AssigneeID: numberOr[id.User](r, "assigned_to_id"), CreatedAt: instant(r, "created_at"), UpdatedAt: instant(r, "updated_at"),
	}
}

// planning reads the versions and categories of the project that are gone now, with
// their histories.
func (r *run) planning(ctx context.Context) (planned, error) {
	var out planned
	var now [2]map[int64]bool
	for i, table := range []string{"versions", "categories"} {
		ids, err := db.Read(ctx, r.DB, func(tx *db.Tx) ([]int64, error) {
			return db.All[int64](ctx, tx, db.SQL(`SELECT id FROM `+table+` WHERE project_id = ?`, r.want.ID))
		})
		if err != nil {
			return out, err
		}
		now[i] = map[int64]bool{}
		for _, n := range ids {
			now[i][n] = true
		}
		err = r.stored.Rows(ctx, table, archive.All, func(row archive.Row) error {
			switch {
			case number[int64](row, "project_id") != r.want.ID || now[i][number[int64](row, "id")]:
			case i == 0:
				out.versions = append(out.versions, version.Saved{Version: versionOf(row)})
			default:
				out.categories = append(out.categories, category.Saved{Category: categoryOf(row)})
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, r.pasts(ctx, &out)
}

// pasts fills in the histories.
func (r *run) pasts(ctx context.Context, p *planned) error {
	if len(p.versions)+len(p.categories) == 0 {
		return nil
	}
	type key struct {
		kind string
		id   int64
	}
	into := map[key]*[]journal.Entry{}
	for i := range p.versions {
		into[key{journal.Version, int64(p.versions[i].ID)}] = &p.versions[i].History
	}
	for i := range p.categories {
		into[key{journal.Category, int64(p.categories[i].ID)}] = &p.categories[i].History
	}
	return r.stored.Rows(ctx, "journals", archive.All, func(row archive.Row) error {
		if h := into[key{text(row, "entity_type"), number[int64](row, "entity_id")}]; h != nil {
			*h = append(*h, entryOf(row))
		}
		return nil
	})
}

// plan brings back what the project planned with, before the work packages that refer
// to it. What fails is told and does not stop the rest.
func (r *run) plan(ctx context.Context, out *Result) error {
	p, err := r.planning(ctx)
	if err != nil {
		return err
	}
	told := func(what string, n int64, count *int, done bool, note string, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			out.Failed = append(out.Failed, fmt.Sprintf("%s %d: %v", what, n, err))
			return nil
		case done:
			*count++
		}
		if note != "" {
			out.Notes = append(out.Notes, note)
		}
		return nil
	}
	for _, v := range p.versions {
		done, note, err := r.Versions.Reinstate(ctx, r.a, v, r.cause())
		if err := told("version", int64(v.ID), &out.Versions, done, note, err); err != nil {
			return err
		}
	}
	for _, c := range p.categories {
		done, note, err := r.Categories.Reinstate(ctx, r.a, c, r.cause())
		if err := told("category", int64(c.ID), &out.Categories, done, note, err); err != nil {
			return err
		}
	}
	return nil
}
