package repo

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// comparing says that all it has is unchanged, and counts what is opened all the same.
type comparing struct {
	content
	parent *Snapshot
	opened int
}

func (c *comparing) Parent(s Snapshot) { c.parent = &s }

func (c *comparing) Items(ctx context.Context, put func(Item) error) error {
	return c.content.Items(ctx, func(i Item) error {
		i.Data, i.Immutable, i.Unchanged = nil, false, c.parent != nil
		i.Open = func() (io.ReadCloser, error) {
			c.opened++
			return io.NopCloser(bytes.NewReader(c.content[string(i.Key)])), nil
		}
		return put(i)
	})
}

// What is unchanged is taken over from the parent, and from nothing else: not from a
// session that died with something else under the same key.
func TestUnchangedItemsAreTheParents(t *testing.T) {
	w := newWorld(t)
	was := content{"t a": []byte("one"), "t b": []byte("two"), "t c": nil}
	first := &comparing{content: was}
	r := must[*Repository](t)(w.open(t.Context(), w.sim))
	parent := must[Snapshot](t)(r.Backup(t.Context(), first, BackupOptions{}))
	if first.parent != nil || first.opened != len(was) {
		t.Errorf("the first backup was given %v and opened %d", first.parent, first.opened)
	}
	client := w.sim.Client()
	client.Hook = objstoretest.CrashAfter(17)
	if _, err := w.backup(t.Context(), client, content{"t a": []byte("other"), "t b": []byte("other too")}, BackupOptions{Beat: -1}); err == nil {
		t.Fatal("it should have died")
	}
	second := &comparing{content: was}
	s := must[Snapshot](t)(r.Backup(t.Context(), second, BackupOptions{}))
	if second.parent == nil || second.parent.ID != parent.ID || second.opened != 0 {
		t.Errorf("the second backup was given %v and opened %d", second.parent, second.opened)
	}
	if err := equal(must[content](t)(restored(t.Context(), r, s, false)), was); err != nil {
		t.Error(err)
	}
	report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
	if len(report.Problems) > 0 {
		t.Error(report.Problems)
	}
}

// What is unchanged and no longer whole is read again.
func TestUnchangedItemsThatAreDamagedAreOpened(t *testing.T) {
	w := newWorld(t)
	was := content{"t a": []byte("one"), "t b": []byte("two")}
	r := must[*Repository](t)(w.open(t.Context(), w.sim))
	must[Snapshot](t)(r.Backup(t.Context(), was, BackupOptions{}))
	for _, name := range w.sim.Names(packPrefix) {
		must[int](t)(r.Distrust(t.Context(), []Problem{{Object: name}}))
	}
	again := &comparing{content: was}
	s := must[Snapshot](t)(r.Backup(t.Context(), again, BackupOptions{}))
	if again.opened != len(was) {
		t.Errorf("%d were opened, want %d", again.opened, len(was))
	}
	if err := equal(must[content](t)(restored(t.Context(), r, s, false)), was); err != nil {
		t.Error(err)
	}
}
