package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Kinds of pages, and what begins them.
const (
	pageInterior   = 0x05
	pageLeaf       = 0x0d
	interiorHeader = 12
	leafHeader     = 8
)

// child is a page below another one, with the highest number in it.
type child struct {
	page uint32
	key  int64
}

// level collects the pages of one height. A full one is held back until the next has
// two, because a page with one below it is none.
type level struct {
	held, open []child
	size       int // of open, as a page
}

// tree is the rows of a table, in the making.
type tree struct {
	p      *pageFile
	root   uint32 // where SQLite looks for the table
	leaf   []byte
	cells  int   // in leaf
	top    int   // where the content of leaf begins
	last   int64 // the number of the last row
	levels []*level
	cell   []byte // of the row that is added
	up     []byte // of a page
	spill  []byte // a page of what does not fit beside other rows
}

func newTree(p *pageFile, root uint32) *tree {
	return &tree{p: p, root: root, leaf: make([]byte, p.size), top: p.size, last: math.MinInt64, spill: make([]byte, p.size)}
}

// row adds a row; numbers ascend.
func (t *tree) row(number int64, record []byte) error {
	local := t.local(len(record))
	t.cell = appendVarint(appendVarint(t.cell[:0], uint64(len(record))), uint64(number))
	t.cell = append(t.cell, record[:local]...)
	if local < len(record) {
		first, err := t.overflow(record[local:])
		if err != nil {
			return err
		}
		t.cell = binary.BigEndian.AppendUint32(t.cell, first)
	}
	if leafHeader+2*(t.cells+1)+len(t.cell) > t.top {
		if err := t.endLeaf(); err != nil {
			return err
		}
	}
	t.top -= len(t.cell)
	copy(t.leaf[t.top:], t.cell)
	binary.BigEndian.PutUint16(t.leaf[leafHeader+2*t.cells:], uint16(t.top))
	t.cells++
	t.last = number
	return nil
}

// local is how much of a record stands in the leaf itself.
func (t *tree) local(n int) int {
	usable := t.p.size
	most := usable - 35
	if n <= most {
		return n
	}
	least := (usable-12)*32/255 - 23
	if k := least + (n-least)%(usable-4); k <= most {
		return k
	}
	return least
}

// overflow writes what does not fit into the leaf, and returns its first page.
func (t *tree) overflow(rest []byte) (first uint32, err error) {
	for len(rest) > 0 {
		n := copy(t.spill[4:], rest)
		clear(t.spill[4+n:])
		rest = rest[n:]
		next := uint32(0)
		if len(rest) > 0 {
			next = t.p.following()
		}
		binary.BigEndian.PutUint32(t.spill, next)
		no, err := t.p.add(t.spill)
		if err != nil {
			return 0, err
		}
		if first == 0 {
			first = no
		}
	}
	return first, nil
}

// sealLeaf completes the leaf's header.
func (t *tree) sealLeaf() {
	clear(t.leaf[leafHeader+2*t.cells : t.top])
	t.leaf[0], t.leaf[7] = pageLeaf, 0
	binary.BigEndian.PutUint16(t.leaf[1:], 0)
	binary.BigEndian.PutUint16(t.leaf[3:], uint16(t.cells))
	binary.BigEndian.PutUint16(t.leaf[5:], uint16(t.top)) // 65536 is written as 0
}

func (t *tree) endLeaf() error {
	t.sealLeaf()
	no, err := t.p.add(t.leaf)
	if err != nil {
		return err
	}
	t.cells, t.top = 0, t.p.size
	return t.above(0, child{no, t.last})
}

// above notes a finished page in the level above it.
func (t *tree) above(height int, c child) error {
	if height == len(t.levels) {
		t.levels = append(t.levels, &level{size: interiorHeader})
	}
	l := t.levels[height]
	if l.size > t.p.size { // the last one in a page needs no cell, only the pointer
		if err := t.release(height); err != nil {
			return err
		}
		l.held, l.open, l.size = l.open, append(l.held[:0], c), interiorHeader
	} else {
		l.open = append(l.open, c)
	}
	l.size += 2 + 4 + len(appendVarint(t.up[:0], uint64(c.key)))
	return nil
}

// release writes the page that is held back.
func (t *tree) release(height int) error {
	l := t.levels[height]
	if len(l.held) == 0 {
		return nil
	}
	no, err := t.p.add(t.interior(l.held))
	if err != nil {
		return err
	}
	return t.above(height+1, child{no, l.held[len(l.held)-1].key})
}

func (t *tree) interior(of []child) []byte {
	page, top := t.spill, t.p.size
	last := len(of) - 1
	for i, c := range of[:last] {
		t.up = appendVarint(binary.BigEndian.AppendUint32(t.up[:0], c.page), uint64(c.key))
		top -= len(t.up)
		copy(page[top:], t.up)
		binary.BigEndian.PutUint16(page[interiorHeader+2*i:], uint16(top))
	}
	clear(page[interiorHeader+2*last : top])
	page[0], page[7] = pageInterior, 0
	binary.BigEndian.PutUint16(page[1:], 0)
	binary.BigEndian.PutUint16(page[3:], uint16(last))
	binary.BigEndian.PutUint16(page[5:], uint16(top))
	binary.BigEndian.PutUint32(page[8:], of[last].page)
	return page
}

// finish writes what is open. The highest page takes the place of the table's root.
func (t *tree) finish() error {
	if len(t.levels) == 0 {
		t.sealLeaf()
		return t.p.set(t.root, t.leaf)
	}
	if err := t.endLeaf(); err != nil {
		return err
	}
	for height := 0; ; height++ {
		l := t.levels[height]
		if len(l.held) == 0 {
			return t.p.set(t.root, t.interior(l.open))
		}
		if len(l.open) == 1 {
			last := len(l.held) - 1
			l.held, l.open = l.held[:last], []child{l.held[last], l.open[0]}
		}
		if err := t.release(height); err != nil {
			return err
		}
		l.held = l.open
		if err := t.release(height); err != nil {
			return err
		}
	}
}

// numberOf is the number of a row, which must be higher than the one before.
func (t *tree) numberOf(c Cell) (int64, error) {
	if c.Kind != CellInt {
		return 0, errors.New("a row has no number")
	}
	if (t.cells > 0 || len(t.levels) > 0) && c.Int <= t.last {
		return 0, fmt.Errorf("row %d comes behind row %d", c.Int, t.last)
	}
	return c.Int, nil
}
