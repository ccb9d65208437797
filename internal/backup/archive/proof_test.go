package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// proving backs a database up again and again.
type proving struct {
	t    *testing.T
	d    *db.DB
	repo *repo.Repository
	src  archive.Source
}

func newProving(t *testing.T, d *db.DB) *proving {
	store := newStore(t)
	fill(t, d, store, 1)
	return &proving{t, d, newRepo(t), archive.Source{DB: d, Blobs: store, Keys: secret.NewKeyring()}}
}

func (p *proving) exec(sql string, args ...any) {
	p.t.Helper()
	if err := db.Do(p.t.Context(), p.d, func(tx *db.Tx) error {
		_, err := db.Exec(p.t.Context(), tx, db.SQL(sql, args...))
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
}

// add makes work packages whose rows take more than a thousand bytes each.
func (p *proving) add(from, to int) {
	p.t.Helper()
	for n := from; n < to; n++ {
		p.exec(`INSERT INTO work_packages (id, project_id, type_id, status_id, priority_id, subject, subject_folded, description,
			author_id, created_at, updated_at) VALUES (?, 1, 1, 1, 1, 'x', 'x', ?, 10, 0, 0) ON CONFLICT (id) DO NOTHING`, n, strings.Repeat(fmt.Sprint("Work ", n, ". "), 100))
	}
}

func (p *proving) take() (repo.Snapshot, error) {
	return archive.Take(p.t.Context(), p.src, p.repo, archive.Options{TempDir: p.t.TempDir()})
}

// sound fails unless a snapshot holds what the database does, by what it says and by what
// it gives.
func (p *proving) sound() {
	p.t.Helper()
	snap, err := p.take()
	if err != nil {
		p.t.Fatal(err)
	}
	st, err := archive.Load(p.repo, snap, p.src.Keys)
	if err != nil {
		p.t.Fatal(err)
	}
	want, err := archive.Digests(p.t.Context(), p.d)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, w := range want {
		if said := st.Sums()[i]; said != w {
			p.t.Errorf("the snapshot says %+v, the database holds %+v", said, w)
		}
		if sum, err := st.TableSum(p.t.Context(), w.Name); err != nil || sum != w.SHA256 {
			p.t.Errorf("table %s of the snapshot: %s, %v; want %s", w.Name, sum, err, w.SHA256)
		}
	}
}

func (p *proving) packs() (all []repo.Problem) {
	p.t.Helper()
	err := p.repo.Store().List(p.t.Context(), "packs/", func(i objstore.Info) error {
		all = append(all, repo.Problem{Object: i.Name})
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// TestWhatChangedIsFound: whatever happens to the rows between two backups, the second
// holds them as they are.
func TestWhatChangedIsFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newProving(t, d)
		p.add(100, 400)
		p.add(1500, 1530)
		p.add(5000, 5010)
		p.sound()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rnd := rand.New(rand.NewPCG(seed, 1))
		one := func() int { return 100 + rnd.IntN(300) }
		steps := []struct {
			name string
			do   func()
		}{
			{"nothing", func() {}},
			{"a row is changed", func() { p.exec(`UPDATE work_packages SET subject = subject || 'y' WHERE id = ?`, one()) }},
			{"text becomes null", func() { p.exec(`UPDATE work_packages SET responsible_id = 10 WHERE id = ?`, one()) }},
			{"a row is gone", func() { p.exec(`DELETE FROM work_packages WHERE id = ?`, one()) }},
			{"a share is gone", func() { p.exec(`DELETE FROM work_packages WHERE id BETWEEN 1500 AND 1530`) }},
			{"a share comes back", func() { p.add(1500, 1520) }},
			{"the last share is gone", func() { p.exec(`DELETE FROM work_packages WHERE id >= 5000`) }},
			{"rows are added at the end", func() { p.add(6000, 6003) }},
			{"rows change places", func() {
				p.exec(`UPDATE work_packages SET description = CASE id WHEN 6000 THEN 'b' ELSE 'a' END WHERE id IN (6000, 6001)`)
			}},
			{"the first share is changed, all others are not", func() { p.exec(`UPDATE work_packages SET lock_version = lock_version + 1 WHERE id < 256`) }},
			{"the table is empty", func() { p.exec(`DELETE FROM work_packages WHERE id >= 100`) }},
		}
		for _, s := range steps {
			s.do()
			p.sound()
			if t.Failed() {
				t.Fatalf("after: %s", s.name)
			}
		}
	})
}

// TestWhatIsUnchangedIsNotEncoded makes every longer row an error, which only those meet
// who encode one. The limit is one for all, so the engines take turns.
func TestWhatIsUnchangedIsNotEncoded(t *testing.T) {
	for _, open := range []func(testing.TB, func() time.Time) *db.DB{dbtest.OpenSQLite, dbtest.OpenPostgres} {
		d := open(t, nil)
		t.Run(string(d.Dialect()), func(t *testing.T) {
			p := newProving(t, d)
			p.add(100, 700)
			p.exec(`DELETE FROM role_permissions`) // it has no numbers, and is encoded each time
			p.sound()
			defer archive.LimitRows(900)()
			if _, err := p.take(); err != nil {
				t.Fatalf("rows that did not change were encoded: %v", err)
			}
			p.exec(`UPDATE work_packages SET subject = 'z' WHERE id = 650`)
			if _, err := p.take(); err == nil || !strings.Contains(err.Error(), "650") && !strings.Contains(err.Error(), "row") {
				t.Errorf("a changed row was not encoded: %v", err)
			}
		})
	}
}

// TestUnchangedRowsWhoseCopyIsDamagedAreStoredAgain: an unchanged leaf is taken over only
// where what is stored of it is thought to be whole.
func TestUnchangedRowsWhoseCopyIsDamagedAreStoredAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newProving(t, d)
		p.add(100, 700)
		p.sound()
		before := p.packs()
		if n, err := p.repo.Distrust(t.Context(), before); err != nil || n != len(before) || n == 0 {
			t.Fatalf("%d of %d packs are distrusted: %v", n, len(before), err)
		}
		p.sound()
		if after := p.packs(); len(after) < 2*len(before) {
			t.Errorf("%d packs, and then %d", len(before), len(after))
		}
	})
}

// TestProofsOfAnotherFormAreIgnored: a column more or less makes other rows.
func TestProofsOfAnotherFormAreIgnored(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	p := newProving(t, d)
	p.add(100, 300)
	p.sound()
	p.exec(`ALTER TABLE work_packages DROP COLUMN description_folded`)
	p.sound()
	p.sound()
}

// TestABackupThatEndsAmongItsReaders leaves nothing behind that hinders the next.
func TestABackupThatEndsAmongItsReaders(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	p := newProving(t, d)
	p.add(100, 300)
	p.sound()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	_, err := archive.Take(db.RefuseStatements(ctx, func(q string) error {
		if strings.Contains(q, "FROM work_packages WHERE") && !strings.Contains(q, "COUNT") {
			cancel(why)
		}
		return nil
	}), p.src, p.repo, archive.Options{TempDir: t.TempDir()})
	if err == nil {
		t.Error("a backup went on after its end")
	}
	p.sound()
}

// TestDifferentRowsHaveDifferentFingerprints, and neither texts nor bytes, nor how much is
// written at a time, make a difference.
func TestDifferentRowsHaveDifferentFingerprints(t *testing.T) {
	seen := map[[32]byte]int{}
	for n, rows := range [][][]any{
		{},
		{{nil}},
		{{nil, nil}},
		{{int64(0)}},
		{{int64(1)}},
		{{true}},
		{{false}},
		{{""}},
		{{"", ""}},
		{{"a", "b"}},
		{{"ab", ""}},
		{{"", "ab"}},
		{{"n"}},
		{{0.0}},
		{{1.0}},
		{{math.Inf(1)}},
		{{int64(-1)}},
		{{int64(63)}},
		{{int64(64)}},
		{{int64(math.MinInt64)}},
		{{int64(math.MaxInt64)}},
		{{strings.Repeat("n", 127)}},
		{{strings.Repeat("n", 128)}},
		{{strings.Repeat("x", 100_000)}},
		{{strings.Repeat("x", 100_001)}},
	} {
		sum := archive.Fingerprint(rows...)
		if other, ok := seen[sum]; ok {
			t.Errorf("rows %d and %d have one fingerprint", other, n)
		}
		seen[sum] = n
	}
	if archive.Fingerprint([]any{"text", "", int64(7)}) != archive.Fingerprint([]any{[]byte("text"), []byte{}, int64(7)}) {
		t.Error("bytes are no texts")
	}
	if archive.Fingerprint([]any{"a"}, []any{"b"}) != archive.Fingerprint([]any{"a", "b"}) {
		t.Error("rows of one table have the same columns, so they need no mark")
	}
}

// FuzzProofs: whatever stands there is read or not, without harm.
func FuzzProofs(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 200))
	f.Add(append(bytes.Repeat([]byte{1}, 40), bytes.Repeat([]byte{255}, 100)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if written, n := archive.ReadProofs(b); n > 0 && len(written) > len(b) {
			t.Errorf("%d bytes became %d", len(b), len(written))
		}
	})
}
