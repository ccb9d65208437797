package web

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type invitePage struct {
	ui.Page
	Addresses ui.Textarea
	Results   []inviteRow
	MayMail   bool
	Again     bool // some were refused
	Problems  ui.ErrorSummary
}

type inviteRow struct {
	Address, Text, Link string
	State               ui.Chip
}

func (s *Site) inviteForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.invitations(w, r, a, "", nil, nil)
}

// invitations shows the form; results say what became of each address.
func (s *Site) invitations(w http.ResponseWriter, r *http.Request, a access.Actor, text string, results []account.InviteResult, refusal error) error {
	say := speak(r)
	p := invitePage{Page: s.adminPage(r, a, say.T("invite.title"), ui.Crumb{Label: say.T("common.users"), Href: "/admin/users"}), MayMail: s.app.Accounts.CanMail()}
	p.Addresses = ui.Area("addresses", say.T("invite.addresses"), text).Hinted(say.T("invite.hint")).Wrong(say.messages(refusal)["addresses"])
	p.Addresses.Required = true
	p.Problems = ui.Problems(p.Addresses.Problem())
	status := statusOf(refusal)
	for _, res := range results {
		row := inviteRow{Address: res.Address, Link: res.Link, State: ui.Label(say.T("invite.invited"), ui.Green)}
		if res.Refusal != nil {
			row.State, row.Text = ui.Label(say.T("admin.refused"), ui.Red), say.summary(res.Refusal)
			status, p.Again = http.StatusUnprocessableEntity, true
		}
		p.Results = append(p.Results, row)
	}
	w.Header().Set("Cache-Control", "no-store") // there may be links
	return s.ui.Render(w, status, "admin_invite", p)
}

func (s *Site) inviteMany(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	text := r.PostForm.Get("addresses")
	results, err := s.app.Accounts.InviteAll(r.Context(), a, text)
	if refused(err) {
		return s.invitations(w, r, a, text, nil, err)
	}
	if err != nil {
		return err
	}
	var left []string
	for _, res := range results {
		if res.Refusal != nil {
			left = append(left, res.Address)
		}
	}
	if len(left) == 0 && s.app.Accounts.CanMail() {
		return redirect(w, r, "/admin/users?status=invited&done=invited_all")
	}
	return s.invitations(w, r, a, strings.Join(left, "\n"), results, nil)
}
