package project_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/project"
)

func TestFavorites(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		s := project.New(project.Deps{DB: d})
		ctx := t.Context()
		if err := s.Favor(ctx, cat, 1); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("an outsider marks a hidden project: %v", err)
		}
		if err := s.Favor(ctx, visitor, 4); !fault.Is(err, fault.KindUnauthenticated) {
			if !fault.Is(err, fault.KindNotFound) { // where the public project is hidden from visitors
				t.Errorf("a visitor marks a project: %v", err)
			}
		}
		for range 2 { // twice is once
			if err := s.Favor(ctx, ann, 2); err != nil {
				t.Fatal(err)
			}
		}
		is := filter.Condition{Name: "favorited", Op: "=", Values: []string{"t"}}
		list, err := s.List(ctx, ann, project.ListInput{Filters: []filter.Condition{is}, Page: filter.Page{Number: 1, Size: 10}})
		if err != nil || list.Total != 1 || list.Items[0].ID != 2 || !list.Items[0].Favorited {
			t.Fatalf("ann's favourites: %+v, %v", list, err)
		}
		for _, c := range []struct {
			who  access.Actor
			want int
		}{{ann, 1}, {zoe, 0}, {visitor, 0}} {
			if at, err := s.Favorites(ctx, c.who, 5); err != nil || len(at) != c.want || c.want == 1 && at[0].ID != 2 {
				t.Errorf("%s's favourites at the side: %+v, %v", c.who.Login, at, err)
			}
		}
		others, err := s.List(ctx, zoe, project.ListInput{Filters: []filter.Condition{is}, Page: filter.Page{Number: 1, Size: 10}})
		if err != nil || others.Total != 0 {
			t.Errorf("zoe's favourites: %+v, %v", others, err)
		}
		tree, err := s.Tree(ctx, ann)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range tree {
			if n.Favorited != (n.ID == 2) {
				t.Errorf("project %d in the tree: favourite %v", n.ID, n.Favorited)
			}
		}
		if err := s.Disfavor(ctx, ann, 2); err != nil {
			t.Fatal(err)
		}
		p, err := s.Find(ctx, ann, 2)
		if err != nil || p.Favorited {
			t.Errorf("after it was taken away: %+v, %v", p, err)
		}
		is.Values = []string{"maybe"}
		if _, err := s.List(ctx, ann, project.ListInput{Filters: []filter.Condition{is}}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("a wrong value: %v", err)
		}
	})
}
