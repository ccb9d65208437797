package membership

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Preview is Create without saving; it returns the membership as it would be
// and what is wrong with it.
//
// Faults: NotFound and Forbidden as Create.
func (s *Service) Preview(ctx context.Context, a access.Actor, in CreateInput) (*Member, []fault.Field, error) {
	var bad []fault.Field
	m, err := db.Read(ctx, s.db, func(tx *db.Tx) (*Member, error) {
		if err := mayManage(ctx, tx, a, in.Project); err != nil {
			return nil, err
		}
		var err error
		if bad, err = in.check(ctx, tx, a); err != nil {
			return nil, err
		}
		return in.draft(ctx, tx, a)
	})
	return m, bad, err
}

func (in CreateInput) draft(ctx context.Context, tx *db.Tx, a access.Actor) (*Member, error) {
	m := Member{Principal: in.Principal}
	if in.Project != 0 {
		m.Project = &in.Project
	}
	seen, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
	if err != nil {
		return nil, err
	}
	row, _, err := db.One[Member](ctx, tx, db.SQL(`SELECT u.kind AS principal_kind, TRIM(u.firstname || ' ' || u.lastname) AS principal_name,
		COALESCE(p.name, '') AS project_name, COALESCE(p.identifier, '') AS project_identifier
		FROM users u LEFT JOIN projects p ON p.id = ? WHERE u.id = ? AND`, in.Project, in.Principal).Append(seen.Paren()))
	if err != nil {
		return nil, err
	}
	m.PrincipalName, m.PrincipalKind, m.ProjectName, m.ProjectIdentifier = row.PrincipalName, row.PrincipalKind, row.ProjectName, row.ProjectIdentifier
	known, err := roles(ctx, tx, db.In("r.id", in.Roles))
	for _, r := range known {
		m.Roles = append(m.Roles, MemberRole{Role: r.ID, Name: r.Name, Own: true})
	}
	return &m, err
}

// PreviewUpdate is Update without saving.
//
// Faults: NotFound and Forbidden as Update.
func (s *Service) PreviewUpdate(ctx context.Context, a access.Actor, n id.Member, wanted []id.Role) (*Member, []fault.Field, error) {
	var bad []fault.Field
	m, err := db.Read(ctx, s.db, func(tx *db.Tx) (*Member, error) {
		m, err := managed(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		own := ownOnly(*m, wanted)
		code, err := m.checkUpdate(ctx, tx, own)
		if err != nil {
			return nil, err
		}
		if code != "" {
			bad = append(bad, fault.Field{Name: "roles", Code: code})
		}
		known, err := roles(ctx, tx, db.In("r.id", wanted))
		m.Roles = nil
		for _, r := range known {
			m.Roles = append(m.Roles, MemberRole{Role: r.ID, Name: r.Name, Own: slices.Contains(own, r.ID), Inherited: !slices.Contains(own, r.ID)})
		}
		return m, err
	})
	return m, bad, err
}
