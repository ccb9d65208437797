package objstore

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// listBatch is how many names of one directory are held at a time. A larger
// directory is read several times over, so that memory stays bounded.
const listBatch = 8192

// List implements Store.
func (d *Dir) List(ctx context.Context, prefix string, fn func(Info) error) error {
	return d.walk(ctx, ".", prefix, fn)
}

// walk lists what is below dir, in the order of whole names: a directory counts
// as its name with a slash.
func (d *Dir) walk(ctx context.Context, dir, prefix string, fn func(Info) error) error {
	for after := ""; ; {
		names, more, err := d.batch(ctx, dir, prefix, after)
		if err != nil {
			return fmt.Errorf("list %s: %w", path.Join(d.path, dir), classify(err))
		}
		for _, name := range names {
			if err := d.visit(ctx, name, prefix, fn); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		after = names[len(names)-1]
	}
}

func (d *Dir) visit(ctx context.Context, name, prefix string, fn func(Info) error) error {
	if below, ok := strings.CutSuffix(name, "/"); ok {
		return d.walk(ctx, below, prefix, fn)
	}
	info, err := d.Stat(ctx, name)
	if errors.Is(err, ErrNotFound) { // removed meanwhile, or no plain file
		return nil
	}
	if err != nil {
		return err
	}
	return fn(info)
}

// batch returns the first names of dir behind a given one, in order, and whether
// there may be more. Directories end in a slash; what can hold nothing of the
// prefix and what is no object is left out. A directory that is not there is empty.
func (d *Dir) batch(ctx context.Context, dir, prefix, after string) (names []string, more bool, err error) {
	f, err := d.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	first := &smallest{}
	for {
		entries, err := f.ReadDir(512)
		for _, e := range entries {
			if name := entryName(dir, e); name > after && wanted(name, prefix) {
				first.add(name)
			}
		}
		if errors.Is(err, io.EOF) {
			return first.inOrder(), first.dropped, nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, false, err
		}
	}
}

// entryName is the whole name of an entry, or "" when it is no object's.
func entryName(dir string, e fs.DirEntry) string {
	name := path.Join(dir, e.Name())
	switch {
	case !ValidName(name):
		return ""
	case e.IsDir():
		return name + "/"
	default:
		return name
	}
}

// wanted says whether a file has the prefix, or a directory can hold one that has.
func wanted(name, prefix string) bool {
	return strings.HasPrefix(name, prefix) || strings.HasSuffix(name, "/") && strings.HasPrefix(prefix, name)
}

// smallest keeps the listBatch smallest names it is given: a heap, greatest on top.
type smallest struct {
	names   []string
	dropped bool
}

func (s *smallest) add(name string) {
	heap.Push(s, name)
	if len(s.names) > listBatch {
		heap.Pop(s)
		s.dropped = true
	}
}

// inOrder empties the heap.
func (s *smallest) inOrder() []string {
	names := make([]string, len(s.names))
	for i := len(names) - 1; i >= 0; i-- {
		names[i] = heap.Pop(s).(string)
	}
	return names
}

func (s *smallest) Len() int           { return len(s.names) }
func (s *smallest) Less(i, j int) bool { return s.names[i] > s.names[j] }
func (s *smallest) Swap(i, j int)      { s.names[i], s.names[j] = s.names[j], s.names[i] }
func (s *smallest) Push(x any)         { s.names = append(s.names, x.(string)) }

func (s *smallest) Pop() any {
	last := s.names[len(s.names)-1]
	s.names = s.names[:len(s.names)-1]
	return last
}
