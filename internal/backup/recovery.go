package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/kit"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// kitLabel names the keys of recovery kits in the repository.
const kitLabel = "recovery kit"

// IssueKit makes a recovery kit. It is handed out only after the newest snapshot
// was opened with it. With revoke, the kits before it open the repository no more;
// whoever copied the repository before keeps what they opened.
//
// Faults: Forbidden for everyone but the operator; NotFound while there is no snapshot.
func (s *Service) IssueKit(ctx context.Context, operator access.Actor, revoke bool) (*kit.Kit, error) {
	if operator.Kind != access.Machine {
		return nil, fault.Forbidden("only the operator may issue recovery kits")
	}
	r, err := s.deps.Place.Open(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.Keys(ctx)
	if err != nil {
		return nil, err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	added, err := r.AddKey(ctx, repo.Recipient{Label: kitLabel, Key: id.Recipient()})
	if err != nil {
		return nil, err
	}
	snap, err := opensNewest(ctx, r, id)
	if err != nil {
		return nil, errors.Join(err, r.RemoveKey(context.WithoutCancel(ctx), added.Name))
	}
	revoked := 0
	if revoke {
		for _, k := range before {
			if strings.HasPrefix(k.Label, "recovery") {
				if err := r.RemoveKey(ctx, k.Name); err != nil {
					return nil, err
				}
				revoked++
			}
		}
	}
	k := &kit.Kit{
		Issued: s.db.Now(), Repository: r.ID(), Location: s.deps.Place.Address(), Identity: id, Keys: s.deps.Keys,
		Snapshot: snap.ID, Head: snap.Hash.String(),
	}
	return k, db.Do(ctx, s.db, func(tx *db.Tx) error {
		detail := map[string]any{"recipient": id.Recipient().String(), "snapshot": snap.ID, "revoked": revoked}
		if err := s.record(ctx, tx, operator, "backup.kit", "repository "+r.ID(), audit.OK, detail); err != nil {
			return err
		}
		_, _, err := s.mail(ctx, tx, "backup.kit", 0, func(to recipient, _ string) letter {
			return letter{subject: to.say.T("mail.kit"), link: s.pageLink(), lines: []string{
				to.say.T("mail.kit_text", "who", operator.Name), to.say.T("mail.kit_not_meant"),
			}}
		})
		return err
	})
}

// KitIssued returns when the newest recovery kit was issued, as the audit log has it; zero for never.
//
// Faults: Unauthenticated; Forbidden for everyone but administrators and the operator.
func (s *Service) KitIssued(ctx context.Context, a access.Actor) (time.Time, error) {
	if err := mayCare(a); err != nil {
		return time.Time{}, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (time.Time, error) {
		return last(ctx, tx, time.Time{}, db.SQL(`SELECT COALESCE(MAX(at), 0) FROM audit_entries WHERE action = 'backup.kit'`))
	})
}

// opensNewest opens the repository with an identity alone and reads the beginning
// of its newest snapshot.
func opensNewest(ctx context.Context, r *repo.Repository, id age.Identity) (repo.Snapshot, error) {
	other, err := repo.Open(ctx, r.Store(), repo.Options{}, id)
	if err != nil {
		return repo.Snapshot{}, fmt.Errorf("the kit does not open the repository: %w", err)
	}
	snap, err := other.Snapshot(ctx, "latest")
	if errors.Is(err, repo.ErrNoSnapshot) {
		return snap, fault.WithHint(fault.NotFound("snapshot"), "take one first with holdfast backup create: a kit is handed out when it has opened one")
	}
	if err != nil {
		return snap, err
	}
	done := errors.New("enough")
	err = other.Read(ctx, snap, nil, nil, repo.Reading{Chunk: func([]byte) error { return done }})
	if err == nil {
		err = errors.New("there is nothing in the newest snapshot")
	}
	if !errors.Is(err, done) {
		return snap, fmt.Errorf("the kit does not open the newest snapshot: %w", err)
	}
	return snap, nil
}

// Address is the location as it is understood from anywhere on the machine.
func (p *Place) Address() string {
	if strings.Contains(p.Location, "://") {
		return p.Location
	}
	path, err := filepath.Abs(p.Location)
	if err != nil {
		return p.Location
	}
	return path
}

// Adopt gives a server that has none a key of its own to the repository, which an
// identity of a recovery kit opens.
func (p *Place) Adopt(ctx context.Context, id age.Identity) (*repo.Repository, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	store, err := p.reach(ctx)
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, store, repo.Options{Log: p.Log}, id)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the backup repository in %s: %w", p.Location, err), store.Close())
	}
	own, err := p.newIdentity()
	if err == nil {
		_, err = r.AddKey(ctx, repo.Recipient{Label: "server", Key: own.Recipient()})
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	p.repo, p.store = r, store
	return r, nil
}
