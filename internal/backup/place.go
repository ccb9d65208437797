package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/fault"
)

// identityName is the file with the server's key to its repository, beside the
// other keys. It is no secret of the database, and no backup holds it.
const identityName = "repository.age"

// Place is where the repository of an instance lies, and the server's key to it.
// It is opened when first needed, and made when there is none.
type Place struct {
	// Location is a directory, file:///path or s3://bucket/prefix, reached as S3 says.
	Location string
	S3       objstore.S3Options
	// KeysDir holds the server's key.
	KeysDir string
	Log     *slog.Logger

	mu    sync.Mutex
	store objstore.Place
	repo  *repo.Repository
}

// Open returns the repository, and makes it when there is none.
//
// Errors have hints: repo.ErrNoKey where the repository is another's or the
// server's key is lost, repo.ErrNewer, those of objstore.
func (p *Place) Open(ctx context.Context) (*repo.Repository, error) { return p.get(ctx, true) }

// Existing is Open without making anything: where there is no repository the
// error is repo.ErrNoRepository.
func (p *Place) Existing(ctx context.Context) (*repo.Repository, error) { return p.get(ctx, false) }

func (p *Place) get(ctx context.Context, create bool) (*repo.Repository, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.repo != nil {
		return p.repo, nil
	}
	if _, err := os.Stat(p.Location); !create && errors.Is(err, fs.ErrNotExist) && !strings.Contains(p.Location, "://") {
		return nil, repo.ErrNoRepository // opening a directory makes it
	}
	store, err := p.reach(ctx)
	if err != nil {
		return nil, err
	}
	r, err := p.open(ctx, store, create)
	switch {
	case errors.Is(err, repo.ErrNoKey):
		err = fault.WithHint(err, "put the key back into "+p.identityPath()+", or name another place for backups")
	case errors.Is(err, repo.ErrNewer):
		err = fault.WithHint(err, "use the Holdfast version that wrote it, or a newer one")
	case errors.Is(err, objstore.ErrFull):
		err = fault.WithHint(err, "free space in "+p.Location)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the backup repository in %s: %w", p.Location, err), store.Close())
	}
	p.repo, p.store = r, store
	return r, nil
}

// reach opens the place where the repository is or will be.
func (p *Place) reach(ctx context.Context) (objstore.Place, error) {
	store, err := objstore.Open(ctx, p.Location, p.S3)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("the backup repository in %s: %w", p.Location, err), "check backup.repository and the s3 settings")
	}
	return store, nil
}

// Close releases the place.
func (p *Place) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store == nil {
		return nil
	}
	err := p.store.Close()
	p.repo, p.store = nil, nil
	return err
}

func (p *Place) open(ctx context.Context, store objstore.Store, create bool) (*repo.Repository, error) {
	o := repo.Options{Log: p.Log}
	id, err := p.identity()
	if errors.Is(err, fs.ErrNotExist) {
		// No key: where there is a repository already, it is not this server's.
		if _, err := repo.Open(ctx, store, o); !create || !errors.Is(err, repo.ErrNoRepository) {
			return nil, err
		}
		id, err = p.newIdentity()
	}
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, store, o, id)
	if errors.Is(err, repo.ErrNoRepository) && create {
		if err := p.probe(ctx, store); err != nil {
			return nil, err
		}
		r, err = repo.Create(ctx, store, o, repo.Recipient{Label: "server", Key: id.Recipient()})
	}
	return r, err
}

// probe proves that the place can keep a repository, before one is made there.
func (p *Place) probe(ctx context.Context, store objstore.Store) error {
	report, err := objstore.Probe(ctx, store)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if p.Log != nil && !f.OK {
			p.Log.WarnContext(ctx, "the place for backups", "check", f.Check, "finding", f.Text)
		}
		if report.Unfit && !f.OK {
			return fault.WithHint(fmt.Errorf("it cannot keep backups: %s", f.Text), "name another place with backup.repository")
		}
	}
	if report.SingleWriter {
		return fault.WithHint(errors.New("it does not keep two writers apart: names that are taken can be taken again"),
			"use a store that honours If-None-Match; two servers could otherwise lose each other's backups")
	}
	return nil
}

func (p *Place) identityPath() string { return filepath.Join(p.KeysDir, identityName) }

// identity reads the server's key.
func (p *Place) identity() (*age.X25519Identity, error) {
	f, err := os.Open(p.identityPath())
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	ids, err := age.ParseIdentities(f)
	if err == nil && len(ids) > 0 {
		if id, ok := ids[0].(*age.X25519Identity); ok {
			return id, nil
		}
	}
	return nil, fmt.Errorf("the key %s cannot be read: %w", p.identityPath(), errors.Join(repo.ErrNoKey, err))
}

// newIdentity makes the server's key. It is durable before anything depends on it.
func (p *Place) newIdentity() (*age.X25519Identity, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	text := "# The server's key to its backup repository. Keep it as safe as the other keys.\n# public key: " +
		id.Recipient().String() + "\n" + id.String() + "\n"
	tmp, err := os.CreateTemp(p.KeysDir, identityName+".")
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Link(tmp.Name(), p.identityPath()) // another process may have been faster
	}
	err = errors.Join(err, os.Remove(tmp.Name()))
	if errors.Is(err, fs.ErrExist) {
		return p.identity()
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return id, syncDir(p.KeysDir)
}
