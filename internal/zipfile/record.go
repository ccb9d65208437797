package zipfile

import (
	"encoding/binary"
	"time"
)

// Signatures, lengths and flags of the records.
const (
	sigLocal      = 0x04034b50
	sigDescriptor = 0x08074b50
	sigCentral    = 0x02014b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator64  = 0x07064b50

	lenLocal     = 30
	lenCentral   = 46
	lenEnd       = 22
	lenEnd64     = 56
	lenLocator64 = 20

	flagEncrypted = 1 << 0
	flagStreamed  = 1 << 3
	flagUTF8      = 1 << 11
	// flagLevel are two bits about the effort of the compressor.
	flagLevel = 3 << 1

	extraZip64   = 0x0001
	extraTime    = 0x5455
	extraPath    = 0x7075
	extraUnix    = 0x000d
	extraOldUnix = 0x756e

	max16 = 1<<16 - 1
	max32 = 1<<32 - 1

	versionPlain = 20
	versionZip64 = 45
	hostUnix     = 3
	// attrRegular is a plain file, readable by all, as Unix writes it in the directory.
	attrRegular = 0o100644 << 16
)

var le = binary.LittleEndian

// record is what an archive says about one entry.
type record struct {
	name     string
	modified time.Time
	method   Method
	// streamed entries have size and CRC in a descriptor after the data.
	streamed     bool
	crc          uint32
	size, packed int64
	offset       int64
}

func (r *record) flags() uint16 {
	if r.streamed {
		return flagUTF8 | flagStreamed
	}
	return flagUTF8
}

// appendLocal adds the local header. A streamed entry always has the ZIP64
// field, because it says that the descriptor has sizes of eight bytes and
// nobody knows yet whether those are needed.
func (r *record) appendLocal(b []byte) []byte {
	crc, size, packed := r.crc, r.size, r.packed
	wide := r.streamed || size >= max32 || packed >= max32
	if r.streamed {
		crc, size, packed = 0, 0, 0
	}
	var extra []byte
	if wide {
		extra = le.AppendUint16(extra, extraZip64)
		extra = le.AppendUint16(extra, 16)
		extra = le.AppendUint64(extra, uint64(size))
		extra = le.AppendUint64(extra, uint64(packed))
		size, packed = max32, max32
	}
	extra = r.appendTime(extra)
	b = le.AppendUint32(b, sigLocal)
	b = r.appendCommon(b, wide, crc, size, packed, len(extra))
	b = append(b, r.name...)
	return append(b, extra...)
}

// appendCommon adds the fields that both headers have, from the version to the lengths.
func (r *record) appendCommon(b []byte, wide bool, crc uint32, size, packed int64, extra int) []byte {
	version := uint16(versionPlain)
	if wide {
		version = versionZip64
	}
	date, clock := dosTime(r.modified)
	for _, v := range []uint16{version, r.flags(), uint16(r.method), clock, date} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, crc)
	b = le.AppendUint32(b, uint32(packed))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint16(b, uint16(len(r.name)))
	return le.AppendUint16(b, uint16(extra))
}

func (r *record) appendDescriptor(b []byte) []byte {
	b = le.AppendUint32(b, sigDescriptor)
	b = le.AppendUint32(b, r.crc)
	b = le.AppendUint64(b, uint64(r.packed))
	return le.AppendUint64(b, uint64(r.size))
}

// appendCentral adds the directory's header, with those ZIP64 fields that are needed.
func (r *record) appendCentral(b []byte) []byte {
	size, packed, offset := r.size, r.packed, r.offset
	var wide []byte
	for _, v := range []*int64{&size, &packed, &offset} { // the order of the ZIP64 field
		if *v >= max32 {
			wide = le.AppendUint64(wide, uint64(*v))
			*v = max32
		}
	}
	var extra []byte
	if len(wide) > 0 {
		extra = le.AppendUint16(extra, extraZip64)
		extra = le.AppendUint16(extra, uint16(len(wide)))
		extra = append(extra, wide...)
	}
	extra = r.appendTime(extra)
	b = le.AppendUint32(b, sigCentral)
	b = le.AppendUint16(b, hostUnix<<8|versionZip64)
	b = r.appendCommon(b, len(wide) > 0 || r.streamed, r.crc, size, packed, len(extra))
	b = append(b, 0, 0, 0, 0, 0, 0) // comment, disk, internal attributes
	b = le.AppendUint32(b, attrRegular)
	b = le.AppendUint32(b, uint32(offset))
	b = append(b, r.name...)
	return append(b, extra...)
}

// appendTime adds the time in UTC, because the header's own field has no time
// zone and steps of two seconds.
func (r *record) appendTime(b []byte) []byte {
	t := r.modified.Unix()
	if r.modified.IsZero() || t < 0 || t > 1<<31-1 {
		return b
	}
	b = le.AppendUint16(b, extraTime)
	b = le.AppendUint16(b, 5)
	b = append(b, 1)
	return le.AppendUint32(b, uint32(t))
}

// appendEnd adds the end records for a directory of n entries.
func appendEnd(b []byte, n, start, length int64) []byte {
	if n >= max16 || start >= max32 || length >= max32 {
		at := start + length
		b = le.AppendUint32(b, sigEnd64)
		b = le.AppendUint64(b, lenEnd64-12)
		b = le.AppendUint16(b, hostUnix<<8|versionZip64)
		b = le.AppendUint16(b, versionZip64)
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // disks
		for _, v := range []int64{n, n, length, start} {
			b = le.AppendUint64(b, uint64(v))
		}
		b = le.AppendUint32(b, sigLocator64)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, uint64(at))
		b = le.AppendUint32(b, 1)
	}
	b = le.AppendUint32(b, sigEnd)
	b = append(b, 0, 0, 0, 0) // disks
	b = le.AppendUint16(b, uint16(min(n, max16)))
	b = le.AppendUint16(b, uint16(min(n, max16)))
	b = le.AppendUint32(b, uint32(min(length, max32)))
	b = le.AppendUint32(b, uint32(min(start, max32)))
	return append(b, 0, 0) // no comment
}

// dosTime packs t into the header's date and time, which begin in 1980.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 {
		return 1<<5 | 1, 0
	}
	if t.Year() > 2107 {
		t = time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)
	}
	date = uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
	clock = uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
	return date, clock
}

func fromDOS(date, clock uint16) time.Time {
	return time.Date(int(date>>9)+1980, time.Month(date>>5&15), int(date&31),
		int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}
