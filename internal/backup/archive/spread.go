package archive

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
)

// maxReaders bounds the connections that read a database at once. Each holds a leaf,
// and one waits.
const maxReaders = 4

// share is one leaf's numbers of a table, read by whoever is free. Its leaves (more
// than one when they are large) come in order.
type share struct {
	part  db.Frag
	items chan repo.Item
}

// spread puts the leaves of a table as cut does, with as many readers as there are
// transactions beside tx. One goroutine finds out where there are rows, the readers
// encode them, and put is called in the order of the keys.
func (t *taking) spread(ctx context.Context, tx *db.Tx, table Table, put func(repo.Item) error) error {
	g, ctx := errgroup.WithContext(ctx)
	jobs, ordered := make(chan *share), make(chan *share, len(t.beside))
	g.Go(func() error {
		defer close(ordered)
		defer close(jobs)
		return scout(ctx, tx, table, func(part db.Frag) error {
			s := &share{part, make(chan repo.Item, 1)}
			for _, c := range []chan *share{ordered, jobs} {
				select {
				case c <- s:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	})
	for _, reader := range t.beside {
		g.Go(func() error {
			for s := range jobs {
				if err := s.read(ctx, reader, table); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		for s := range ordered {
			for more := true; more; {
				select {
				case i, ok := <-s.items:
					if more = ok; !ok {
						continue
					}
					if err := put(i); err != nil {
						return err
					}
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		return nil
	})
	return g.Wait()
}

// read passes on the leaves of a share. They are copied, because the next one is
// made meanwhile.
func (s *share) read(ctx context.Context, tx *db.Tx, table Table) error {
	err := cut(ctx, tx, table, s.part, func(i repo.Item) error {
		i.Key, i.Data = append([]byte(nil), i.Key...), append([]byte(nil), i.Data...)
		select {
		case s.items <- i:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err == nil {
		close(s.items) // after an error nobody may take what there is for all
	}
	return err
}

// scout calls fn with the condition of each leaf in which there are rows.
func scout(ctx context.Context, tx *db.Tx, table Table, fn func(part db.Frag) error) error {
	bits := leafBits(table)
	var from int64
	var behind db.Frag
	for {
		q := db.SQL("SELECT id FROM " + table.Name + " WHERE").Append(db.And(db.SQL(table.Where), behind)).Add("ORDER BY id LIMIT 1")
		next, found, err := db.One[int64](ctx, tx, q)
		if err != nil || !found {
			return err
		}
		if from = (next>>bits + 1) << bits; from < next { // the last there can be
			return fn(db.SQL("id >= ?", next))
		}
		behind = db.SQL("id >= ?", from)
		if err := fn(db.SQL("id >= ? AND id < ?", next, from)); err != nil {
			return err
		}
	}
}
