package zipfile

import "io"

// headerBuffer has room for a local header with a name and fields of usual lengths.
const headerBuffer = 256

// layout walks through the directory and the local headers side by side.
func (r *Reader) layout() error {
	d := r.directory()
	next := int64(0) // where the next entry must begin
	var before central
	buf := make([]byte, headerBuffer)
	for {
		c, err := d.next()
		if err != nil {
			return err
		}
		begin := r.ends.start
		if c != nil {
			begin = c.offset
		}
		if err := r.join(&before, next, begin); err != nil {
			return err
		}
		if c == nil {
			return nil
		}
		data, err := r.local(c, buf)
		if err != nil {
			return err
		}
		if c.packed > r.ends.start-data {
			return refuse(c.name, "its data does not end before the directory: the archive is damaged or was made to deceive")
		}
		if c.size > r.limits.TotalSize-r.total {
			return beyond(c.name, "up to here the archive unpacks to more than the %d bytes allowed", r.limits.TotalSize)
		}
		r.total += c.size
		next = data + c.packed
		before.record = c.record
	}
}

// join checks what lies between the data of an entry, which ends at from, and
// the next header, which begins at to: nothing, or the entry's descriptor.
func (r *Reader) join(before *central, from, to int64) error {
	gap := to - from
	switch {
	case gap < 0:
		return refuse(before.name, "it overlaps with what follows it, as in archives made to fill a disk")
	case before.streamed:
		return r.descriptor(before, from, gap)
	case gap > 0 && from == 0:
		return refuse("", "there is something before its first entry")
	case gap > 0:
		return refuse(before.name, "it is followed by %d bytes that belong to no entry", gap)
	}
	return nil
}

// descriptor checks the record of gap bytes after streamed data. Its signature
// may be missing, and its sizes have four or eight bytes.
func (r *Reader) descriptor(c *central, at, gap int64) error {
	var full [24]byte
	if gap != 12 && gap != 16 && gap != 20 && gap != 24 {
		return refuse(c.name, "between it and what follows lies something other than its size and checksum")
	}
	b := full[:gap]
	if err := readFull(r.in, b, at); err != nil {
		return err
	}
	var want []byte
	if gap == 16 || gap == 24 {
		want = le.AppendUint32(want, sigDescriptor)
	}
	want = le.AppendUint32(want, c.crc)
	if gap >= 20 {
		want = le.AppendUint64(want, uint64(c.packed))
		want = le.AppendUint64(want, uint64(c.size))
	} else {
		want = le.AppendUint32(want, uint32(c.packed))
		want = le.AppendUint32(want, uint32(c.size))
	}
	if string(b) != string(want) || (gap < 20 && (c.size > max32 || c.packed > max32)) {
		return refuse(c.name, "the size and checksum after it are not those in the directory")
	}
	return nil
}

// local compares an entry's local header with the directory's and returns
// where its data begins. buf is room for most headers.
func (r *Reader) local(c *central, buf []byte) (int64, error) {
	if c.offset > r.ends.start-lenLocal {
		return 0, refuse(c.name, "it is said to begin where the directory is")
	}
	b := buf[:min(int64(len(buf)), r.ends.start-c.offset)]
	if err := readFull(r.in, b, c.offset); err != nil {
		return 0, err
	}
	if le.Uint32(b) != sigLocal {
		return 0, refuse(c.name, "there is nothing where it should begin")
	}
	name, extra := int64(le.Uint16(b[26:])), int64(le.Uint16(b[28:]))
	length := lenLocal + name + extra
	if length > r.ends.start-c.offset {
		return 0, refuse(c.name, "its own header is cut off")
	}
	if length > int64(len(b)) {
		b = make([]byte, length)
		if err := readFull(r.in, b, c.offset); err != nil {
			return 0, err
		}
	}
	return c.offset + length, c.matches(b[:lenLocal], string(b[lenLocal:lenLocal+name]), b[lenLocal+name:length])
}

// matches says whether a local header repeats c.
func (c *central) matches(b []byte, name string, extra []byte) error {
	if name != c.name {
		return refuse(c.name, "its own header names it %q", shown(name))
	}
	if le.Uint16(b[6:]) != c.bits || Method(le.Uint16(b[8:])) != c.method {
		return refuse(c.name, "its own header and the directory disagree on how it is packed")
	}
	packed, size := uint64(le.Uint32(b[18:])), uint64(le.Uint32(b[22:]))
	seen := false
	err := eachExtra(name, extra, func(id uint16, data []byte) error {
		if id != extraZip64 {
			return nil
		}
		if seen || len(data) < 16 {
			return refuse(name, "the ZIP64 sizes in its own header are damaged")
		}
		seen = true
		if size == max32 {
			size = le.Uint64(data)
		}
		if packed == max32 {
			packed = le.Uint64(data[8:])
		}
		return nil
	})
	if err != nil {
		return err
	}
	crc := le.Uint32(b[14:])
	if c.streamed && crc == 0 && size == 0 && packed == 0 {
		return nil // they come after the data
	}
	if crc != c.crc || size != uint64(c.size) || packed != uint64(c.packed) {
		return refuse(c.name, "its own header and the directory disagree on its size or checksum")
	}
	return nil
}

// section is the packed data of an entry. The header is read and compared
// again, so that a file exchanged since NewReader does not go unnoticed.
func (e *Entry) section() (*io.SectionReader, error) {
	c := &central{record: record{
		name: e.Name, method: e.Method, streamed: e.bits&flagStreamed != 0,
		crc: e.CRC32, size: e.Size, packed: e.Packed, offset: e.offset,
	}, bits: e.bits}
	data, err := e.r.local(c, make([]byte, headerBuffer))
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(e.r.in, data, e.Packed), nil
}
