package zipfile

// Sizer adds up the length of an archive whose entries are known beforehand,
// so that a download can announce it. It goes with StoreFile and CopyDeflated,
// in the same order; the length of a deflated stream cannot be foretold.
type Sizer struct {
	pos, dir, n int64
	buf         []byte
}

// StoreFile counts an entry that Writer.StoreFile or StoreSeeker will write.
func (s *Sizer) StoreFile(h Header, size int64) {
	s.add(record{name: h.Name, modified: h.Modified, method: Stored, size: size, packed: size})
}

// CopyDeflated counts an entry that Writer.CopyDeflated will write.
func (s *Sizer) CopyDeflated(h Header, size, packed int64) {
	s.add(record{name: h.Name, modified: h.Modified, method: Deflated, size: size, packed: packed})
}

func (s *Sizer) add(rec record) {
	rec.offset = s.pos
	s.buf = rec.appendLocal(s.buf[:0])
	s.pos += int64(len(s.buf)) + rec.packed
	s.buf = rec.appendCentral(s.buf[:0])
	s.dir += int64(len(s.buf))
	s.n++
}

// Offset is where the next entry will begin.
func (s *Sizer) Offset() int64 { return s.pos }

// Len is the length of the archive if it ended here.
func (s *Sizer) Len() int64 {
	return s.pos + s.dir + int64(len(appendEnd(s.buf[:0], s.n, s.pos, s.dir)))
}
