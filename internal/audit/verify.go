package audit

import (
	"context"
	"crypto/hmac"
	"fmt"
	"maps"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Report is what Verify found in both chains.
type Report struct {
	// Database and File are how many entries of each hold.
	Database int `json:"database"`
	File     int `json:"file"`
	// Waiting is how many entries the file has yet to get.
	Waiting int `json:"waiting"`
	// Restarts are when another database was put in place of the one before: a
	// restore, or somebody who had the server's disk.
	Restarts []time.Time `json:"restarts"`
	// Problems are at most a hundred.
	Problems []string `json:"problems"`
}

const maxProblems = 100

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify replays the chain of the database and that of the file, and compares them.
// Found are entries that were changed, removed, moved or added, in either; an end
// that was cut off either; and a database that is older than the file.
func (f *File) Verify(ctx context.Context, d *db.DB) (Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := Report{Restarts: []time.Time{}, Problems: []string{}}
	n, broken, err := f.verifyDatabase(ctx, d)
	if err != nil {
		return r, err
	}
	if r.Database = n; broken != nil {
		r.problem("database, entry %d: %s", broken.ID, broken.Reason)
	}
	seen, err := f.replay(&r)
	if err != nil {
		return r, err
	}
	return r, f.compare(ctx, d, seen, &r)
}

func (f *File) verifyDatabase(ctx context.Context, d *db.DB) (int, *Break, error) {
	var broken *Break
	n, err := db.Read(ctx, d, func(tx *db.Tx) (int, error) {
		n, b, err := f.log.Verify(ctx, tx)
		broken = b
		return n, err
	})
	return n, broken, err
}

// replay checks the file by itself and returns the entries that the database
// should have, by id.
func (f *File) replay(r *Report) (map[id.Audit]string, error) {
	prev, seen := "", map[id.Audit]string{}
	var unexplained []time.Time // restarts that no restore has explained yet
	known := map[string]bool{}
	err := f.each(func(name string, n int, l line) error {
		at := fmt.Sprintf("%s, line %d", name, n)
		switch {
		case l.Entry != nil:
			e := *l.Entry
			if e.PrevHash != prev {
				r.problem("%s: an entry before this one is missing or was moved", at)
			}
			if !hmac.Equal([]byte(e.Hash), []byte(f.log.sum(e))) {
				r.problem("%s: this entry was changed", at)
			} else {
				r.File++
			}
			if e.Action == Restored {
				unexplained = nil
			}
			prev, seen[e.ID], known[e.Hash] = e.Hash, e.Hash, true
		case l.Head != nil:
			if !hmac.Equal([]byte(l.Head.MAC), []byte(f.log.seal("head", l.Head))) || l.Head.Hash != prev {
				r.problem("%s: the head does not fit what is before it", at)
			}
		case l.Restart != nil:
			if !hmac.Equal([]byte(l.Restart.MAC), []byte(f.log.seal("restart", l.Restart))) || !known[l.Restart.Hash] && l.Restart.Hash != "" {
				r.problem("%s: the restart is not what was written", at)
			}
			r.Restarts, unexplained = append(r.Restarts, l.Restart.At), append(unexplained, l.Restart.At)
			maps.DeleteFunc(seen, func(n id.Audit, _ string) bool { return n > l.Restart.ID })
			prev = l.Restart.Hash
		default:
			r.problem("%s: this is no line of the log, or half of one", at)
		}
		return nil
	})
	for _, at := range unexplained {
		r.problem("on %s another database was put in place of the one before, or its end was cut off, and no restore says so", at.Format(time.RFC3339))
	}
	return seen, err
}

// compare looks for what one of the two has and the other lacks.
func (f *File) compare(ctx context.Context, d *db.DB, seen map[id.Audit]string, r *Report) error {
	newest := id.Audit(0)
	for n := range seen {
		newest = max(newest, n)
	}
	var after id.Audit
	for {
		page, err := db.Read(ctx, d, func(tx *db.Tx) ([]Entry, error) {
			return db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM audit_entries WHERE id > ? ORDER BY id LIMIT ?`, after, batch))
		})
		if err != nil {
			return err
		}
		for _, e := range page {
			after = e.ID
			hash, there := seen[e.ID]
			delete(seen, e.ID)
			switch {
			case there && hash != e.Hash:
				r.problem("entry %d differs between the database and the file", e.ID)
			case !there && e.ID < newest:
				r.problem("entry %d is in the database and not in the file", e.ID)
			case !there:
				if r.Waiting++; d.Now().Sub(e.At.Time) > lag {
					r.problem("entry %d is not in the file, an hour after it was made: the end of the file was cut off, or it cannot be written", e.ID)
				}
			}
		}
		if len(page) < batch {
			break
		}
	}
	if len(seen) > 0 {
		r.problem("the file has entries that the database lacks, %d of them: the database is older than the file, or its end was cut off", len(seen))
	}
	return nil
}
