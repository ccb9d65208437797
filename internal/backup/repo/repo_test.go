package repo

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"testing"
)

// content is a source made of a map. Keys that begin with "f" are files: they
// never change and are opened; others are text.
type content map[string][]byte

func (c content) Items(_ context.Context, put func(Item) error) error {
	for _, k := range slices.Sorted(maps.Keys(c)) {
		i := Item{Key: []byte(k), Count: 1, Data: c[k], Text: true}
		if k[0] == 'f' {
			i = Item{Key: []byte(k), Immutable: true, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c[k])), nil }}
		}
		if err := put(i); err != nil && !errors.Is(err, ErrSkip) {
			return err
		}
	}
	return nil
}

func (c content) Meta() (json.RawMessage, bool, error) {
	return json.RawMessage(fmt.Sprintf(`{"items":%d}`, len(c))), true, nil
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// restored reads a snapshot back whole, and checks that the entries tell the
// truth about it.
func restored(ctx context.Context, r *Repository, s Snapshot, fragments bool) (content, error) {
	got := content{}
	var open *Entry
	end := func() error {
		if open == nil {
			return nil
		}
		key := string(open.Key)
		if fragments {
			if n := int64(len(got[key])); n != open.StoredSize() {
				return fmt.Errorf("%q is stored in %d bytes, want %d", key, n, open.StoredSize())
			}
			if open.Deflated {
				b, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(got[key], FinalBlock()...))))
				if err != nil {
					return fmt.Errorf("%q is no deflate stream: %w", key, err)
				}
				got[key] = b
			}
		}
		if n, sum := int64(len(got[key])), crc32.ChecksumIEEE(got[key]); n != open.Size || sum != open.CRC {
			return fmt.Errorf("%q has %d bytes and sum %x, want %d and %x", key, n, sum, open.Size, open.CRC)
		}
		return nil
	}
	err := r.Read(ctx, s, nil, nil, Reading{
		Entry:     func(e *Entry) error { err := end(); open = e; got[string(e.Key)] = []byte{}; return err },
		Chunk:     func(b []byte) error { got[string(open.Key)] = append(got[string(open.Key)], b...); return nil },
		Fragments: fragments,
	})
	if err == nil {
		err = end()
	}
	return got, err
}

// equal compares contents.
func equal(got, want content) error {
	for k, v := range want {
		if g, ok := got[k]; !ok || !bytes.Equal(g, v) {
			return fmt.Errorf("%q came back with %d bytes (there: %v), want %d", k, len(g), ok, len(v))
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d items came back, want %d", len(got), len(want))
	}
	return nil
}
