package zipfile

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// twinsAtOnce is how many names are compared in one pass over the directory,
// eight bytes each. A variable for the tests.
var twinsAtOnce = int64(1 << 20)

// twinFinder looks for names that collide on some file system. It compares
// seeded hashes of 64 bits: names that do collide share a hash, and names that
// share a hash are compared themselves. Of a larger directory it takes one
// share of the hashes per pass, so that memory stays bounded without a
// temporary file.
type twinFinder struct {
	seed  maphash.Seed
	names *folder
	parts uint64
	part  uint64
	seen  []uint64 // hashes of files in this part, sorted
	again []uint64 // those that occur more than once
	first map[uint64]twin
	last  []byte // the directory looked up last
}

type twin struct{ name, folded string }

// twins refuses names that occur twice, whatever the case of their letters,
// and names that are a file and a directory at once.
func (r *Reader) twins() error {
	f := &twinFinder{seed: maphash.MakeSeed(), names: newFolder(), parts: uint64((r.ends.n + twinsAtOnce - 1) / twinsAtOnce)} //nolint:gosec // never negative
	for f.part = range f.parts {
		if err := f.collect(r); err != nil {
			return err
		}
		if err := f.compare(r); err != nil {
			return err
		}
	}
	return nil
}

func (f *twinFinder) hash(folded []byte) (h uint64, mine bool) {
	h = maphash.Bytes(f.seed, folded)
	return h, h%f.parts == f.part
}

// collect gathers the hashes of the part.
func (f *twinFinder) collect(r *Reader) error {
	f.seen, f.again, f.last = f.seen[:0], f.again[:0], nil
	if f.seen == nil {
		f.seen = make([]uint64, 0, min(r.ends.n, twinsAtOnce+twinsAtOnce/64))
	}
	d := r.directory()
	for {
		c, err := d.next()
		if err != nil {
			return err
		}
		if c == nil {
			break
		}
		if h, mine := f.hash(f.names.folded(c.raw)); mine && !c.isDir {
			f.seen = append(f.seen, h)
		}
	}
	slices.Sort(f.seen)
	for i := 1; i < len(f.seen); i++ {
		if f.seen[i] == f.seen[i-1] && (len(f.again) == 0 || f.again[len(f.again)-1] != f.seen[i]) {
			f.again = append(f.again, f.seen[i])
		}
	}
	return nil
}

// compare looks at the names that share a hash and at the directories on the way to each name.
func (f *twinFinder) compare(r *Reader) error {
	f.first = map[uint64]twin{}
	d := r.directory()
	for {
		c, err := d.next()
		if err != nil || c == nil {
			return err
		}
		folded := f.names.folded(c.raw)
		if !c.isDir {
			if err := f.repeated(c.name, folded); err != nil {
				return err
			}
		}
		if err := f.directories(c.name, parent(folded)); err != nil {
			return err
		}
	}
}

func (f *twinFinder) repeated(name string, folded []byte) error {
	h, mine := f.hash(folded)
	if !mine {
		return nil
	}
	if _, ok := slices.BinarySearch(f.again, h); !ok {
		return nil
	}
	other, ok := f.first[h]
	switch {
	case !ok:
		f.first[h] = twin{name, string(folded)}
	case other.name == name:
		return refuse(name, "there are two entries of that name")
	case other.folded == string(folded):
		return refuse(name, "its name is the same as %q on systems that do not tell such letters apart", shown(other.name))
	}
	return nil
}

// directories refuses a name below dir when dir or a directory above it is a
// file. Hashes alone decide: in an archive of a million entries an innocent
// one is refused once in some million attempts, each with another seed.
func (f *twinFinder) directories(name string, dir []byte) error {
	if bytes.Equal(dir, f.last) {
		return nil
	}
	f.last = append(f.last[:0], dir...)
	for ; len(dir) > 0; dir = parent(dir) {
		h, mine := f.hash(dir)
		if !mine {
			continue
		}
		if _, ok := slices.BinarySearch(f.seen, h); ok {
			return refuse(name, "%q is a file and a directory at once", shown(string(dir)))
		}
	}
	return nil
}
