package attachment_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

var (
	ann = access.Actor{Kind: access.Person, ID: 11, Name: "Ann", Admin: true}
	rob = access.Actor{Kind: access.Person, ID: 12, Name: "Rob"}
	bob = access.Actor{Kind: access.Person, ID: 13, Name: "Bob"}
)

// shelf is a container that Ann may fill, Rob may read and Bob may not see.
type shelf struct{ changes int }

func (*shelf) Visible(_ context.Context, _ *db.Tx, a access.Actor, n int64) error {
	if a.ID == bob.ID || n != 1 {
		return fault.NotFound("shelf")
	}
	return nil
}

func (s *shelf) MayAttach(ctx context.Context, tx *db.Tx, a access.Actor, n int64) error {
	if err := s.Visible(ctx, tx, a, n); err != nil {
		return err
	}
	if a.ID != ann.ID {
		return fault.Forbidden("not yours")
	}
	return nil
}

func (s *shelf) FilesChanged(context.Context, *db.Tx, access.Actor, int64) error {
	s.changes++
	return nil
}

type world struct {
	*attachment.Service
	shelf *shelf
	blobs *blob.Dir
	clock *dbtest.Clock
	db    *db.DB
}

func each(t *testing.T, fn func(t *testing.T, w world)) {
	t.Helper()
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, db.SQL(`INSERT INTO users (id, kind, firstname, lastname, created_at, updated_at) VALUES
				(11, 'User', 'Ann', 'Adams', 0, 0), (12, 'User', 'Rob', 'Reed', 0, 0), (13, 'User', 'Bob', 'Burns', 0, 0)`))
			if err != nil {
				return err
			}
			if _, err := db.Exec(t.Context(), tx, db.SQL(`INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, created_at, updated_at)
				VALUES (1, 'p', 'p', 'P', 'p', 0, 0)`)); err != nil {
				return err
			}
			_, err = db.Exec(t.Context(), tx, db.SQL(`INSERT INTO enabled_modules (project_id, name) VALUES (1, 'work_package_tracking')`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := blob.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = blobs.Close() })
		s := attachment.New(attachment.Deps{DB: d, Blobs: blobs, MaxSize: func() int64 { return 1000 }, Log: slog.Default()})
		sh := &shelf{}
		s.Register("Shelf", sh)
		fn(t, world{s, sh, blobs, c, d})
	})
}

func (w world) put(t *testing.T, a access.Actor, name, text string) *attachment.Attachment {
	t.Helper()
	f, err := w.Create(t.Context(), a, attachment.Upload{FileName: name, ContainerType: "Shelf", ContainerID: 1}, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func blobsOf(t *testing.T, b *blob.Dir) int {
	t.Helper()
	n := 0
	if err := b.Walk(t.Context(), func(string, int64) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUploadAndRead(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		f := w.put(t, ann, `C:\temp\..\plan.txt`, "hello, world")
		if f.FileName != "plan.txt" || f.Size != 12 || !strings.HasPrefix(f.ContentType, "text/plain") || f.AuthorName != "Ann Adams" || w.shelf.changes != 1 {
			t.Errorf("got %+v after %d changes", f, w.shelf.changes)
		}
		_, r, err := w.Open(t.Context(), rob, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(r)
		_ = r.Close()
		if string(got) != "hello, world" {
			t.Errorf("got %q", got)
		}
		if list, err := w.List(t.Context(), rob, "Shelf", 1); err != nil || len(list) != 1 || list[0].Deletable {
			t.Errorf("got %+v, %v", list, err)
		}
	})
}

func TestWhoMayWhat(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		f := w.put(t, ann, "a", "a")
		create := func(a access.Actor, name, kind string) error {
			_, err := w.Create(ctx, a, attachment.Upload{FileName: name, ContainerType: kind, ContainerID: 1}, strings.NewReader("x"))
			return err
		}
		_, seen := w.Find(ctx, bob, f.ID)
		_, _, opened := w.Open(ctx, bob, f.ID)
		_, listed := w.List(ctx, bob, "Shelf", 1)
		_, strange := w.List(ctx, ann, "Drawer", 1)
		for name, c := range map[string]struct {
			err  error
			kind fault.Kind
		}{
			"a visitor uploads":         {create(access.Anonymous(""), "a", "Shelf"), fault.KindUnauthenticated},
			"a reader uploads":          {create(rob, "a", "Shelf"), fault.KindForbidden},
			"a stranger uploads":        {create(bob, "a", "Shelf"), fault.KindNotFound},
			"an unknown container":      {create(ann, "a", "Drawer"), fault.KindNotFound},
			"a name of nothing":         {create(ann, "../..", "Shelf"), fault.KindInvalid},
			"a name without end":        {create(ann, strings.Repeat("x", 256), "Shelf"), fault.KindInvalid},
			"no right to add anywhere":  {create(bob, "a", ""), fault.KindForbidden},
			"a stranger looks":          {seen, fault.KindNotFound},
			"a stranger reads":          {opened, fault.KindNotFound},
			"a stranger lists":          {listed, fault.KindNotFound},
			"an unknown kind is listed": {strange, fault.KindNotFound},
			"a reader deletes":          {w.Delete(ctx, rob, f.ID), fault.KindForbidden},
			"a stranger deletes":        {w.Delete(ctx, bob, f.ID), fault.KindNotFound},
		} {
			if c.err == nil || fault.KindOf(c.err) != c.kind {
				t.Errorf("%s: got %v, want kind %d", name, c.err, c.kind)
			}
		}
	})
}

// broken gives some bytes and then breaks off, as a lost connection does.
type broken struct{ r io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestABrokenOrTooLargeUploadLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		up := attachment.Upload{FileName: "a", ContainerType: "Shelf", ContainerID: 1}
		if _, err := w.Create(t.Context(), ann, up, broken{strings.NewReader("half")}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
		if _, err := w.Create(t.Context(), ann, up, bytes.NewReader(make([]byte, 1001))); !fault.Is(err, fault.KindTooLarge) {
			t.Errorf("got %v, want TooLarge", err)
		}
		if _, err := w.Create(t.Context(), ann, up, bytes.NewReader(make([]byte, 1000))); err != nil {
			t.Errorf("the largest allowed: %v", err)
		}
		if n := blobsOf(t, w.blobs); n != 1 {
			t.Errorf("%d blobs are left, want the one that succeeded", n)
		}
	})
}

func TestClaim(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		f, err := w.Create(ctx, ann, attachment.Upload{FileName: "a"}, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Find(ctx, rob, f.ID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("someone else sees an unclaimed upload: %v", err)
		}
		claim := func(a access.Actor) error {
			return db.Do(ctx, w.db, func(tx *db.Tx) error { return w.Claim(ctx, tx, a, []id.Attachment{f.ID}, "Shelf", 1) })
		}
		if err := claim(rob); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("someone else claimed it: %v", err)
		}
		if err := claim(ann); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Find(ctx, rob, f.ID); err != nil {
			t.Errorf("a reader of the container does not see it: %v", err)
		}
	})
}

func TestCollectRemovesOnlyWhatNothingNeeds(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		kept := w.put(t, ann, "kept", "same")
		twin := w.put(t, ann, "twin", "same")
		gone := w.put(t, ann, "gone", "other")
		for _, f := range []id.Attachment{twin.ID, gone.ID} {
			if err := w.Delete(ctx, ann, f); err != nil {
				t.Fatal(err)
			}
		}
		collect := func() attachment.Collected {
			t.Helper()
			c, err := w.Collect(ctx, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if c := collect(); c.Records != 0 || c.Blobs != 0 {
			t.Errorf("collected %+v from a fresh trash", c)
		}
		w.clock.Advance(2 * time.Hour)
		if c := collect(); c.Records != 2 || c.Blobs != 0 {
			t.Errorf("collected %+v, want the records and, for the grace, no blob", c)
		}
		pin := func(sql string, args ...any) {
			t.Helper()
			if err := db.Do(ctx, w.db, func(tx *db.Tx) error { _, err := db.Exec(ctx, tx, db.SQL(sql, args...)); return err }); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Advance(25 * time.Hour)
		pin(`INSERT INTO blob_pins (holder, since, lease_until) VALUES ('backup 1', 0, ?)`, db.At(w.clock.Now().Add(time.Hour)))
		if c := collect(); c.Blobs != 0 {
			t.Errorf("collected %+v while a backup runs", c)
		}
		pin(`DELETE FROM blob_pins`)
		if c := collect(); c.Blobs != 1 || c.Bytes != 5 {
			t.Errorf("collected %+v, want the blob that nothing names", c)
		}
		if _, r, err := w.Open(ctx, ann, kept.ID); err != nil {
			t.Errorf("the twin's bytes are gone: %v", err)
		} else {
			_ = r.Close()
		}
		if n := blobsOf(t, w.blobs); n != 1 {
			t.Errorf("%d blobs are left, want 1", n)
		}
	})
}

// Bytes whose record a crash has swallowed go too, but not before the week is
// over for which a restore keeps the old state, and not when somebody uploads
// the same content meanwhile.
func TestBytesThatNoRowKnowsAreCollectedOneDay(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		ctx := t.Context()
		kept := w.put(t, ann, "kept", "with a record")
		for _, content := range []string{"swallowed", "uploaded again"} {
			if _, err := w.blobs.Put(ctx, strings.NewReader(content), 0); err != nil {
				t.Fatal(err)
			}
		}
		collect := func(want int) {
			t.Helper()
			if c, err := w.Collect(ctx, 365*24*time.Hour); err != nil || c.Blobs != want {
				t.Errorf("collected %+v, %v, want %d blobs", c, err, want)
			}
		}
		collect(0)
		w.clock.Advance(7 * 24 * time.Hour)
		collect(0)
		again := w.put(t, ann, "again", "uploaded again")
		w.clock.Advance(25 * time.Hour)
		collect(1)
		for _, f := range []*attachment.Attachment{kept, again} {
			if _, err := w.blobs.Stat(ctx, f.SHA256); err != nil {
				t.Errorf("%s: %v", f.FileName, err)
			}
		}
	})
}

func TestMissingBytesAreSaid(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		f := w.put(t, ann, "a", "x")
		if err := w.blobs.Delete(t.Context(), f.SHA256); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Open(t.Context(), ann, f.ID)
		if err == nil || fault.KindOf(err) != fault.KindInternal || !strings.Contains(err.Error(), f.SHA256) {
			t.Errorf("got %v, want an internal error that names the blob", err)
		}
	})
}

func TestKindsOfFiles(t *testing.T) {
	for _, c := range []struct {
		kinds      []string
		name, mime string
		allowed    bool
	}{
		{nil, "a.exe", "application/x-msdownload", true},
		{[]string{"*.pdf"}, "Plan.PDF", "text/plain; charset=utf-8", true},
		{[]string{"*.pdf"}, "plan.pdf.exe", "application/pdf", false},
		{[]string{"*.pdf"}, "pdf", "application/pdf", false},
		{[]string{"image/png"}, "plan", "image/png", true},
		{[]string{"image/png"}, "plan.png", "image/jpeg", false},
		{[]string{"*.pdf", "image/*"}, "plan", "image/jpeg", true},
		{[]string{"text/plain"}, "notes", "text/plain; charset=utf-8", true},
		{[]string{"image/*"}, "image", "imagery/x", false},
	} {
		if got := attachment.Allowed(c.kinds, c.name, c.mime); got != c.allowed {
			t.Errorf("%v allow %s of type %s: %t", c.kinds, c.name, c.mime, got)
		}
	}
}
