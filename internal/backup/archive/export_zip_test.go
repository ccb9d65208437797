package archive_test

import (
	"bytes"
	"context"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

func TestAnExportCanBeginAnywhereAndIsTheSameEachTime(t *testing.T) {
	d, store, keys := dbtest.OpenSQLite(t, nil), newStore(t), secret.NewKeyring()
	fill(t, d, store, 300)
	for i := range 40 { // some that compress and some that do not
		b := bytes.Repeat([]byte{byte(i)}, 5000*i)
		if i%2 == 0 {
			for j := range b {
				b[j] = byte(rand.Uint32())
			}
		}
		attach(t, d, store, b)
	}
	st := take(t, archive.Source{DB: d, Blobs: store, Keys: keys}, archive.Options{})
	whole := export(t, st, keys, true)
	if _, err := open(t, whole, keys); err != nil {
		t.Fatal(err)
	}
	x, err := archive.NewExport(context.Background(), st, keys, true, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(whole))
	for _, n := range []int64{0, 1, 100, 70_000, size / 3, size / 2, size - size/10, size - 500, size - 1, size} {
		var got bytes.Buffer
		if err := x.WriteTo(context.Background(), &got, n); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), whole[n:]) {
			t.Errorf("from byte %d of %d on there is something else", n, size)
		}
	}
}

func TestCombineCRC(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b := make([]byte, rnd.IntN(1000)), make([]byte, rnd.IntN(100_000))
		for _, p := range [][]byte{a, b} {
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
		}
		want := crc32.ChecksumIEEE(append(bytes.Clone(a), b...))
		if got := archive.CombineCRC(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b))); got != want {
			t.Fatalf("%d and %d bytes: %08x, want %08x", len(a), len(b), got, want)
		}
	}
}
