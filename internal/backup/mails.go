package backup

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/plural"
)

// recipient is the owner of a token or backup, or an active administrator.
type recipient struct {
	ID        id.User `db:"id"`
	Login     string  `db:"login"`
	Firstname string  `db:"firstname"`
	Lastname  string  `db:"lastname"`
	Mail      string  `db:"mail"`
	Language  string  `db:"language"`
	Admin     bool    `db:"is_admin"`
}

func (r recipient) name() string { return strings.TrimSpace(r.Firstname + " " + r.Lastname) }

// letter is the text of a mail for one recipient.
type letter struct {
	subject string
	lines   []string
	link    string
}

// recipients returns the owner, if a person, and every active administrator,
// each once.
func recipients(ctx context.Context, tx *db.Tx, owner id.User) ([]recipient, error) {
	return db.All[recipient](ctx, tx, db.SQL(`SELECT id, COALESCE(login, '') AS login, firstname, lastname, COALESCE(mail, '') AS mail,
		language, (admin AND status = ?) AS is_admin FROM users
		WHERE kind = 'User' AND deleted_at IS NULL AND (id = ? OR admin AND status = ?) ORDER BY id`,
		account.Active, owner, account.Active))
}

// mail queues what write says for the owner and all administrators.
func (s *Service) mail(ctx context.Context, tx *db.Tx, purpose string, owner id.User, write func(to recipient, owner string) letter) (map[id.User]id.Mail, []recipient, error) {
	if s.deps.Mail == nil {
		return nil, nil, nil
	}
	all, err := recipients(ctx, tx, owner)
	if err != nil {
		return nil, nil, err
	}
	who := "the operator"
	for _, r := range all {
		if r.ID == owner {
			who = r.Login
		}
	}
	sent, seen := map[id.User]id.Mail{}, map[string]bool{}
	for _, r := range all {
		if r.Mail == "" || seen[db.Fold(r.Mail)] {
			continue
		}
		seen[db.Fold(r.Mail)] = true
		l := write(r, who)
		n, err := s.deps.Mail.Queue(ctx, tx, account.Notice{
			Purpose: purpose, UserID: r.ID, Address: r.Mail, Name: r.name(),
			Language: r.Language, Subject: l.subject, Lines: l.lines, Link: l.link,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("queue mail %s: %w", purpose, err)
		}
		sent[r.ID] = n
	}
	return sent, all, nil
}

// mailToken tells of a new token and returns the mails that begin its wait:
// those to administrators other than the owner; where there is none who can be
// reached, the owner's own.
func (s *Service) mailToken(ctx context.Context, tx *db.Tx, a access.Actor, reset bool, r tokenRow, cancel string) ([]id.Mail, error) {
	verb := "created"
	if reset {
		verb = "reset"
	}
	sent, all, err := s.mail(ctx, tx, NoticePurpose, a.ID, func(to recipient, owner string) letter {
		l := letter{subject: "Backup token " + verb, link: cancel}
		if to.ID == a.ID {
			l.lines = append(l.lines, "Your backup token was "+verb+". With it a copy of the whole instance can be requested.",
				"If this was not you, open the link to cancel the token, change your password and tell an administrator.")
		} else {
			l.lines = append(l.lines, "The backup token of "+owner+" was "+verb+". With it a copy of the whole instance can be requested.",
				"If this should not be, open the link to cancel the token. Nothing else happens through it.")
		}
		if r.WaitSeconds > 0 {
			l.lines = append(l.lines, "The token becomes valid "+inHours(r.wait())+" after the first of these mails was accepted.")
		}
		return append1(l, "Address of the request: "+a.IP)
	})
	if err != nil || sent == nil {
		return nil, err
	}
	var others, own []id.Mail
	for _, to := range all {
		n, ok := sent[to.ID]
		switch {
		case !ok:
		case to.ID == a.ID:
			own = append(own, n)
		case to.Admin:
			others = append(others, n)
		}
	}
	if len(others) == 0 {
		return own, nil
	}
	return others, nil
}

func append1(l letter, line string) letter {
	l.lines = append(l.lines, line)
	return l
}

func (s *Service) mailTokenGone(ctx context.Context, tx *db.Tx, owner id.User, how string) error {
	_, _, err := s.mail(ctx, tx, "backup.token_gone", owner, func(to recipient, login string) letter {
		return letter{subject: "Backup token revoked", lines: []string{whose(to, owner, login) + " backup token " + how + "."}, link: s.pageLink()}
	})
	return err
}

func (s *Service) mailWaived(ctx context.Context, tx *db.Tx, owner id.User, operator string) error {
	_, _, err := s.mail(ctx, tx, "backup.token_waived", owner, func(to recipient, login string) letter {
		return letter{subject: "Backup token valid at once", link: s.pageLink(), lines: []string{
			"The waiting period of " + strings.ToLower(whose(to, owner, login)[:1]) + whose(to, owner, login)[1:] + " backup token was ended on the server by " + operator + ".",
			"If this should not be, delete the token or switch backups off, and find out who has access to the server.",
		}}
	})
	return err
}

func whose(to recipient, owner id.User, login string) string {
	if to.ID == owner {
		return "Your"
	}
	return "The user " + login + "'s"
}

func (s *Service) pageLink() string { return s.deps.BaseURL + "/admin/backups" }

// mailResult tells how a backup ended.
func (s *Service) mailResult(ctx context.Context, tx *db.Tx, b Backup) error {
	l := letter{link: s.pageLink()}
	switch b.State {
	case Complete:
		l.subject = "Backup ready"
		l.lines = []string{fmt.Sprintf("Backup %d, requested by %s, is complete and verified: %s, %s, %s.",
			b.ID, b.RequestedBy, plural.Of(b.RowCount, "row"), plural.Of(b.FileCount, "file"), plural.Of(b.Size, "byte"))}
	case Incomplete:
		l.subject = "Backup incomplete"
		l.lines = []string{fmt.Sprintf("Backup %d, requested by %s, is incomplete: %s could not be read. Do not rely on it.", b.ID, b.RequestedBy, plural.Of(len(b.MissingFiles()), "file"))}
		l.lines = append(l.lines, missingLines(b.MissingFiles())...)
	default:
		l.subject = "Backup failed"
		l.lines = []string{fmt.Sprintf("Backup %d, requested by %s, failed: %s.", b.ID, b.RequestedBy, b.Error)}
	}
	if !b.IncludeAttachments && b.State.Good() {
		l.lines = append(l.lines, "Attachments were left out as requested.")
	}
	_, _, err := s.mail(ctx, tx, "backup.result", b.owner(), func(recipient, string) letter { return l })
	return err
}

// missingLines names the first files; the page and the archive name all.
func missingLines(missing []Missing) []string {
	var out []string
	for i, m := range missing {
		if i == 20 {
			return append(out, fmt.Sprintf("and %d more", len(missing)-i))
		}
		out = append(out, m.Name+": "+m.Reason)
	}
	return out
}

func (s *Service) mailDownload(ctx context.Context, tx *db.Tx, a access.Actor, b Backup) error {
	_, _, err := s.mail(ctx, tx, "backup.download", b.owner(), func(recipient, string) letter {
		return letter{subject: "Backup downloaded", link: s.pageLink(), lines: []string{
			fmt.Sprintf("Backup %d was downloaded by %s from %s.", b.ID, a.Login, a.IP),
			"It holds everything in this instance. If this should not be, lock the account at once.",
		}}
	})
	return err
}
