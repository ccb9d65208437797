package db

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
)

// Rows that come in the order of their numbers can be laid down as the pages of
// SQLite's file format (https://www.sqlite.org/fileformat2.html, fixed since 2004)
// one behind the other: that takes a tenth of the time of INSERT, which looks for the
// place of each row and writes its page by itself. SQLite still makes the table, builds
// its indexes, and checks the result; see Load.

const (
	pendingByte = 1 << 30 // SQLite locks the byte here, and uses the page of it for nothing
	pageBuffer  = 1 << 20 // written at once
)

// Places in the header of the file.
const (
	headerSize     = 100
	headerReserved = 20
	headerChanges  = 24
	headerPages    = 28
	headerFormat   = 44
	headerVacuum   = 52
	headerUTF8     = 56
	headerValid    = 92
)

// pageFile appends pages to a database that nobody reads or writes meanwhile.
type pageFile struct {
	f      *os.File
	header [headerSize]byte
	size   int    // of a page
	next   uint32 // number of the page that comes next
	buf    []byte
}

var errNoPages = errors.New("the database has a form that is not written page by page")

// openPages opens the database for pages to be appended; errNoPages when its form is
// another than that of every database made here.
func openPages(path string) (*pageFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	p := &pageFile{f: f}
	if err := p.readHeader(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.buf = make([]byte, 0, pageBuffer)
	return p, nil
}

func (p *pageFile) readHeader() error {
	if _, err := p.f.ReadAt(p.header[:], 0); err != nil {
		return err
	}
	info, err := p.f.Stat()
	if err != nil {
		return err
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(p.header[at:]) }
	p.size, p.next = int(binary.BigEndian.Uint16(p.header[16:])), u32(headerPages)+1
	whole := u32(headerChanges) == u32(headerValid) && info.Size() == int64(u32(headerPages))*int64(p.size)
	plain := p.header[headerReserved] == 0 && u32(headerVacuum) == 0 && u32(headerFormat) == 4 && u32(headerUTF8) == 1
	if p.size < 512 || !whole || !plain {
		return errNoPages
	}
	return nil
}

// add appends a page and returns its number.
func (p *pageFile) add(page []byte) (uint32, error) {
	if int64(p.next-1)*int64(p.size) == pendingByte {
		if err := p.put(make([]byte, p.size)); err != nil {
			return 0, err
		}
	}
	no := p.next
	return no, p.put(page)
}

func (p *pageFile) put(page []byte) error {
	if p.next == math.MaxUint32-1 {
		return errors.New("the database has as many pages as it can have")
	}
	p.buf = append(p.buf, page...)
	p.next++
	if len(p.buf)+p.size > cap(p.buf) {
		return p.flush()
	}
	return nil
}

func (p *pageFile) flush() error {
	_, err := p.f.WriteAt(p.buf, int64(p.next-1)*int64(p.size)-int64(len(p.buf)))
	p.buf = p.buf[:0]
	return err
}

// set writes a page that is there already.
func (p *pageFile) set(no uint32, page []byte) error {
	_, err := p.f.WriteAt(page, int64(no-1)*int64(p.size))
	return err
}

// finish tells SQLite of the new pages: it sees by the counter of changes that what
// it remembers of the file is out of date.
func (p *pageFile) finish() error {
	if err := p.flush(); err != nil {
		return err
	}
	changes := binary.BigEndian.Uint32(p.header[headerChanges:]) + 1
	binary.BigEndian.PutUint32(p.header[headerChanges:], changes)
	binary.BigEndian.PutUint32(p.header[headerValid:], changes)
	binary.BigEndian.PutUint32(p.header[headerPages:], p.next-1)
	_, err := p.f.WriteAt(p.header[:], 0)
	return err
}

// following is the number of the page after the next one.
func (p *pageFile) following() uint32 {
	usable := func(no uint32) uint32 {
		if int64(no-1)*int64(p.size) == pendingByte {
			no++
		}
		return no
	}
	return usable(usable(p.next) + 1)
}
