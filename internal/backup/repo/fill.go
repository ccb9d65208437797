package repo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// ticks come each beat, never when beats follow packs.
func (w *writing) ticks() (<-chan time.Time, func()) {
	if w.o.Beat <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(w.o.Beat)
	return t.C, t.Stop
}

// fill puts chunks into packs in the order of the source. At each tick it hands
// on what there is, so that a slow source loses no more than a quick one.
func (w *writing) fill(ctx context.Context) error {
	tick, stop := w.ticks()
	defer stop()
	w.spare <- nil
	w.spare <- nil
	var p *pack
	for {
		select {
		case t, more := <-w.ordered:
			if !more {
				return w.hand(ctx, p)
			}
			var err error
			if p, err = w.takeInto(ctx, p, t); err != nil {
				return err
			}
			if !w.r.full(p) && len(p.entries) < maxPending {
				continue
			}
		case <-tick:
		}
		if err := w.hand(ctx, p); err != nil {
			return err
		}
		p = nil
	}
}

// takeInto waits for a task and adds it to the pack, or to a new one.
func (w *writing) takeInto(ctx context.Context, p *pack, t *task) (*pack, error) {
	if !t.whole {
		select {
		case <-t.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if p == nil {
		var err error
		if p, err = w.emptyPack(ctx); err != nil {
			return nil, err
		}
	}
	w.take(p, t)
	return p, nil
}

// emptyPack begins a pack with a buffer that is in no other one's use.
func (w *writing) emptyPack(ctx context.Context) (*pack, error) {
	select {
	case b := <-w.spare:
		if b == nil {
			b = make([]byte, 0, w.r.packSize+chunkSize+2*packStep)
		}
		p, err := w.r.newPack(b)
		if p != nil {
			p.release = func() { w.spare <- p.buf }
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
		e.chunks = append(e.chunks, w.r.add(p, t.id, fragment, e.Deflated, t.sum))
	}
	e.Size += int64(len(t.plain))
	e.CRC = crc32.Update(e.CRC, crc32.IEEETable, t.plain)
	giveWay()
	w.free <- t.buf // there is room: as many buffers as places
	if t.end {
		p.entries = append(p.entries, e)
	}
}

func (w *writing) hand(ctx context.Context, p *pack) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p == nil {
		return nil
	}
	select {
	case w.full <- p:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// store stores packs, and then what they complete, and tells that the session
// lives, whether there is something to store or not.
func (w *writing) store(ctx context.Context) error {
	tick, stop := w.ticks()
	defer stop()
	for {
		select {
		case p, more := <-w.full:
			if !more {
				return nil
			}
			if err := w.storePack(ctx, p); err != nil {
				return err
			}
			if w.o.Beat > 0 {
				continue
			}
		case <-tick:
		}
		if err := w.beat(ctx); err != nil {
			return err
		}
	}
}

// storePack stores a pack and names what it completes in the manifest.
func (w *writing) storePack(ctx context.Context, p *pack) error {
	defer p.release()
	if len(p.chunks) > 0 {
		w.r.close(p)
		if err := w.r.putPack(ctx, p); err != nil {
			return err
		}
		w.added.Add(int64(len(p.buf)))
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
	if w.o.Progress != nil {
		w.o.Progress(Progress{w.doc.Items, w.doc.Count, w.read.Load(), w.added.Load()})
	}
	return nil
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

// beat tells that the session lives. What it says is where a next session can
// go on, should this one end here.
func (w *writing) beat(ctx context.Context) error {
	parts := w.doc.Parts
	if w.encoder.items > 0 {
		p, n, err := w.r.putPart(ctx, &w.encoder, w.known)
		if err != nil {
			return err
		}
		w.known.add(p)
		w.added.Add(n)
		parts = append(parts[:len(parts):len(parts)], p)
	}
	return w.s.beat(ctx, sessionDoc{Parts: parts})
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
		err = w.settle(ctx, hash, err)
	}
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{
		ID: w.s.id, Seq: d.Seq, At: d.At, Complete: complete, Items: d.Items, Count: d.Count, Size: d.Size, Added: d.Added,
		Meta: meta, Hash: hash, parts: d.Parts, prev: d.Prev,
	}, nil
}

// settle finds out whether a commit that was not acknowledged happened.
func (w *writing) settle(ctx context.Context, hash Hash, err error) error {
	got, gerr := w.r.store.Get(context.WithoutCancel(ctx), commitPrefix+w.s.id, maxRecord)
	switch {
	case gerr == nil && digest(got) == hash:
		return nil
	case gerr == nil:
		return ErrFenced
	case errors.Is(err, objstore.ErrExists):
		return errors.Join(ErrFenced, gerr)
	}
	return err
}
