package repo

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"
)

// fill puts chunks into packs in the order of the source.
func (w *writing) fill(ctx context.Context) error {
	spare := make(chan []byte, 2)
	spare <- nil
	spare <- nil
	var p *pack
	var err error
	for t := range w.ordered {
		if !t.whole {
			select {
			case <-t.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if p == nil {
			if p, err = w.emptyPack(ctx, spare); err != nil {
				return err
			}
		}
		w.take(p, t)
		if p.full() || len(p.entries) >= maxPending {
			if err := w.hand(ctx, p); err != nil {
				return err
			}
			p = nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p == nil {
		return nil
	}
	return w.hand(ctx, p)
}

// emptyPack begins a pack with a buffer that is in no other one's use.
func (w *writing) emptyPack(ctx context.Context, spare chan []byte) (*pack, error) {
	select {
	case b := <-spare:
		if b == nil {
			b = make([]byte, 0, maxPack)
		}
		p, err := w.r.newPack(b)
		if p != nil {
			p.release = func() { spare <- p.buf }
		}
		return p, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// take adds a finished task to the pack.
func (w *writing) take(p *pack, t *task) {
	e := t.entry
	if t.whole {
		p.entries = append(p.entries, e)
		return
	}
	if t.found != nil {
		e.chunks = append(e.chunks, *t.found)
	} else {
		fragment := t.plain
		if e.Deflated {
			fragment = t.buf.fragment
		}
		e.chunks = append(e.chunks, w.r.add(p, t.id, fragment, e.Deflated))
	}
	e.Size += int64(len(t.plain))
	e.CRC = crc32.Update(e.CRC, crc32.IEEETable, t.plain)
	w.free <- t.buf // there is room: as many buffers as places
	if t.end {
		p.entries = append(p.entries, e)
	}
}

func (w *writing) hand(ctx context.Context, p *pack) error {
	select {
	case w.full <- p:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// store stores packs, and then what they complete.
func (w *writing) store(ctx context.Context) error {
	for p := range w.full {
		if err := w.storePack(ctx, p); err != nil {
			return err
		}
		for _, e := range p.entries {
			w.doc.Items++
			w.doc.Count += e.Count
			w.doc.Size += e.Size
			w.encoder.add(e)
			if w.encoder.full() {
				if err := w.cut(ctx); err != nil {
					return err
				}
			}
		}
		p.release()
		if err := w.beat(ctx); err != nil {
			return err
		}
		if w.o.Progress != nil {
			w.o.Progress(Progress{w.doc.Items, w.doc.Count, w.read.Load(), w.added.Load()})
		}
	}
	return nil
}

func (w *writing) storePack(ctx context.Context, p *pack) error {
	if len(p.chunks) == 0 {
		return nil
	}
	w.r.close(p)
	w.added.Add(int64(len(p.buf)))
	return w.r.putPack(ctx, p)
}

// cut ends the current part of the manifest.
func (w *writing) cut(ctx context.Context) error {
	if w.encoder.items == 0 {
		return nil
	}
	p, n, err := w.r.putPart(ctx, &w.encoder, w.known)
	if err != nil {
		return err
	}
	w.added.Add(n)
	w.doc.Parts = append(w.doc.Parts, p)
	w.encoder.reset()
	return nil
}

// beat tells that the session lives, when it is time for it. What it says is
// where a next session can go on, should this one end here.
func (w *writing) beat(ctx context.Context) error {
	if w.o.Beat > 0 && w.r.opt.Now().Sub(w.beaten) < w.o.Beat {
		return nil
	}
	w.beaten = w.r.opt.Now()
	parts := w.doc.Parts
	if w.encoder.items > 0 {
		p, n, err := w.r.putPart(ctx, &w.encoder, w.known)
		if err != nil {
			return err
		}
		w.added.Add(n)
		parts = append(parts[:len(parts):len(parts)], p)
	}
	return w.s.beat(ctx, parts)
}

// commit makes the snapshot exist.
func (w *writing) commit(ctx context.Context, meta json.RawMessage, complete bool) (Snapshot, error) {
	now, err := w.r.store.Now(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("the clock of the store: %w", err)
	}
	d := &w.doc
	d.Seq, d.At, d.Prev, d.Complete, d.Meta, d.Added = w.seq+1, now.UTC().Truncate(time.Microsecond), w.prev, complete, meta, w.added.Load()
	hash, err := w.r.putRecord(ctx, commitPrefix+w.s.id, d)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{
		ID: w.s.id, Seq: d.Seq, At: d.At, Complete: complete, Items: d.Items, Count: d.Count, Size: d.Size, Added: d.Added,
		Meta: meta, Hash: hash, parts: d.Parts, prev: d.Prev,
	}, nil
}
