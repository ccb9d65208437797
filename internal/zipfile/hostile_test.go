package zipfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// refused wants err to be an *Error whose text contains reason.
func refused(t *testing.T, err error, reason string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	if !strings.Contains(e.Error(), reason) {
		t.Errorf("got %q, want it to say %q", e.Error(), reason)
	}
}

func TestForgeryWithoutAlterationIsAccepted(t *testing.T) {
	for _, f := range []forgery{{}, named("a"), named("a", "b/c", "b/d", "ü/日本"), {pieces: []piece{{name: "empty"}, {name: "e2", deflate: true}, {name: "e3", stream: true}}}} {
		if err := check(f.bytes(t), Options{}); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	for name, reason := range map[string]string{
		"../x":                     "leads out",
		"a/../../x":                "leads out",
		"a/..":                     "leads out",
		"..":                       "leads out",
		"/etc/passwd":              "absolute",
		"C:/x":                     "drive letter",
		"c:x":                      "drive letter",
		`a\b`:                      "backslash",
		`..\x`:                     "backslash",
		"a\x00b":                   "NUL",
		"a\xffb":                   "UTF-8",
		"\xc0\xae\xc0\xae/x":       "UTF-8",
		"":                         "no name",
		".":                        "shortest form",
		"./a":                      "shortest form",
		"a//b":                     "shortest form",
		"a/":                       "shortest form",
		strings.Repeat("n", 64000): "more than the 1024 allowed",
	} {
		refused(t, check(named(name).bytes(t), Options{}), reason)
		refused(t, check(named("innocent", name).bytes(t), Options{}), reason)
	}
}

func TestCollidingNamesAreRefused(t *testing.T) {
	defer func(n int64) { twinsAtOnce = n }(twinsAtOnce)
	tests := []struct {
		names  []string
		reason string
	}{
		{[]string{"a", "b", "a"}, "two entries of that name"},
		{[]string{"Readme", "x", "README"}, "do not tell such letters apart"},
		{[]string{"ÄRGER", "x", "ärger"}, "do not tell such letters apart"},
		{[]string{"straße", "STRASSE"}, "do not tell such letters apart"},
		{[]string{"caf\u00e9", "cafe\u0301"}, "do not tell such letters apart"},
		{[]string{"d/x", "D/X"}, "do not tell such letters apart"},
		{[]string{"a", "b", "a/b"}, "file and a directory at once"},
		{[]string{"a/b/c/d", "y", "A/b"}, "file and a directory at once"},
	}
	for _, twinsAtOnce = range []int64{1 << 20, 2, 1} {
		for _, tt := range tests {
			refused(t, check(named(tt.names...).bytes(t), Options{}), tt.reason)
		}
		if err := check(named("a", "b", "ab", "c/a", "c/b", "d/a", "d.a").bytes(t), Options{}); err != nil {
			t.Errorf("different names are taken for equal: %v", err)
		}
	}
}

func attributes(v uint32) func([]byte) []byte { return put32(38, v) }

func TestSpecialFilesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		p      piece
		reason string
	}{
		"symbolic link":              {piece{name: "l", content: "/etc/passwd", central: attributes(0o120777 << 16)}, "a link, a device"},
		"character device":           {piece{name: "l", central: attributes(0o020666 << 16)}, "a link, a device"},
		"block device":               {piece{name: "l", central: attributes(0o060666 << 16)}, "a link, a device"},
		"pipe":                       {piece{name: "l", central: attributes(0o010666 << 16)}, "a link, a device"},
		"socket":                     {piece{name: "l", central: attributes(0o140666 << 16)}, "a link, a device"},
		"directory by Unix mode":     {piece{name: "l", central: attributes(0o040755 << 16)}, "marked as a directory"},
		"directory by DOS attribute": {piece{name: "l", central: attributes(0o100644<<16 | 0x10)}, "marked as a directory"},
		"volume label":               {piece{name: "l", central: attributes(0x08)}, "label of a disk"},
		"link in an old Unix field":  {piece{name: "l", central: addExtra(lenCentral, extraOldUnix, 1, 2, 3)}, "make it a link"},
		"link in the local header":   {piece{name: "l", local: addExtra(lenLocal, extraUnix, 1, 2, 3)}, "make it a link"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, check(forgery{pieces: []piece{{name: "a"}, tt.p}}.bytes(t), Options{}), tt.reason)
		})
	}
}

func TestForeignArchivesMayHaveDirectoriesAndUnmarkedNames(t *testing.T) {
	foreign := Options{Foreign: true}
	unmarked := func(at int) func([]byte) []byte { return put16(at, 0) }
	good := forgery{pieces: []piece{
		{name: "d/", central: attributes(0o040755<<16 | 0x10)},
		{name: "d/ümlaut", content: "x", local: unmarked(6), central: unmarked(8)},
		{name: "e/", central: attributes(0)},
	}}
	b := good.bytes(t)
	if err := check(b, foreign); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), foreign)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := r.Find("d/"); err != nil || !e.IsDir() {
		t.Errorf("d/: %+v, %v", e, err)
	}
	refused(t, check(b, Options{}), "shortest form")
	refused(t, check(forgery{pieces: good.pieces[1:2]}.bytes(t), Options{}), "alphabet")
	for name, f := range map[string]forgery{
		"directory at once": {pieces: []piece{{name: "d"}, {name: "d/", central: attributes(0)}}},
		"with content":      {pieces: []piece{{name: "d/", content: "x", central: attributes(0)}}},
		"marked as a file":  {pieces: []piece{{name: "d/"}}},
		"leads out":         {pieces: []piece{{name: "../", central: attributes(0)}}},
		"no name":           {pieces: []piece{{name: "", content: "x"}}},
		"absolute path":     {pieces: []piece{{name: "/", central: attributes(0)}, {name: "//"}}},
		"marked as a direc": {pieces: []piece{{name: "d/", central: attributes(0o100644<<16 | 0x10)}}},
	} {
		if name == "absolute path" {
			refused(t, check(f.bytes(t), foreign), "no name")
			continue
		}
		refused(t, check(f.bytes(t), foreign), name)
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	stored := func(p piece) forgery { p.name, p.content = "a", "content"; return forgery{pieces: []piece{p}} }
	streamed := func(p piece) forgery { p.stream = true; return stored(p) }
	for name, tt := range map[string]struct {
		f      forgery
		reason string
	}{
		"another name in the local header":    {stored(piece{local: func(b []byte) []byte { b[30] = 'b'; return b }}), `names it "b"`},
		"another size in the local header":    {stored(piece{local: put32(22, 8)}), "disagree on its size"},
		"another packed size":                 {stored(piece{local: put32(18, 6)}), "disagree on its size"},
		"another checksum":                    {stored(piece{local: put32(14, 6)}), "disagree on its size"},
		"another method":                      {stored(piece{local: put16(8, 8)}), "disagree on how it is packed"},
		"other flags":                         {stored(piece{local: put16(6, flagUTF8|flagStreamed)}), "disagree on how it is packed"},
		"no local header":                     {stored(piece{local: put32(0, 7)}), "nothing where it should begin"},
		"a local header longer than the file": {stored(piece{local: put16(28, 65535)}), "cut off"},
		"a descriptor of another size":        {streamed(piece{rec: func(r *record) { r.size++ }, central: put32(24, 7)}), "not those in the directory"},
		"junk after a descriptor":             {streamed(piece{junk: []byte{1}}), "something other than its size"},
		"wrong local sizes of a stream":       {streamed(piece{local: put32(14, 6)}), "disagree on its size"},
		"junk after data":                     {stored(piece{junk: []byte("hidden")}), "6 bytes that belong to no entry"},
		"data before the first entry":         {forgery{before: []byte("#!/bin/sh"), pieces: named("a").pieces}, "before its first entry"},
		"data before an empty directory":      {forgery{before: []byte("x")}, "before its first entry"},
		"data after the directory":            {forgery{gap: []byte("x"), pieces: named("a").pieces}, "does not reach to its end record"},
		"a comment":                           {forgery{pieces: named("a").pieces, end: func(b []byte) []byte { b[20] = 3; return append(b, "hey"...) }}, "follows its end record"},
		"bytes after the end":                 {forgery{end: func(b []byte) []byte { return append(b, 0) }}, "follows its end record"},
		"two end records":                     {forgery{pieces: named("a").pieces, end: func(b []byte) []byte { return append(b, b...) }}, "does not reach to its end record"},
		"an end record in the comment":        {forgery{pieces: named("a").pieces, end: func(b []byte) []byte { b[20] = lenEnd; return append(b, appendEnd(nil, 0, 0, 0)...) }}, "does not reach to its end record"},
		"more entries than the directory":     {forgery{pieces: named("a").pieces, extra: 1}, "too short for the 2 entries"},
		"fewer entries than the directory":    {forgery{pieces: named("a", "b").pieces, extra: -1}, "more in it than"},
		"several disks":                       {forgery{end: put16(4, 1)}, "in several"},
		"counts per disk":                     {forgery{pieces: named("a").pieces, end: put16(8, 7)}, "in several"},
		"an entry on another disk":            {stored(piece{central: put16(34, 1)}), "another part"},
		"encrypted":                           {stored(piece{central: put16(8, flagUTF8|flagEncrypted)}), "encrypted"},
		"strong encryption":                   {stored(piece{central: put16(8, flagUTF8|1<<6)}), "features that are not supported"},
		"hidden headers":                      {stored(piece{central: put16(8, flagUTF8|1<<13)}), "features that are not supported"},
		"bzip2":                               {stored(piece{central: put16(10, 12)}), "packed by method 12"},
		"stored as a stream":                  {stored(piece{rec: func(r *record) { r.streamed = true }}), "disagree on where it ends"},
		"stored with two sizes":               {stored(piece{rec: func(r *record) { r.size++ }}), "stored as it is"},
		"a damaged directory":                 {stored(piece{central: put32(0, 7)}), "directory is damaged"},
		"a header longer than the directory":  {stored(piece{central: put16(30, 999)}), "shorter than its end record"},
		"a comment longer than the directory": {stored(piece{central: put16(32, 999)}), "shorter than its end record"},
		"damaged extra fields":                {stored(piece{central: func(b []byte) []byte { b[30]++; return append(b, 9) }}), "extra fields are damaged"},
		"a second name":                       {stored(piece{central: addExtra(lenCentral, extraPath, 1, 0, 0, 0, 0, 'b')}), "second, other name"},
		"a second name in the local header":   {stored(piece{local: addExtra(lenLocal, extraPath, 1, 0, 0, 0, 0, 'b')}), "second, other name"},
		"ZIP64 sizes nobody asked for":        {stored(piece{central: addExtra(lenCentral, extraZip64, 1, 2, 3, 4, 5, 6, 7, 8)}), "nothing refers to"},
		"ZIP64 sizes missing":                 {stored(piece{central: func(b []byte) []byte { return addExtra(lenCentral, extraZip64, 1)(put32(24, max32)(b)) }}), "incomplete"},
		"ZIP64 sizes that contradict":         {stored(piece{central: addExtra(lenCentral, extraZip64, make([]byte, 24)...)}), "contradict each other"},
		"ZIP64 sizes twice":                   {stored(piece{central: func(b []byte) []byte { return addExtra(lenCentral, extraZip64)(addExtra(lenCentral, extraZip64)(b)) }}), "sizes twice"},
		"an impossible size": {stored(piece{central: func(b []byte) []byte {
			return addExtra(lenCentral, extraZip64, bytes.Repeat([]byte{255}, 8)...)(put32(24, max32)(b))
		}}), "impossible"},
		"damaged ZIP64 sizes locally":       {stored(piece{local: addExtra(lenLocal, extraZip64, 1)}), "sizes in its own header are damaged"},
		"an entry inside the directory":     {stored(piece{central: put32(42, 50)}), "before its first entry"},
		"data that runs into the directory": {stored(piece{rec: func(r *record) { r.size, r.packed = 700, 700 }}), "does not end before the directory"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, check(tt.f.bytes(t), Options{}), tt.reason) })
	}
}

func TestContradictingZip64EndRecordsAreRefused(t *testing.T) {
	valid := func() []byte { // an end record in both sizes for one entry
		f := named("a")
		f.end = func(end []byte) []byte {
			n, length, start := int64(le.Uint16(end[8:])), int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
			b := appendEnd(nil, max16, start, length)
			le.PutUint64(b[24:], uint64(n))
			le.PutUint64(b[32:], uint64(n))
			return b
		}
		return f.bytes(t)
	}
	if err := check(valid(), Options{}); err != nil {
		t.Fatal(err)
	}
	const all = lenEnd64 + lenLocator64 + lenEnd
	for name, tt := range map[string]struct {
		at     int // from the start of the records
		reason string
	}{
		"signature":           {0, "not where it must be"},
		"length":              {4, "not where it must be"},
		"disk":                {16, "in several"},
		"entries on the disk": {24, "in several"},
		"length of directory": {40, "contradict each other"},
		"start of directory":  {48, "contradict each other"},
		"impossible start":    {55, "impossible numbers"},
		"locator's disk":      {lenEnd64 + 4, "in several"},
		"locator's offset":    {lenEnd64 + 8, "not where it must be"},
		"locator's disks":     {lenEnd64 + 16, "in several"},
		"count":               {lenEnd64 + lenLocator64 + 8, "in several"},
	} {
		b := valid()
		b[len(b)-all+tt.at] ^= 0x80
		t.Run(name, func(t *testing.T) { refused(t, check(b, Options{}), tt.reason) })
	}
	b := valid()
	refused(t, check(b[len(b)-lenEnd-lenLocator64:], Options{}), "ZIP64 end record is missing")
}

// TestBombsAreStoppedEarly covers entries that share data, data that unpacks
// to far more than it is, and data that unpacks to more than it is said to.
func TestBombsAreStoppedEarly(t *testing.T) {
	zeros := make([]byte, 32<<20)
	kernel := deflate(t, zeros)
	overlapping := forgery{pieces: []piece{{name: "0", data: kernel, deflate: true, rec: func(r *record) { r.size = int64(len(zeros)) }}}}
	for i := range 5000 {
		overlapping.pieces = append(overlapping.pieces, piece{name: strings.Repeat("x", 1+i%99) + string(rune('A'+i%26)), central: put32(42, 0)})
	}
	bomb := func(declared int64) forgery {
		return forgery{pieces: []piece{{name: "bomb", data: kernel, deflate: true, rec: func(r *record) { r.size = declared }}}}
	}
	nothing := Options{Limits: Limits{Ratio: NoLimit}}
	for name, tt := range map[string]struct {
		f      forgery
		o      Options
		reason string
	}{
		"overlapping entries":   {overlapping, nothing, "overlaps"},
		"a ratio of 1000":       {bomb(int64(len(zeros))), Options{}, "more than 250 times"},
		"more than it declares": {bomb(1000), nothing, "more than the 1000 bytes"},
		"an entry of 2 TiB":     {bomb(2 << 40), nothing, "more than the 1099511627776 allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := tt.f.bytes(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			refused(t, check(b, tt.o), tt.reason)
			runtime.ReadMemStats(&after)
			if d := time.Since(begin); d > time.Second {
				t.Errorf("it took %v", d)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("it allocated %d bytes", n)
			}
		})
	}
}

func TestLimitsAreHitBeforeAllocation(t *testing.T) {
	four := func(end []byte) []byte { // four billion entries, in a directory of the right length for one
		return appendEnd(nil, max32, int64(le.Uint32(end[16:])), int64(le.Uint32(end[12:])))
	}
	billions := named("a")
	billions.end = four
	for name, tt := range map[string]struct {
		f      forgery
		l      Limits
		reason string
	}{
		"four billion entries":   {billions, Limits{}, "4294967295 entries, more than the 10000000 allowed"},
		"four billion, no limit": {billions, Limits{Entries: NoLimit}, "too short for the 4294967295 entries"},
		"entries":                {named("a", "b", "c"), Limits{Entries: 2}, "3 entries, more than the 2 allowed"},
		"name length":            {named("a", "long"), Limits{NameLength: 3}, "4 bytes, more than the 3 allowed"},
		"entry size":             {named("a", "long"), Limits{EntrySize: 12}, "unpacks to 15 bytes, more than the 12 allowed"},
		"total size":             {named("a", "b", "c"), Limits{TotalSize: 35}, "more than the 35 bytes allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(tt.f.bytes(t), Options{Limits: tt.l})
			refused(t, err, tt.reason)
			if want := name != "four billion, no limit"; errors.Is(err, ErrLimit) != want {
				t.Errorf("errors.Is(%v, ErrLimit) is %v", err, !want)
			}
		})
	}
	exact := Limits{Entries: 3, NameLength: 1, EntrySize: 12, TotalSize: 36}
	if err := check(named("a", "b", "c").bytes(t), Options{Limits: exact}); err != nil {
		t.Errorf("exactly at the limits: %v", err)
	}
}

func TestDamagedContentIsRefusedWhileReading(t *testing.T) {
	text := strings.Repeat("some text ", 100)
	packed := deflate(t, []byte(text))
	for name, tt := range map[string]struct {
		p      piece
		reason string
	}{
		"a wrong checksum, stored":   {piece{rec: func(r *record) { r.crc++ }}, "checksum is wrong"},
		"a wrong checksum, deflated": {piece{deflate: true, rec: func(r *record) { r.crc++ }}, "checksum is wrong"},
		"less than declared":         {piece{deflate: true, rec: func(r *record) { r.size += 9 }}, "ends before the 1009 bytes"},
		"more than declared":         {piece{deflate: true, rec: func(r *record) { r.size -= 9 }}, "more than the 991 bytes"},
		"a cut stream":               {piece{deflate: true, data: packed[:len(packed)-3]}, "ends before"},
		"bytes after the stream":     {piece{deflate: true, data: append(bytes.Clone(packed), "junk"...)}, "4 bytes follow"},
		"no deflate at all":          {piece{deflate: true, data: bytes.Repeat([]byte{0xff}, 50)}, "packed data is damaged"},
		"nothing packed":             {piece{deflate: true, data: []byte{}}, "ends before"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.p.name, tt.p.content = "a", text
			b := forgery{pieces: []piece{tt.p}}.bytes(t)
			refused(t, check(b, Options{}), tt.reason)
			r, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			e, err := r.Find("a")
			if err != nil {
				t.Fatal(err)
			}
			in, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadFull(in, make([]byte, e.Size)) // one who trusts the size and stops there
			refused(t, in.Close(), tt.reason)
		})
	}
}

func TestTruncationIsAlwaysAnError(t *testing.T) {
	f := named("a", "b", "c/d", "e")
	f.pieces = append(f.pieces, piece{name: "nested.zip", content: string(named("x", "y").bytes(t))},
		piece{name: "large", content: strings.Repeat("0123456789", 400)})
	whole := f.bytes(t)
	if err := check(whole, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		cut := whole[:len(whole)*i/1000]
		var e *Error
		if err := check(cut, Options{}); !errors.As(err, &e) {
			t.Fatalf("cut to %d of %d bytes: got %v, want a refusal", len(cut), len(whole), err)
		}
	}
}

func TestEveryFlippedBitIsNoticedOrHarmless(t *testing.T) {
	whole := named("a", "b", "c/d").bytes(t)
	want := contents(t, whole)
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			if check(b, Options{}) != nil {
				continue
			}
			for name, content := range contents(t, b) {
				if want[name] != content {
					t.Errorf("bit %d of byte %d: accepted with %q = %q", bit, i, name, content)
				}
			}
		}
	}
}

func contents(t testing.TB, b []byte) map[string]string {
	t.Helper()
	return contentsOf(t, b, Options{})
}

// contentsOf reads all files of an archive.
func contentsOf(t testing.TB, b []byte, o Options) map[string]string {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsDir() {
			continue
		}
		in, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		all[e.Name] = string(got)
	}
	return all
}

// brokenDisk fails to read beyond an offset.
type brokenDisk struct {
	io.ReaderAt
	from, to int64
}

var errDisk = errors.New("the disk is broken")

func (d brokenDisk) ReadAt(p []byte, at int64) (int, error) {
	if at < d.to && at+int64(len(p)) > d.from {
		return 0, errDisk
	}
	return d.ReaderAt.ReadAt(p, at)
}

func TestErrorsOfTheDiskAreReportedAsSuch(t *testing.T) {
	b := named("a", "b", "c").bytes(t)
	size := int64(len(b))
	for at := range size {
		r, err := NewReader(brokenDisk{bytes.NewReader(b), at, at + 1}, size, Options{})
		if err == nil {
			err = r.Verify(context.Background())
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("byte %d cannot be read: got %v", at, err)
		}
	}
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	b := named("a").bytes(t)
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnArchiveExchangedAfterTheCheckIsNoticed(t *testing.T) {
	b := named("a", "b").bytes(t)
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Find("a")
	if err != nil {
		t.Fatal(err)
	}
	b[lenLocal] = 'z'
	if _, err := e.Open(); err == nil {
		t.Error("the exchanged header was accepted")
	}
}
