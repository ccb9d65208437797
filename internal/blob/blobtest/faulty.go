package blobtest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/holdfast/holdfast/internal/blob"
)

// ErrInjected is what a Faulty store fails with when nothing else was asked for.
var ErrInjected = errors.New("injected fault")

// Method names a method of blob.Store.
type Method string

// The methods of blob.Store, and OnRead for reads of opened content.
const (
	OnPut    Method = "put"
	OnOpen   Method = "open"
	OnStat   Method = "stat"
	OnDelete Method = "delete"
	OnWalk   Method = "walk"
	OnRead   Method = "read"
)

// Faulty is a store that fails where a test tells it to and otherwise passes
// everything on. Calls are counted per method, from 1, over all goroutines, so
// that "fail the n-th call, for n = 1, 2, ... until nothing fails" visits each
// error path once.
type Faulty struct {
	inner blob.Store

	mu     sync.Mutex
	calls  map[Method]int
	faults map[Method]map[int]fault
	flip   map[string]int64
	cut    map[string]int64
	short  bool
}

type fault struct {
	err  error
	late bool // after the work was done
}

// NewFaulty wraps s.
func NewFaulty(s blob.Store) *Faulty {
	return &Faulty{
		inner: s, calls: map[Method]int{}, faults: map[Method]map[int]fault{},
		flip: map[string]int64{}, cut: map[string]int64{},
	}
}

// Fail makes the n-th call of m fail with err, ErrInjected when nil, before anything is done.
func (f *Faulty) Fail(m Method, n int, err error) { f.plan(m, n, err, false) }

// Lose makes the n-th call of m do its work and then report err all the same,
// as when the answer of a remote store is lost.
func (f *Faulty) Lose(m Method, n int, err error) { f.plan(m, n, err, true) }

func (f *Faulty) plan(m Method, n int, err error, late bool) {
	if err == nil {
		err = ErrInjected
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults[m] == nil {
		f.faults[m] = map[int]fault{}
	}
	f.faults[m][n] = fault{err, late}
}

// Flip damages the byte at offset whenever the blob is read.
func (f *Faulty) Flip(sha string, offset int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flip[sha] = offset
}

// Truncate makes reads of the blob end after n bytes; its size stays as it was.
func (f *Faulty) Truncate(sha string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut[sha] = n
}

// ShortReads makes each read of content give one byte at most.
func (f *Faulty) ShortReads() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.short = true
}

// Reset forgets all faults and counts.
func (f *Faulty) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.calls)
	clear(f.faults)
	clear(f.flip)
	clear(f.cut)
	f.short = false
}

// Calls says how often m was called.
func (f *Faulty) Calls(m Method) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[m]
}

func (f *Faulty) next(m Method) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[m]++
	return f.faults[m][f.calls[m]]
}

// call runs do under the plan for m.
func (f *Faulty) call(m Method, do func() error) error {
	p := f.next(m)
	if p.err != nil && !p.late {
		return p.err
	}
	if err := do(); err != nil {
		return err
	}
	return p.err
}

// Put implements blob.Store.
func (f *Faulty) Put(ctx context.Context, r io.Reader, limit int64) (ref blob.Ref, err error) {
	err = f.call(OnPut, func() error {
		ref, err = f.inner.Put(ctx, r, limit)
		return err
	})
	if err != nil {
		return blob.Ref{}, err
	}
	return ref, nil
}

// Batch implements blob.Store; its Put fails as Put does.
func (f *Faulty) Batch() blob.Batch { return faultyBatch{f.inner.Batch(), f} }

type faultyBatch struct {
	blob.Batch
	f *Faulty
}

// Put implements blob.Batch.
func (b faultyBatch) Put(ctx context.Context, sha string, r io.Reader) (size int64, err error) {
	err = b.f.call(OnPut, func() error {
		size, err = b.Batch.Put(ctx, sha, r)
		return err
	})
	return size, err
}

// Open implements blob.Store.
func (f *Faulty) Open(ctx context.Context, sha string) (io.ReadSeekCloser, int64, error) {
	if p := f.next(OnOpen); p.err != nil {
		return nil, 0, p.err
	}
	r, size, err := f.inner.Open(ctx, sha)
	if err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b := &faultyReader{f: f, inner: r, flip: -1, cut: size, short: f.short}
	if at, ok := f.flip[sha]; ok {
		b.flip = at
	}
	if at, ok := f.cut[sha]; ok {
		b.cut = at
	}
	return b, size, nil
}

// Stat implements blob.Store.
func (f *Faulty) Stat(ctx context.Context, sha string) (size int64, err error) {
	err = f.call(OnStat, func() error {
		size, err = f.inner.Stat(ctx, sha)
		return err
	})
	return size, err
}

// Delete implements blob.Store.
func (f *Faulty) Delete(ctx context.Context, sha string) error {
	return f.call(OnDelete, func() error { return f.inner.Delete(ctx, sha) })
}

// Walk implements blob.Store.
func (f *Faulty) Walk(ctx context.Context, fn func(string, int64) error) error {
	return f.call(OnWalk, func() error { return f.inner.Walk(ctx, fn) })
}

type faultyReader struct {
	f         *Faulty
	inner     io.ReadSeekCloser
	pos       int64
	flip, cut int64
	short     bool
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if plan := r.f.next(OnRead); plan.err != nil {
		return 0, plan.err
	}
	if r.pos >= r.cut {
		return 0, io.EOF
	}
	if r.short && len(p) > 1 {
		p = p[:1]
	}
	p = p[:min(int64(len(p)), r.cut-r.pos)]
	n, err := r.inner.Read(p)
	if at := r.flip - r.pos; r.flip >= 0 && at >= 0 && at < int64(n) {
		p[at] ^= 1
	}
	r.pos += int64(n)
	return n, err
}

func (r *faultyReader) Seek(offset int64, whence int) (int64, error) {
	pos, err := r.inner.Seek(offset, whence)
	if err == nil {
		r.pos = pos
	}
	return pos, err
}

func (r *faultyReader) Close() error { return r.inner.Close() }
