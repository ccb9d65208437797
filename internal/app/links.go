package app

import (
	"context"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/outbox"
	"github.com/holdfast/holdfast/internal/setting"
)

// links lets accounts tell memberships of changes: the two know each other
// through this package only, and memberships are built second.
type links struct{ *membership.Service }

// rights lets memberships tell accounts whose rights changed.
type rights struct{ accounts *account.Service }

func (r rights) RightsChanged(ctx context.Context, tx *db.Tx, people []id.User) error {
	return r.accounts.RightsChanged(ctx, tx, people...)
}

// mailer returns nil where no mail can be sent, so that nothing is promised.
func mailer(o *outbox.Outbox) account.Mailer {
	if !o.Configured() {
		return nil
	}
	return notices{o}
}

// notices turns what accounts have to say into mails.
type notices struct{ outbox *outbox.Outbox }

func (n notices) Queue(ctx context.Context, tx *db.Tx, m account.Notice) error {
	_, err := n.queue(ctx, tx, m)
	return err
}

func (n notices) queue(ctx context.Context, tx *db.Tx, m account.Notice) (id.Mail, error) {
	say := message.In(m.Language)
	l := mail.Letter{Language: say.Tag(), Title: m.Subject, Paragraphs: m.Lines}
	if m.Link != "" {
		l.Action = &mail.Link{Label: say.T("mail.continue"), URL: m.Link}
	}
	return n.outbox.Queue(ctx, tx, outbox.Letter{
		Purpose: m.Purpose, UserID: m.UserID, Address: m.Address, Name: m.Name, Subject: m.Subject, Content: l,
	})
}

// rules reads the settings that the rules of planning depend on.
type rules struct{ settings *setting.Service }

func (r rules) WorkingDays() []int { return r.settings.Get().WorkingDays }
func (r rules) NonWorkingDays() []db.Day {
	var out []db.Day
	for _, n := range r.settings.Get().NonWorkingDays {
		out = append(out, n.Date)
	}
	return out
}
func (r rules) StatusBasedProgress() bool { return r.settings.Get().StatusBasedProgress }
func (r rules) CompleteOnClose() bool     { return r.settings.Get().CompleteOnClose }
func (r rules) NewProjectRole() id.Role   { return r.settings.Get().NewProjectRole }
func (r rules) ProjectModules() []string  { return r.settings.Get().DefaultModules }
func (r rules) ProjectsPublic() bool      { return r.settings.Get().DefaultPublic }
