package archive

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// KeepOld is how long the state before a restore stays beside the new one.
const KeepOld = 7 * 24 * time.Hour

// Target is the instance that a restore changes. Nobody else may use it
// meanwhile: the command holds the lock of the data directory.
type Target struct {
	DataDir string
	DB      db.Options
	Blobs   blob.Store
	Keys    *secret.Keyring
	// Program is the version of the program, for the safety copy.
	Program string
	// By names who restores, for the audit log; the operator when empty.
	By string
	// Repository opens the repository of the instance, for the safety copy.
	Repository func(context.Context) (*repo.Repository, error)
}

// RestoreOptions adjust Restore.
type RestoreOptions struct {
	// Replace allows restoring onto an instance that is in use.
	Replace bool
	// AcknowledgeDamaged allows it where the present database is too damaged
	// for a safety copy; it is then kept aside as it is.
	AcknowledgeDamaged bool
	Progress           func(Progress)
}

// TableProof shows that a table came back.
type TableProof struct {
	Archive  TableSum `json:"archive"`
	Restored TableSum `json:"restored"`
}

// Report is what a restore did and what proves it.
type Report struct {
	ID        string       `json:"id"`
	Origin    Origin       `json:"origin"`
	State     string       `json:"state"`
	Tables    []TableProof `json:"tables"`
	Files     int64        `json:"files"`
	FileBytes int64        `json:"file_bytes"`
	Missing   []Missing    `json:"missing"`
	// Safety is the snapshot of what was there before, "" for an empty target.
	Safety string `json:"safety"`
	// Old is the file or schema that holds what was there before.
	Old string `json:"old"`
	// Notes say what was changed after the proof, such as rights that stay revoked.
	Notes []string `json:"notes"`
}

// step is called between the steps of a restore; tests crash there.
var step = func(string) {}

// restoration is one run of Restore.
type restoration struct {
	backup Backup
	head   *Head
	target Target
	o      RestoreOptions
	place  place
	state  state
	plan   Plan
	result Report
	began  time.Time
	now    func() time.Time

	mu   sync.Mutex
	prog Progress
}

// Restore puts the content of the backup in the place of the target's.
//
// The new state is built beside the live one and compared with the archive row
// by row; what is there before is archived to backups/ in the data directory
// and also kept as it is for KeepOld; then names change in one step. An error,
// or a crash that Recover meets, leaves the target entirely old or entirely new.
//
// Sessions and tokens are not in archives. On the instance that wrote the
// archive, what was revoked since stays revoked and the audit log goes on; an
// archive of another instance loses its API keys. Outgoing mail is held back.
func Restore(ctx context.Context, b Backup, t Target, o RestoreOptions) (Report, error) {
	if _, err := Recover(ctx, t); err != nil {
		return Report{}, fmt.Errorf("restore: settle an earlier restore: %w", err)
	}
	r := &restoration{backup: b, head: b.head(), target: t, o: o, now: clock(t.DB)}
	r.began = r.now()
	defer func() {
		if r.place != nil {
			_ = r.place.close()
		}
	}()
	if err := r.run(ctx); err != nil {
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) { // a driver may word an interruption otherwise
			err = errors.Join(ctx.Err(), err)
		}
		if _, file := b.(*Archive); file && errors.Is(err, ErrBroken) {
			err = fetchAgain(err)
		}
		return Report{}, explain(fmt.Errorf("restore: %w", err))
	}
	return r.result, nil
}

func clock(o db.Options) func() time.Time {
	if o.Now != nil {
		return o.Now
	}
	return time.Now //nolint:forbidigo // the same clock that db uses when none is given
}

func (r *restoration) run(ctx context.Context) error {
	if err := r.preflight(ctx); err != nil {
		return err
	}
	if err := r.enter(stepStage); err != nil {
		return err
	}
	if err := r.beside(ctx); err != nil {
		return errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
	}
	// From here on there is no way back but the whole way.
	ctx = context.WithoutCancel(ctx)
	if err := r.enter(stepSwap); err != nil {
		return errors.Join(err, r.abandon(ctx))
	}
	if err := complete(ctx, r.place, r.target, r.state, r.gate()); err != nil {
		return err
	}
	r.report("done", Progress{})
	r.result.Old = r.state.Old
	return nil
}

func (r *restoration) preflight(ctx context.Context) error {
	var live string
	var err error
	if r.place, live, err = openPlace(ctx, r.target.DB); err != nil {
		return err
	}
	if r.plan, err = plan(ctx, r.head, r.target, r.place, live); err != nil {
		return err
	}
	if err := r.plan.Refusal(r.o); err != nil {
		return err
	}
	r.state = state{ID: newID(r.began), Live: live, Rows: r.head.Manifest.Rows}
	r.state.name(r.target.DB.URL == "")
	r.result = Report{ID: r.state.ID, Origin: r.head.Origin, State: r.head.Seal.State, Missing: r.head.Seal.Missing}
	r.prog.RowsTotal, r.prog.FilesTotal, r.prog.BytesTotal = r.head.Manifest.Rows, r.head.Seal.Files.Count, r.head.Seal.Files.Bytes
	return nil
}

// newID names a restore by its instant, so that names sort by time; the random end
// keeps two that share a PostgreSQL server apart.
func newID(at time.Time) string {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	at = at.UTC()
	return fmt.Sprintf("%s_%05x%s", at.Format("20060102t150405"), at.Nanosecond()/1000, hex.EncodeToString(b[:]))
}

func (r *restoration) enter(name string) error {
	r.state.Step = name
	if err := r.state.write(r.target.DataDir); err != nil {
		return err
	}
	step(name)
	return nil
}

// beside does everything that leaves the live state alone.
func (r *restoration) beside(ctx context.Context) error {
	if err := r.stage(ctx); err != nil {
		return err
	}
	if err := r.enter(stepSafety); err != nil {
		return err
	}
	if err := r.safety(ctx); err != nil {
		return err
	}
	step("sanitise")
	return r.sanitise(ctx)
}

// abandon removes what was built, as the live state was not touched.
func (r *restoration) abandon(ctx context.Context) error {
	return giveUp(ctx, r.place, r.target, r.state)
}

// giveUp removes what a restore made, where the live state is the old one.
func giveUp(ctx context.Context, p place, t Target, s state) error {
	err := removeAdded(ctx, t)
	if !s.Kept {
		err = errors.Join(err, p.drop(ctx, s.Staged))
	}
	if err != nil {
		return err // the state stays: Recover tries again
	}
	return clearState(t.DataDir)
}

// complete swaps and tries the new state at a gate; when it does not work the old one is
// put back.
func complete(ctx context.Context, p place, t Target, s state, gate gate) error {
	if err := p.swap(ctx, s); err != nil {
		return rollback(ctx, p, t, s, fmt.Errorf("swap: %w", err))
	}
	step("swapped")
	s.Step = stepGate
	if err := s.write(t.DataDir); err != nil {
		return rollback(ctx, p, t, s, err)
	}
	step(stepGate)
	if err := gate.try(ctx, p.options(s.Live)); err != nil {
		return rollback(ctx, p, t, s, fmt.Errorf("the restored database does not work: %w", err))
	}
	step("done")
	return clearState(t.DataDir)
}

// rollback puts the old state back. Until that is done the state file stays.
func rollback(ctx context.Context, p place, t Target, s state, cause error) error {
	s.Step = stepRollback
	err := s.write(t.DataDir)
	if err == nil {
		step(stepRollback)
		err = p.unswap(ctx, s)
	}
	if err == nil {
		err = giveUp(ctx, p, t, s)
	}
	if err != nil {
		return fault.WithHint(errors.Join(cause, err), "start Holdfast again: it settles the restore; the old database is "+s.Old)
	}
	return fmt.Errorf("the state before the restore was put back: %w", cause)
}

// gate tries a database as the application would. whole lets the engine look for damage
// in all of it, too.
type gate struct{ whole bool }

// gate is that of a database that this run has built. The engine has looked at all of it
// before it was brought to the newest schema, which may have changed much.
func (r *restoration) gate() gate {
	newest, err := db.NewestSchema()
	return gate{whole: err != nil || r.head.Manifest.SchemaVersion != newest}
}

func (g gate) try(ctx context.Context, o db.Options) (err error) {
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if g.whole {
		if err := db.IntegrityCheck(ctx, d); err != nil {
			return err
		}
	}
	if err := db.Migrate(ctx, d, db.MigrateOptions{}); err != nil {
		return err
	}
	_, err = db.Read(ctx, d, func(tx *db.Tx) (int64, error) {
		for _, t := range tables {
			if _, err := db.Scalar[int64](ctx, tx, db.SQL("SELECT COUNT(*) FROM "+t.Name)); err != nil {
				return 0, fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		n, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM users WHERE kind = 'SystemUser'`))
		if err == nil && n != 1 {
			err = errors.New("the built-in users are missing")
		}
		return n, err
	})
	return err
}

// Outcome is what Recover found.
type Outcome string

// Nothing was under way; or the instance is what it was before the restore, or
// what the restore made.
const (
	Nothing Outcome = "nothing"
	IsOld   Outcome = "old"
	IsNew   Outcome = "new"
)

// Recover settles a restore that a crash interrupted. It is called at every
// start before the database is opened.
func Recover(ctx context.Context, t Target) (Outcome, error) {
	s, found, err := readState(t.DataDir)
	if err != nil || !found {
		return Nothing, err
	}
	p, _, err := openPlace(ctx, t.DB)
	if err != nil {
		return "", err
	}
	defer func() { _ = p.close() }()
	switch s.Step {
	case stepStage, stepSafety:
		return IsOld, giveUp(ctx, p, t, s)
	case stepSwap, stepGate:
		if err := complete(ctx, p, t, s, gate{whole: true}); err != nil {
			return IsOld, err
		}
		return IsNew, nil
	case stepRollback:
		if err := p.unswap(ctx, s); err != nil {
			return "", err
		}
		return IsOld, giveUp(ctx, p, t, s)
	}
	return "", fmt.Errorf("%s names the unknown step %q", stateName, s.Step)
}

// report adds what was done to the progress, and tells it. Files go along with
// rows, and the step is that of the rows until they are done.
func (r *restoration) report(name string, done Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prog.Rows += done.Rows
	r.prog.Files += done.Files
	r.prog.Bytes += done.Bytes
	if r.o.Progress == nil {
		return
	}
	if name != stepFiles || r.prog.Rows == r.prog.RowsTotal {
		r.prog.Step = name
	}
	r.prog.Elapsed = r.now().Sub(r.began)
	if s := r.prog.Elapsed.Seconds(); s > 0 {
		r.prog.RowsPerSecond, r.prog.BytesPerSecond = float64(r.prog.Rows)/s, float64(r.prog.Bytes)/s
	}
	r.o.Progress(r.prog)
}

// safety takes a snapshot of the present, unless there is nothing or nothing readable.
func (r *restoration) safety(ctx context.Context) error {
	if r.plan.Target != TargetInUse {
		return nil
	}
	d, err := db.Open(ctx, r.place.options(r.state.Live))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	to, err := r.target.Repository(ctx)
	if err != nil {
		return fmt.Errorf("safety copy: %w", err)
	}
	src := Source{DB: d, Blobs: r.target.Blobs, Keys: r.target.Keys}
	if r.plan.safety, err = Take(ctx, src, to, Options{Program: r.target.Program, TempDir: r.target.DataDir}); err != nil {
		return fmt.Errorf("safety copy: %w", err)
	}
	r.result.Safety = r.plan.safety.ID
	return nil
}
