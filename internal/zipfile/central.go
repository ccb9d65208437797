package zipfile

import (
	"bufio"
	"errors"
	"io"
	"math"
	"time"
	"unicode/utf8"
)

// central is one header of the directory. Its name and extra fields are valid
// until the next one is read.
type central struct {
	record
	bits  uint16
	isDir bool
	raw   []byte // the name as it stands there
	extra []byte
}

// directory reads the headers of the directory one by one.
type directory struct {
	r    *Reader
	in   *bufio.Reader
	left int64 // bytes
	n    int64 // headers
	c    central
	head [lenCentral]byte
	buf  []byte
}

func (r *Reader) directory() *directory {
	section := io.NewSectionReader(r.in, r.ends.start, r.ends.length)
	return &directory{r: r, in: bufio.NewReaderSize(section, 64<<10), left: r.ends.length, n: r.ends.n}
}

// next returns the next header, nil after the last.
func (d *directory) next() (*central, error) {
	ok, err := d.advance()
	if err != nil || !ok {
		return nil, err
	}
	return &d.c, d.parse()
}

// advance reads the next header without looking into it, except for its
// lengths: d.c has its raw name and extra fields.
func (d *directory) advance() (bool, error) {
	if d.n == 0 {
		if d.left != 0 {
			return false, refuse("", "its directory has more in it than its end record says")
		}
		return false, nil
	}
	d.n--
	if err := d.read(d.head[:]); err != nil {
		return false, err
	}
	if le.Uint32(d.head[:]) != sigCentral {
		return false, refuse("", "its directory is damaged")
	}
	name, extra, comment := int(le.Uint16(d.head[28:])), int(le.Uint16(d.head[30:])), int(le.Uint16(d.head[32:]))
	if int64(name) > d.r.limits.NameLength {
		return false, beyond("", "a name in it has %d bytes, more than the %d allowed", name, d.r.limits.NameLength)
	}
	if cap(d.buf) < name+extra {
		d.buf = make([]byte, name+extra)
	}
	d.buf = d.buf[:name+extra]
	if err := d.read(d.buf); err != nil {
		return false, err
	}
	d.c.raw, d.c.extra = d.buf[:name], d.buf[name:]
	return true, d.skip(comment)
}

func (d *directory) read(p []byte) error {
	if int64(len(p)) > d.left {
		return refuse("", "its directory is shorter than its end record says")
	}
	d.left -= int64(len(p))
	if _, err := io.ReadFull(d.in, p); err != nil {
		return unreadable("", err)
	}
	return nil
}

func (d *directory) skip(n int) error {
	if int64(n) > d.left {
		return refuse("", "its directory is shorter than its end record says")
	}
	d.left -= int64(n)
	if _, err := d.in.Discard(n); err != nil {
		return unreadable("", err)
	}
	return nil
}

// parse fills d.c from what advance read.
func (d *directory) parse() error {
	c, head := &d.c, d.head[:]
	c.bits = le.Uint16(head[8:])
	c.record = record{
		name: string(c.raw), method: Method(le.Uint16(head[10:])), streamed: c.bits&flagStreamed != 0,
		crc: le.Uint32(head[16:]), modified: fromDOS(le.Uint16(head[14:]), le.Uint16(head[12:])),
	}
	if le.Uint16(head[34:]) != 0 {
		return refuse(c.name, "it is said to be in another part of the archive")
	}
	if err := c.kind(le.Uint32(head[38:]), d.r.options.Foreign); err != nil {
		return err
	}
	if err := c.packing(); err != nil {
		return err
	}
	sizes := [3]uint64{uint64(le.Uint32(head[24:])), uint64(le.Uint32(head[20:])), uint64(le.Uint32(head[42:]))}
	if err := c.extras(&sizes); err != nil {
		return err
	}
	if sizes[0] > math.MaxInt64 || sizes[1] > math.MaxInt64 || sizes[2] > math.MaxInt64 {
		return refuse(c.name, "its size or place is impossible")
	}
	c.size, c.packed, c.offset = int64(sizes[0]), int64(sizes[1]), int64(sizes[2])
	if c.method == Stored && c.size != c.packed {
		return refuse(c.name, "it is stored as it is, yet said to have another size when unpacked")
	}
	if c.isDir && c.size != 0 {
		return refuse(c.name, "it is a directory with content")
	}
	return c.within(&d.r.limits)
}

// kind checks name and attributes: plain files, and directories of foreign archives.
func (c *central) kind(attributes uint32, foreign bool) error {
	const (
		typeMask, typeFile, typeDir = 0o170000, 0o100000, 0o040000
		dosVolume, dosDir           = 0x08, 0x10
	)
	name, slash := c.name, false
	if foreign && name != "" && name[len(name)-1] == '/' {
		name, slash = name[:len(name)-1], true
	}
	if reason := badName(name); reason != "" {
		return refuse(c.name, "%s", reason)
	}
	if c.bits&flagUTF8 == 0 && !foreign && !isASCII(name) {
		return refuse(c.name, "its name does not say which alphabet it is written in")
	}
	mode := attributes >> 16 & typeMask
	marked := mode == typeDir || attributes&dosDir != 0
	switch {
	case mode != 0 && mode != typeFile && mode != typeDir:
		return refuse(c.name, "it is a link, a device or another special file")
	case attributes&dosVolume != 0:
		return refuse(c.name, "it is the label of a disk")
	case marked && (!slash || mode == typeFile):
		return refuse(c.name, "it is marked as a directory, but is a file by name or by type")
	case slash && mode == typeFile:
		return refuse(c.name, "it is a directory by name, but marked as a file")
	}
	c.isDir = slash
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (c *central) packing() error {
	switch {
	case c.bits&flagEncrypted != 0:
		return refuse(c.name, "it is encrypted")
	case c.bits&^(flagStreamed|flagUTF8|flagLevel) != 0:
		return refuse(c.name, "it uses features that are not supported (flags %#04x)", c.bits)
	case c.method != Stored && c.method != Deflated:
		return refuse(c.name, "it is packed by method %d, only stored and deflated entries are read", c.method)
	case c.method == Stored && c.streamed:
		return refuse(c.name, "it is stored without its size in front, so that programs can disagree on where it ends")
	}
	return nil
}

// extras applies the ZIP64 field to sizes (unpacked, packed, offset) and takes the time.
func (c *central) extras(sizes *[3]uint64) error {
	seen := false
	return eachExtra(c.name, c.extra, func(id uint16, data []byte) error {
		switch id {
		case extraZip64:
			if seen {
				return refuse(c.name, "it has its sizes twice")
			}
			seen = true
			return c.wide(data, sizes)
		case extraTime:
			if len(data) >= 5 && data[0]&1 != 0 {
				c.modified = time.Unix(int64(int32(le.Uint32(data[1:]))), 0).UTC()
			}
		}
		return nil
	})
}

// wide takes the ZIP64 sizes. Usual writers give the fields that the header
// has no room for; some give all three, and then the others must repeat the header.
func (c *central) wide(data []byte, sizes *[3]uint64) error {
	all := len(data) == 24
	for i := range sizes {
		full := sizes[i] == max32
		if !full && !all {
			continue
		}
		if len(data) < 8 {
			return refuse(c.name, "its ZIP64 sizes are incomplete")
		}
		v := le.Uint64(data)
		data = data[8:]
		if !full && v != sizes[i] {
			return refuse(c.name, "its two sizes in the directory contradict each other")
		}
		sizes[i] = v
	}
	if len(data) == 4 && le.Uint32(data) == 0 {
		data = nil // the number of the disk
	}
	if len(data) != 0 {
		return refuse(c.name, "it has ZIP64 sizes that nothing refers to")
	}
	return nil
}

// within checks the limits of one entry.
func (c *central) within(l *Limits) error {
	if c.size > l.EntrySize {
		return beyond(c.name, "it unpacks to %d bytes, more than the %d allowed", c.size, l.EntrySize)
	}
	if c.size > RatioFloor && c.size/l.Ratio > c.packed {
		return beyond(c.name, "it unpacks to more than %d times its size", l.Ratio)
	}
	return nil
}

// eachExtra calls fn for the extra fields of a header and refuses those that
// give an entry a second name or nature.
func eachExtra(name string, b []byte, fn func(id uint16, data []byte) error) error {
	for len(b) > 0 {
		if len(b) < 4 || int(le.Uint16(b[2:])) > len(b)-4 {
			return refuse(name, "its extra fields are damaged")
		}
		id, data := le.Uint16(b), b[4:4+int(le.Uint16(b[2:]))]
		b = b[4+len(data):]
		switch {
		case id == extraPath && (len(data) < 5 || string(data[5:]) != name):
			return refuse(name, "it has a second, other name")
		case id == extraUnix || id == extraOldUnix:
			return refuse(name, "it has attributes that can make it a link")
		}
		if err := fn(id, data); err != nil {
			return err
		}
	}
	return nil
}

var errClosed = errors.New("zip: read from a closed entry")
