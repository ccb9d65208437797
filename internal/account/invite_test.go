package account_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
)

// TestInvitationsAreHandedOverWhereNoMailIsSent invites by links, which only administrators get,
// and which work once and only until there is a newer one.
func TestInvitationsAreHandedOverWhereNoMailIsSent(t *testing.T) {
	eachWith(t, options{noMail: true}, func(t *testing.T, w *world) {
		boss, maker, member := w.admin("boss"), w.user("maker"), w.user("member")
		w.grant(maker, access.CreateUser)
		all, err := w.InviteAll(t.Context(), actor(boss), "ivy@example.org, nobody; boss@example.org")
		must(t, err)
		if len(all) != 3 || all[0].Link == "" || all[1].Refusal == nil || all[2].Refusal == nil || all[1].Link+all[2].Link != "" {
			t.Fatalf("became of the addresses: %+v", all)
		}
		ivy, err := w.Invitation(t.Context(), token(t, all[0].Link))
		must(t, err)
		newer, err := w.InvitationLink(t.Context(), actor(boss), ivy.ID)
		must(t, err)
		_, err = w.Invitation(t.Context(), token(t, all[0].Link))
		wantKind(t, err, fault.KindForbidden)
		if n := w.audited("user.invitation_link", "ok"); n != 2 {
			t.Errorf("%d links are in the audit log", n)
		}

		for _, a := range []access.Actor{actor(maker), actor(member)} {
			_, err = w.InvitationLink(t.Context(), a, ivy.ID)
			if k := fault.KindOf(err); k != fault.KindForbidden && k != fault.KindNotFound {
				t.Errorf("%s gets a link: %v", a.Login, err)
			}
			_, err = w.Create(t.Context(), a, account.CreateInput{Mail: "mole@example.org", ByHand: true})
			wantKind(t, err, fault.KindForbidden)
		}
		all, err = w.InviteAll(t.Context(), actor(maker), "mole@example.org")
		must(t, err)
		wantFields(t, all[0].Refusal, "status mail_not_configured")
		_, err = w.InvitationLink(t.Context(), actor(boss), 999)
		wantKind(t, err, fault.KindNotFound)

		_, err = w.AcceptInvitation(t.Context(), token(t, newer), account.AcceptInput{Login: "ivy", Password: goodPassword}, home)
		must(t, err)
		w.in("ivy")
		_, err = w.InvitationLink(t.Context(), actor(boss), ivy.ID)
		wantKind(t, err, fault.KindConflict)
		_, err = w.Invitation(t.Context(), token(t, newer))
		wantKind(t, err, fault.KindForbidden)
	})
}
