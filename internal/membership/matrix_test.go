package membership_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
)

func TestPermissionsOfSeveralRoles(t *testing.T) {
	each(t, func(t *testing.T, s *membership.Service, d *db.DB, n *noted) {
		ctx := t.Context()
		among := []access.Permission{access.ViewWorkPackages, access.EditWorkPackages, access.CreateBackup}
		grants := []membership.Grant{
			{Role: 1, Permissions: []access.Permission{access.EditWorkPackages}, Among: among},
			{Role: 2, Among: among},
			{Role: 3, Among: among},
		}
		got, err := s.PreviewPermissions(ctx, zoe, grants)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Roles) != 2 || got.People != 2 || !got.Surprising() {
			t.Fatalf("the preview is %+v", got)
		}
		manager, reader := got.Roles[0], got.Roles[1]
		if diff := cmp.Diff([]access.Permission{access.EditWorkPackages, access.ViewWorkPackages}, manager.Gained); diff != "" {
			t.Error("the manager gains", diff)
		}
		if diff := cmp.Diff([]access.Permission{access.ViewWorkPackages}, manager.Needed); diff != "" {
			t.Error("needed", diff)
		}
		if len(manager.Lost) > 0 || manager.People != 1 || !manager.Role.Has(access.ManageMembers) {
			t.Errorf("what was not shown does not stay: %+v", manager)
		}
		if diff := cmp.Diff([]access.Permission{access.ViewWorkPackages}, reader.Lost); diff != "" {
			t.Error("the reader loses", diff)
		}
		if r, err := s.Role(ctx, zoe, 2); err != nil || len(r.Permissions) != 1 {
			t.Errorf("the preview changed something: %v, %v", r, err)
		}
		if _, err := s.SetPermissions(ctx, zoe, grants); err != nil {
			t.Fatal(err)
		}
		r, err := s.Role(ctx, zoe, 1)
		if err != nil || !slices.Equal(r.Permissions, []access.Permission{access.EditWorkPackages, access.ManageMembers, access.ViewMembers, access.ViewWorkPackages}) {
			t.Errorf("the manager has %v, %v", r.Permissions, err)
		}
		if again, err := s.SetPermissions(ctx, zoe, grants[1:]); err != nil || len(again.Roles) != 0 {
			t.Errorf("the same again changes %+v, %v", again, err)
		}
		if _, err := s.SetPermissions(ctx, zoe, []membership.Grant{{Role: 4, Among: among}}); err != nil {
			t.Fatal(err)
		}
		holders, err := s.Holders(ctx, zoe)
		if diff := cmp.Diff(map[id.Role]int{1: 1, 2: 1, 3: 4, 5: 4}, holders); err != nil || diff != "" {
			t.Error("holders", diff, err)
		}
	})
}

func TestRolesThatPeopleHave(t *testing.T) {
	each(t, func(t *testing.T, s *membership.Service, _ *db.DB, _ *noted) {
		held, err := s.HeldBy(t.Context(), zoe, []id.User{ann.ID, 999})
		if err != nil || len(held[ann.ID]) == 0 || len(held[999]) != 0 {
			t.Fatalf("got %v, %v", held, err)
		}
		if h := held[ann.ID][0]; h.Role == "" || h.Projects < 1 {
			t.Errorf("got %+v", h)
		}
		if _, err := s.HeldBy(t.Context(), ann, nil); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a member: got %v", err)
		}
	})
}

func TestPermissionsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *membership.Service, d *db.DB, _ *noted) {
		all := []access.Permission{access.EditWorkPackages, access.CreateBackup, access.ManageMembers}
		one := func(role id.Role, p access.Permission) []membership.Grant {
			return []membership.Grant{{Role: role, Permissions: []access.Permission{p}, Among: all}}
		}
		seen := one(1, access.EditWorkPackages)
		seen[0].Seen = 1
		for _, c := range []struct {
			name   string
			actor  access.Actor
			grants []membership.Grant
			want   fault.Kind
		}{
			{"a member", ann, one(1, access.EditWorkPackages), fault.KindForbidden},
			{"a visitor", visitor, one(1, access.EditWorkPackages), fault.KindUnauthenticated},
			{"no such role", zoe, one(77, access.EditWorkPackages), fault.KindNotFound},
			{"changed since", zoe, seen, fault.KindConflict},
			{"a global permission in a project", zoe, one(1, access.CreateBackup), fault.KindInvalid},
			{"strangers manage no members", zoe, one(3, access.ManageMembers), fault.KindInvalid},
			{"an unknown permission", zoe, one(1, "fly"), fault.KindInvalid},
		} {
			if _, err := s.SetPermissions(t.Context(), c.actor, c.grants); !fault.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
		}
		if _, err := s.Holders(t.Context(), ann); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a member counts people: %v", err)
		}
	})
}
