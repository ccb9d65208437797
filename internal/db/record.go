package db

// appendVarint appends a number of one to nine bytes, the highest bits first.
func appendVarint(b []byte, v uint64) []byte {
	if v >= 1<<56 {
		for shift := 57; shift >= 8; shift -= 7 {
			b = append(b, byte(v>>shift)|0x80)
		}
		return append(b, byte(v)) // the ninth carries eight bits
	}
	shift := 0
	for v>>(shift+7) != 0 {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(v>>shift)|0x80)
	}
	return append(b, byte(v&0x7f))
}

// appendRecord appends a row as SQLite keeps it: the kind of each value, and then the
// values. order names the place of each column's value in row, -1 for the number of
// the row, which stands elsewhere.
func appendRecord(b, kinds []byte, row []Cell, order []int) (record, scratch []byte) {
	kinds = kinds[:0]
	size := 0
	for _, at := range order {
		kind, n := uint64(0), 0
		if at >= 0 {
			kind, n = serial(&row[at])
		}
		kinds = appendVarint(kinds, kind)
		size += n
	}
	length := len(kinds) + 1
	if length > 0x7f { // it counts itself, and now takes two bytes
		length++
	}
	b = append(appendVarint(b, uint64(length)), kinds...)
	for _, at := range order {
		if at >= 0 {
			b = appendSerial(b, &row[at])
		}
	}
	return b, kinds
}

// serial returns the kind of a value in a record, and how many bytes it takes.
func serial(c *Cell) (kind uint64, size int) {
	switch c.Kind {
	case CellNull:
		return 0, 0
	case CellText:
		return uint64(13 + 2*len(c.Text)), len(c.Text)
	default:
		return serialInt(c.Int)
	}
}

func serialInt(v int64) (kind uint64, size int) {
	u := uint64(v ^ v>>63)
	switch {
	case v == 0 || v == 1:
		return 8 + uint64(v), 0
	case u < 1<<7:
		return 1, 1
	case u < 1<<15:
		return 2, 2
	case u < 1<<23:
		return 3, 3
	case u < 1<<31:
		return 4, 4
	case u < 1<<47:
		return 5, 6
	}
	return 6, 8
}

func appendSerial(b []byte, c *Cell) []byte {
	switch c.Kind {
	case CellNull:
		return b
	case CellText:
		return append(b, c.Text...)
	default:
		_, size := serialInt(c.Int)
		for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
			b = append(b, byte(c.Int>>shift))
		}
		return b
	}
}
