package archive

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// RemoveOld removes what restores have kept aside for longer than KeepOld and
// returns the names of what it removed.
func RemoveOld(ctx context.Context, t Target) ([]string, error) {
	p, live, err := openPlace(ctx, t.DB)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.close() }()
	names, err := olds(ctx, p, live)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, name := range names {
		made, ok := madeAt(name)
		if !ok || clock(t.DB)().Sub(made) < KeepOld {
			continue
		}
		if err := p.drop(ctx, name); err != nil {
			return removed, errors.Join(err, errors.New("remove "+name))
		}
		removed = append(removed, name)
	}
	return removed, nil
}

// Kept returns when the newest restore was whose state from before is still kept,
// and until when Undo can put that back; zero when there is none.
func Kept(ctx context.Context, t Target) (at, until time.Time, err error) {
	p, live, err := openPlace(ctx, t.DB)
	if err != nil {
		return at, until, err
	}
	defer func() { _ = p.close() }()
	names, err := olds(ctx, p, live)
	for _, name := range names {
		if made, ok := madeAt(name); ok && made.After(at) {
			at, until = made, made.Add(KeepOld)
		}
	}
	return at, until, err
}

// olds lists what was kept aside.
func olds(ctx context.Context, p place, live string) ([]string, error) {
	pg, ok := p.(schemas)
	if !ok {
		return filepath.Glob(literal(live) + ".before-*[0-9a-f]")
	}
	return db.Read(ctx, pg.d, func(tx *db.Tx) ([]string, error) {
		return db.All[string](ctx, tx, db.SQL(`SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?) ORDER BY nspname`, beside(live, "before")))
	})
}

// madeAt reads the instant in the name of a restore, see newID.
func madeAt(name string) (time.Time, bool) {
	at := strings.LastIndex(name, "before")
	if at < 0 || len(name) < at+22 {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102t150405", name[at+7:at+22])
	return t, err == nil
}
