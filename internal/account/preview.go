package account

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Preview is what a change would give, and every field it would be refused for.
type Preview struct {
	User     User
	Fields   []fault.Field
	Standing Standing
}

// PreviewCreate is Create without saving, for forms.
//
// Faults: Unauthenticated; Forbidden.
func (s *Service) PreviewCreate(ctx context.Context, a access.Actor, in CreateInput) (Preview, error) {
	u, fields := s.draft(in)
	if in.Password != "" {
		fields = append(fields, s.checkNew("password", in.Password, u)...)
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (Preview, error) {
		st, err := standing(ctx, tx, a, User{})
		if err == nil {
			err = mayCreate(a, st, u)
		}
		if err != nil {
			return Preview{}, err
		}
		return preview(u, st, valid(ctx, tx, &u, fields...))
	})
}

// PreviewUpdate is Update without saving, for forms. It does not check the
// password that confirms a change of one's own address.
//
// Faults: NotFound; Forbidden; Conflict with CodeLastAdmin.
func (s *Service) PreviewUpdate(ctx context.Context, a access.Actor, user id.User, p Patch) (Preview, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Preview, error) {
		before, err := visible(ctx, tx, a, user, KindUser)
		if err != nil {
			return Preview{}, err
		}
		st, err := standing(ctx, tx, a, before)
		if err != nil {
			return Preview{}, err
		}
		after, err := s.apply(ctx, tx, before, st, p)
		return preview(after, st, err)
	})
}

// preview turns refused fields into a result; other refusals stay errors.
func preview(u User, st Standing, err error) (Preview, error) {
	if err != nil && !fault.Is(err, fault.KindInvalid) {
		return Preview{}, err
	}
	return Preview{User: u, Fields: fault.Fields(err), Standing: st}, nil
}
