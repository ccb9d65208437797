package zipfile

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// twinsAtOnce is how many names are compared in one pass over the directory,
// eight bytes each. A variable for the tests.
var twinsAtOnce = int64(1 << 19)

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
	f := &twinFinder{seed: maphash.MakeSeed(), names: newFolder(), parts: uint64((r.ends.n + twinsAtOnce - 1) / twinsAtOnce)}
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
		more, err := d.advance()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if h, mine := f.hash(f.names.folded(d.c.raw)); mine && !endsWithSlash(d.c.raw) {
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
		more, err := d.advance()
		if err != nil || !more {
			return err
		}
		name := d.c.raw
		folded := f.names.folded(name)
		if !endsWithSlash(name) {
			if err := f.repeated(name, folded); err != nil {
				return err
			}
		}
		if err := f.directories(name, parent(folded)); err != nil {
			return err
		}
	}
}

func endsWithSlash(name []byte) bool { return len(name) > 0 && name[len(name)-1] == '/' }

func (f *twinFinder) repeated(name, folded []byte) error {
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
		f.first[h] = twin{string(name), string(folded)}
	case other.name == string(name):
		return refuse(string(name), "there are two entries of that name")
	case other.folded == string(folded):
		return refuse(string(name), "its name is the same as %q on systems that do not tell such letters apart", shown(other.name))
	}
	return nil
}

// directories refuses a name below dir when dir or a directory above it is a
// file. Hashes alone decide: in an archive of a million entries an innocent
// one is refused once in some million attempts, each with another seed.
func (f *twinFinder) directories(name, dir []byte) error {
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
			return refuse(string(name), "%q is a file and a directory at once", shown(string(dir)))
		}
	}
	return nil
}
