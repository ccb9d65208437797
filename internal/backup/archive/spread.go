package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

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
	number   int64
	from, to int64 // to 0 is open
	items    chan repo.Item
	old      *proof // the parent's
	gap      bool   // one before it is gone

	// Known when items is closed.
	kept bool // the rows are those of old, and were not encoded
	new  proof
}

func (s *share) part() db.Frag { return between(s.from, s.to) }

func between(from, to int64) db.Frag {
	if to == 0 {
		return db.SQL("id >= ?", from)
	}
	return db.SQL("id >= ? AND id < ?", from, to)
}

// spreading puts the leaves of a numbered table as cut does, with as many readers as
// there are transactions beside the first. One goroutine finds out where there are
// rows, the readers compare or encode them, and put is called in the order of the keys.
type spreading struct {
	t       *taking
	table   Table
	out     *stream
	old     *proofs
	changed atomic.Bool // something did, so that no share is compared any more
	intact  bool        // nothing did before the share that is put
	list    []byte      // of new proofs
}

func (t *taking) spread(ctx context.Context, tx *db.Tx, table Table, out *stream) error {
	s := &spreading{t: t, table: table, out: out, list: binding(table, tx.Dialect())}
	var err error
	if s.old, err = t.proofsOf(ctx, table); err != nil {
		return err
	}
	s.intact = s.old != nil
	s.changed.Store(s.old == nil)
	g, inner := errgroup.WithContext(ctx)
	jobs, ordered := make(chan *share), make(chan *share, len(t.beside))
	g.Go(func() error {
		defer close(ordered)
		defer close(jobs)
		return s.scout(inner, tx, func(next *share) error {
			for _, c := range []chan *share{ordered, jobs} {
				select {
				case c <- next:
				case <-inner.Done():
					return context.Cause(inner)
				}
			}
			return nil
		})
	})
	for _, reader := range t.beside {
		g.Go(func() error {
			for next := range jobs {
				if err := s.read(inner, reader, next); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		for next := range ordered {
			if err := s.deliver(inner, next); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return out.put(repo.Item{Key: proofsKey(table.Name), Data: s.list})
}

// scout calls fn with each share in which there are rows.
func (s *spreading) scout(ctx context.Context, tx *db.Tx, fn func(*share) error) error {
	bits := leafBits(s.table)
	var behind db.Frag
	old := s.nextProof()
	for {
		q := db.SQL("SELECT id FROM " + s.table.Name + " WHERE").Append(db.And(db.SQL(s.table.Where), behind)).Add("ORDER BY id LIMIT 1")
		first, found, err := db.One[int64](ctx, tx, q)
		if err != nil || !found {
			return err
		}
		next := &share{number: first >> bits, from: first, to: (first>>bits + 1) << bits, items: make(chan repo.Item, 1)}
		if next.to < first {
			next.to = 0 // it is the last there can be
		}
		for ; old != nil && old.share < next.number; old = s.nextProof() {
			next.gap = true
			s.changed.Store(true)
		}
		if old != nil && old.share == next.number {
			next.old, old = old, s.nextProof()
		}
		if err := fn(next); err != nil || next.to == 0 {
			return err
		}
		behind = db.SQL("id >= ?", next.to)
	}
}

func (s *spreading) nextProof() *proof {
	if s.old == nil {
		return nil
	}
	return s.old.next()
}

// read finds out whether the rows of a share are those of the parent, and passes on its
// leaves otherwise. They are copied, because the next one is made meanwhile.
func (s *spreading) read(ctx context.Context, tx *db.Tx, next *share) error {
	p := newPrinter()
	if next.old != nil && !s.changed.Load() {
		err := eachRow(ctx, tx, s.table, next.part(), func(vals []any) error { p.row(vals); return nil })
		if err != nil {
			return err
		}
		if p.take() == next.old.sum {
			next.kept = true
			close(next.items)
			return nil
		}
	}
	s.changed.Store(true)
	err := cut(ctx, tx, s.table, next.part(), p.row, func(i repo.Item) error {
		i.Key, i.Data = bytes.Clone(i.Key), bytes.Clone(i.Data)
		select {
		case next.items <- i:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err == nil {
		next.new.sum = p.take()
		close(next.items) // after an error nobody may take what there is for all
	}
	return err
}

// deliver puts the leaves of a share, and notes the proof of it.
func (s *spreading) deliver(ctx context.Context, next *share) error {
	for more := true; more; {
		select {
		case i, ok := <-next.items:
			if more = ok; !ok {
				continue
			}
			if err := s.leaf(next, i); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.intact = s.intact && next.kept && !next.gap
	if s.intact {
		return s.keep(ctx, next.old)
	}
	if next.kept { // something before it changed, which its reader did not know
		next.new.sum = next.old.sum
		err := cut(ctx, s.t.again, s.table, next.part(), func([]any) {}, func(i repo.Item) error { return s.leaf(next, i) })
		if err != nil {
			return err
		}
	}
	state, err := digestState(s.out.sum, s.out.size)
	next.new.share, next.new.state = next.number, state
	s.list = next.new.appendTo(s.list)
	return err
}

func (s *spreading) leaf(next *share, i repo.Item) error {
	key := i.Key[len(i.Key)-8:]
	next.new.leaves = append(next.new.leaves, leafProof{first: numberIn(key), rows: i.Count, size: int64(len(i.Data))})
	return s.out.item(i)
}

func numberIn(key []byte) int64 { return int64(binary.BigEndian.Uint64(key) ^ 1<<63) }

// keep takes the leaves of a share over from the parent.
func (s *spreading) keep(ctx context.Context, old *proof) error {
	for n, l := range old.leaves {
		to := int64(0)
		if n+1 < len(old.leaves) {
			to = old.leaves[n+1].first
		} else if end := (old.share + 1) << leafBits(s.table); end > l.first {
			to = end
		}
		key := binary.BigEndian.AppendUint64([]byte(rowsKey+s.table.Name+"\x00"), uint64(l.first)^1<<63)
		err := s.out.put(repo.Item{Key: key, Count: l.rows, Text: true, Unchanged: true, Open: func() (io.ReadCloser, error) {
			return s.encode(ctx, between(l.first, to))
		}})
		if err != nil {
			return err
		}
		s.out.told(l.rows)
	}
	sum, err := resume(old.state, old.size)
	if err != nil {
		return fmt.Errorf("the digest of the parent: %w", err)
	}
	s.out.sum, s.out.size = sum, old.size
	s.list = old.appendTo(s.list)
	return nil
}

// encode returns a leaf again, when what is stored of it cannot be named.
func (s *spreading) encode(ctx context.Context, part db.Frag) (io.ReadCloser, error) {
	var text []byte
	err := cut(ctx, s.t.again, s.table, part, func([]any) {}, func(i repo.Item) error {
		text = append(text, i.Data...)
		return nil
	})
	return io.NopCloser(bytes.NewReader(text)), err
}
