package account

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
)

// maxInvitations bounds how many addresses are invited at once.
const maxInvitations = 200

// InviteResult says what became of one address of InviteAll: a user, or the refusal.
type InviteResult struct {
	Address string
	Link    string // to hand over, where no mail is sent
	Refusal error
}

// InviteAll invites everybody whose address stands in text, separated by lines,
// commas or semicolons, each once and each by itself: a refused address holds up
// no other.
//
// Faults: Forbidden without the right to create users; Invalid with the field
// addresses when there is none or there are too many; what is wrong with one
// address stands in its result. Where the instance sends no mail, the results of an
// administrator have links to hand over.
func (s *Service) InviteAll(ctx context.Context, a access.Actor, text string) ([]InviteResult, error) {
	if err := s.mayCreate(ctx, a, User{}); err != nil {
		return nil, err
	}
	all := addresses(text)
	switch {
	case len(all) == 0:
		return nil, fault.InvalidField("addresses", "blank")
	case len(all) > maxInvitations:
		return nil, fault.InvalidField("addresses", "too_many_addresses")
	}
	out := make([]InviteResult, 0, len(all))
	for _, address := range all {
		res, err := s.inviteOne(ctx, a, address)
		if err != nil {
			return out, err
		}
		out = append(out, res)
	}
	return out, nil
}

func (s *Service) inviteOne(ctx context.Context, a access.Actor, address string) (InviteResult, error) {
	res := InviteResult{Address: address}
	byHand := s.deps.Mail == nil && a.Admin
	u, err := s.Create(ctx, a, CreateInput{Mail: address, Status: Invited, ByHand: byHand})
	if fault.Is(err, fault.KindInvalid) {
		res.Refusal = err
		return res, nil
	}
	if err == nil && byHand {
		res.Link, err = s.InvitationLink(ctx, a, u.ID)
	}
	return res, err
}

// addresses are the addresses in a text, each once.
func addresses(text string) []string {
	var out []string
	seen := map[string]bool{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' }) {
		part = strings.TrimSpace(part)
		if key := strings.ToLower(part); part != "" && !seen[key] {
			seen[key] = true
			out = append(out, part)
		}
	}
	return out
}
