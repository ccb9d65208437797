package repo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// BackupOptions adjust a backup; zero fields have defaults.
type BackupOptions struct {
	// Beat is how often the session tells that it lives, and so how much work a
	// crash can cost; a minute when 0, after each pack when negative.
	Beat time.Duration
	// Progress is called now and then, from a goroutine of the backup.
	Progress func(Progress)
}

// maxChunks bounds a content, so that its entry fits into a part of a manifest.
const maxChunks = 256 << 10

// maxPending bounds the entries that wait for a pack to be stored.
const maxPending = 16 << 10

// Backup takes a snapshot of the source. It exists when Backup returns it: until
// then nothing that was stored shows, and what was stored helps the next backup.
//
// Errors: those of the source and of objstore; ErrFenced.
func (r *Repository) Backup(ctx context.Context, src Source, o BackupOptions) (Snapshot, error) {
	if o.Beat == 0 {
		o.Beat = time.Minute
	}
	w := &writing{r: r, o: o, encoder: encoder{mask: r.partMask}, gone: map[Hash]bool{}, known: &partSet{parts: map[Hash]part{}}}
	if err := w.begin(ctx); err != nil {
		return Snapshot{}, fmt.Errorf("begin a backup: %w", err)
	}
	snap, err := w.run(ctx, src)
	if err != nil {
		return Snapshot{}, fmt.Errorf("backup: %w", err)
	}
	w.s.end(context.WithoutCancel(ctx))
	return snap, nil
}

// writing is one run of Backup. The source's goroutine cuts contents into chunks,
// workers name and compress them, one goroutine puts them into packs in the order
// of the source, and one stores the packs and then names their contents in the manifest.
type writing struct {
	r *Repository
	s *session
	o BackupOptions

	// gone is what was condemned before the session began, or is known to be
	// damaged. The others are the packs, with their sizes, and the manifests that may be named again.
	gone             map[Hash]bool
	packs, manifests map[Hash]uint32

	before  []*cursor // manifests that hold what need not be stored again
	parent  *Snapshot // whose manifest is the first of them
	known   *partSet  // their parts
	seq     int64
	prev    []link
	last    []byte // key of the last item
	read    atomic.Int64
	added   atomic.Int64
	doc     commitDoc
	encoder encoder

	tasks, ordered chan *task
	full           chan *pack
	free           chan *buffer
	spare          chan []byte // for packs
}

// task is a chunk on its way, or an entry that is taken over as it is.
type task struct {
	entry  *Entry
	whole  bool     // the entry is complete without this task
	end    bool     // the chunk is the entry's last
	same   []*Entry // where the chunk may be already
	sample bool     // whether to compress is to be told by the worker
	at     int      // its number in the entry
	buf    *buffer
	plain  []byte // in buf
	done   chan struct{}

	id    Hash
	sum   uint32 // CRC of what is to be sealed
	found *ref   // where it is stored already
}

// buffer holds a chunk, plain and compressed.
type buffer struct{ plain, fragment []byte }

func (w *writing) run(ctx context.Context, src Source) (Snapshot, error) {
	if err := w.look(ctx); err != nil {
		return Snapshot{}, err
	}
	if c, ok := src.(Comparer); ok && w.parent != nil {
		c.Parent(*w.parent)
	}
	if err := w.pipeline(ctx, src); err != nil {
		return Snapshot{}, err
	}
	meta, complete, err := src.Meta()
	if err != nil {
		return Snapshot{}, err
	}
	return w.commit(ctx, meta, complete)
}

// begin reads what is condemned and announces the session, which says so. What
// is condemned later waits for the end of the session. What is known to be
// damaged counts as gone, too, so that it is stored again.
func (w *writing) begin(ctx context.Context) error {
	lists, _, err := w.r.condemned(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, l := range lists {
		names = append(names, l.name)
		for _, h := range slices.Concat(l.doc.Packs, l.doc.Manifests) {
			w.gone[h] = true
		}
	}
	if w.s, err = w.r.begin(ctx, names); err != nil {
		return err
	}
	bad, err := w.r.distrusted(ctx)
	maps.Copy(w.gone, bad.objects)
	return err
}

// look finds out what is stored already.
func (w *writing) look(ctx context.Context) (err error) {
	if w.packs, err = w.usable(ctx, packPrefix); err != nil {
		return err
	}
	if w.manifests, err = w.usable(ctx, manifestPrefix); err != nil {
		return err
	}
	ended, tips := map[string]bool{}, map[string]link{}
	var seen []link
	err = w.r.commits(ctx, func(id string) error {
		ended[id] = true
		c, fence, err := w.r.commit(ctx, id)
		switch {
		case damage(err):
			w.r.opt.Log.Warn("a snapshot cannot be read", "snapshot", id, "error", err)
			return nil // a new backup is what helps most
		case err != nil || fence:
			return err
		}
		tips[id], seen = link{c.ID, c.Hash}, append(seen, c.prev...)
		if w.parent == nil || w.parent.compare(&c) < 0 {
			w.parent = &c
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range seen {
		delete(tips, l.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(tips)) {
		w.prev = append(w.prev, tips[id])
	}
	if w.parent != nil {
		w.seq = w.parent.Seq
		w.remember(w.parent.parts)
	}
	return w.resume(ctx, ended)
}

// resume adds what the last session without an end had stored.
func (w *writing) resume(ctx context.Context, ended map[string]bool) error {
	open, err := w.r.unended(ctx, ended)
	if err != nil {
		return err
	}
	for i := len(open) - 1; i >= 0; i-- {
		var d sessionDoc
		if open[i].id == w.s.id {
			continue
		}
		_, err := w.r.getRecord(ctx, open[i].newest, &d)
		if err != nil && !damage(err) {
			return err
		}
		if len(d.Parts) > 0 {
			w.remember(d.Parts)
			return nil
		}
	}
	return nil
}

func (w *writing) remember(parts []part) {
	for _, p := range parts {
		if _, ok := w.manifests[p.Object]; ok {
			w.known.parts[p.ID] = p
		}
	}
	w.before = append(w.before, &cursor{r: w.r, parts: parts, lost: func(p part, err error) {
		w.known.remove(p.ID)
		w.r.opt.Log.Warn("a manifest cannot be read; what it names is stored anew", "error", err)
	}})
}

// partSet holds stored parts by their content.
type partSet struct {
	mu    sync.Mutex
	parts map[Hash]part
}

func (s *partSet) find(id Hash) (part, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.parts[id]
	return p, ok
}

func (s *partSet) add(p part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[p.ID] = p
}

func (s *partSet) remove(id Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, id)
}

// usable returns the objects that are there and were not condemned.
func (w *writing) usable(ctx context.Context, prefix string) (map[Hash]uint32, error) {
	found, err := w.r.objects(ctx, prefix, nil)
	maps.DeleteFunc(found, func(h Hash, _ uint32) bool { return w.gone[h] })
	return found, err
}

// objects lists the objects that are named by their hash, with their sizes. skip
// leaves some out.
func (r *Repository) objects(ctx context.Context, prefix string, skip func(objstore.Info) bool) (map[Hash]uint32, error) {
	found := map[Hash]uint32{}
	err := r.store.List(ctx, prefix, func(i objstore.Info) error {
		var h Hash
		if h.UnmarshalText([]byte(i.Name[strings.LastIndexByte(i.Name, '/')+1:])) == nil && i.Size <= math.MaxUint32 && (skip == nil || !skip(i)) {
			found[h] = uint32(i.Size)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return found, nil
}

// reusable says whether all chunks of an entry can be named again.
func (w *writing) reusable(e *Entry) bool {
	for i := range e.chunks {
		if !w.there(&e.chunks[i]) {
			return false
		}
	}
	return true
}

func (w *writing) there(c *ref) bool { return w.packs[c.pack.name] == c.pack.size }

func (w *writing) pipeline(ctx context.Context, src Source) error {
	buffers := w.r.opt.Workers + 3
	w.tasks, w.ordered = make(chan *task, buffers), make(chan *task, buffers)
	w.full, w.free = make(chan *pack), make(chan *buffer, buffers)
	w.spare = make(chan []byte, 2)
	for range buffers {
		w.free <- &buffer{}
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(w.tasks)
		defer close(w.ordered)
		return src.Items(inner, func(i Item) error { return w.put(inner, i) })
	})
	for range w.r.opt.Workers {
		g.Go(func() error { return w.work(inner) })
	}
	g.Go(func() error { defer close(w.full); return w.fill(inner) })
	g.Go(func() error { return w.store(inner) })
	if err := g.Wait(); err != nil {
		return err
	}
	return w.cut(ctx)
}

// put takes an item of the source.
func (w *writing) put(ctx context.Context, i Item) error {
	if len(i.Key) == 0 || len(i.Key) > maxKey || w.last != nil && bytes.Compare(w.last, i.Key) >= 0 {
		return fmt.Errorf("the source gave the key %x after %x", i.Key, w.last)
	}
	w.last = append(w.last[:0], i.Key...)
	var same []*Entry
	for n, c := range w.before {
		e, err := c.find(ctx, i.Key)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		known := i.Immutable || i.Unchanged && n == 0 && w.parent != nil
		if known && w.reusable(e) {
			return w.send(ctx, &task{entry: e, whole: true})
		}
		same = append(same, e)
	}
	in := io.NopCloser(bytes.NewReader(i.Data))
	if i.Data == nil && i.Open != nil {
		var err error
		if in, err = i.Open(); err != nil {
			return err
		}
	}
	last, err := w.content(ctx, i, in, same)
	if err := errors.Join(err, in.Close()); err != nil {
		if last != nil && !last.whole {
			w.free <- last.buf
		}
		return err
	}
	return w.send(ctx, last)
}

// content cuts a content into chunks. The last one is returned and not sent, so
// that what cannot be read to its end leaves no entry.
func (w *writing) content(ctx context.Context, i Item, in io.Reader, same []*Entry) (held *task, err error) {
	e := &Entry{Key: bytes.Clone(i.Key), Count: i.Count, Deflated: i.Text}
	for at := 0; ; at++ {
		t, err := w.chunk(ctx, in)
		if err != nil {
			return held, err
		}
		if t == nil {
			break
		}
		if at == maxChunks {
			w.free <- t.buf
			return held, fmt.Errorf("the content under the key %x is larger than %d GiB", i.Key, maxChunks*chunkSize>>30)
		}
		if at == 0 && !i.Text {
			// A worker tells for a single chunk; for more, all must know before.
			if t.sample = len(t.plain) < chunkSize; !t.sample {
				e.Deflated = t.buf.compressible(t.plain)
			}
		}
		t.entry, t.same, t.at = e, same, at
		if held != nil {
			if err := w.send(ctx, held); err != nil {
				return t, err
			}
		}
		if held = t; len(t.plain) < chunkSize {
			break
		}
	}
	if held == nil {
		return &task{entry: e, whole: true}, nil
	}
	held.end = true
	return held, nil
}

// chunk reads the next chunk, nil at the end.
func (w *writing) chunk(ctx context.Context, in io.Reader) (*task, error) {
	var b *buffer
	select {
	case b = <-w.free:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if b.plain == nil {
		b.plain = make([]byte, chunkSize)
	}
	n, err := readFull(in, b.plain)
	if n > 0 && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		return &task{buf: b, plain: b.plain[:n], done: make(chan struct{})}, nil
	}
	w.free <- b
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return nil, err
}

func (w *writing) send(ctx context.Context, t *task) error {
	if !t.whole {
		select {
		case w.tasks <- t:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	select {
	case w.ordered <- t:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work names chunks and compresses those that are not stored yet.
func (w *writing) work(ctx context.Context) error {
	var check []byte
	for t := range w.tasks {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.read.Add(int64(len(t.plain)))
		t.id = w.r.keys.identify(kindChunk, t.plain)
		if t.sample {
			t.entry.Deflated = t.buf.compressible(t.plain)
		}
		for _, e := range t.same {
			if t.at < len(e.chunks) && e.Deflated == t.entry.Deflated && e.chunks[t.at].id == t.id && w.there(&e.chunks[t.at]) {
				t.found = &e.chunks[t.at]
				break
			}
		}
		if t.found == nil {
			var err error
			if check, err = w.compress(t, check); err != nil {
				return err
			}
		}
		close(t.done)
	}
	return nil
}

// compress makes the fragment of a chunk, and proves that the chunk comes out of it.
func (w *writing) compress(t *task, check []byte) ([]byte, error) {
	if !t.entry.Deflated {
		t.sum = crc32.ChecksumIEEE(t.plain)
		return check, nil
	}
	t.buf.fragment = w.r.deflate(t.buf.fragment[:0], t.plain)
	t.sum = crc32.ChecksumIEEE(t.buf.fragment)
	check = slices.Grow(check[:0], len(t.plain)+1) // and one to see that no more comes
	check, err := inflate(check, t.buf.fragment, int64(len(t.plain)))
	if err != nil || !bytes.Equal(check, t.plain) {
		return check, fmt.Errorf("a chunk did not read back before it was stored: %w", cmp.Or(err, ErrDamaged))
	}
	return check, nil
}
