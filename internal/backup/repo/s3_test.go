package repo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/testpeer"
)

// Whole backups, reads, verifications and prunes on a real S3 server behind a proxy: on a bad
// line they succeed; where access is revoked in the middle they end with the reason, leave
// nothing that shows, and the next backup goes on where the first one was.
func TestBackupsOnABadLineAndWithoutAccess(t *testing.T) {
	server := testpeer.S3(t)
	proxy := objstoretest.NewProxy(t, server.Endpoint)
	ctx := t.Context()
	store := must[objstore.Place](t)(objstore.Open(ctx, "s3://"+server.Bucket(t)+"/plan", objstore.S3Options{
		Endpoint: proxy.URL, Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}))
	defer func() { _ = store.Close() }()
	key := must[*age.X25519Identity](t)(testKey())
	r := must[*Repository](t)(Create(ctx, store, Options{}, Recipient{"server", key.Recipient()}))
	r.packSize = 64 << 10
	rnd, c := random(7), content{}
	for i := range 40 {
		c[fmt.Sprintf("f %02d", i)] = noise(rnd, 20_000)
		c[fmt.Sprintf("t %02d", i)] = text(rnd, 100)
	}

	var puts atomic.Int64
	proxy.SetHook(func(req *http.Request) objstoretest.Trouble {
		if req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/packs/") && puts.Add(1) > 6 || puts.Load() > 6 {
			return objstoretest.Trouble{Status: http.StatusForbidden}
		}
		return objstoretest.Trouble{}
	})
	if _, err := r.Backup(ctx, c, BackupOptions{Beat: -1}); !errors.Is(err, objstore.ErrDenied) {
		t.Fatalf("access was revoked: %v", err)
	}
	proxy.SetHook(nil)
	if all := must[[]Snapshot](t)(r.Snapshots(ctx)); len(all) != 0 {
		t.Errorf("%d snapshots are listed", len(all))
	}

	proxy.SetHook(objstoretest.Stormy(19, objstoretest.Weather{Refused: 0.03, Reset: 0.03, Lost: 0.03, Cut: 0.02}))
	s := must[Snapshot](t)(r.Backup(ctx, c, BackupOptions{Beat: -1}))
	if whole := s.Size; s.Added > whole*9/10 {
		t.Errorf("%d of %d bytes were stored once more", s.Added, whole)
	}
	if err := equal(must[content](t)(restored(ctx, r, s, false)), c); err != nil {
		t.Error(err)
	}
	if report := must[VerifyReport](t)(r.Verify(ctx, VerifyOptions{Shares: 1})); len(report.Problems) > 0 {
		t.Error(report.Problems)
	}
	must[PruneReport](t)(r.Prune(ctx, PruneOptions{Confirmed: true}))
	proxy.SetHook(nil)
	if err := equal(must[content](t)(restored(ctx, r, s, true)), c); err != nil {
		t.Error(err)
	}
}

// Whoever takes the server over deletes the whole repository in a bucket with object lock: he hides
// it. He cannot remove a version, and without the marks of deletion all snapshots are there.
func TestABucketWithObjectLockOutlivesWhoeverDeletesAll(t *testing.T) {
	server := testpeer.S3Locked(t)
	ctx, bucket, client := t.Context(), server.Bucket(t), server.Client(t)
	store := must[objstore.Place](t)(objstore.Open(ctx, "s3://"+bucket+"/plan", objstore.S3Options{
		Endpoint: server.Endpoint, Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}))
	defer func() { _ = store.Close() }()
	key := must[*age.X25519Identity](t)(testKey())
	r := must[*Repository](t)(Create(ctx, store, Options{}, Recipient{"server", key.Recipient()}))
	r.packSize = 64 << 10
	rnd, kept, snapshots := random(23), []content{}, []Snapshot{}
	for i := range 3 {
		c := content{"t all": text(rnd, 100)}
		for j := range 8 {
			c[fmt.Sprintf("f %d.%d", i, j)] = noise(rnd, 20_000)
		}
		kept, snapshots = append(kept, c), append(snapshots, must[Snapshot](t)(r.Backup(ctx, c, BackupOptions{Beat: -1})))
	}
	// What retention does goes on: a lock is in the way of no delete, which only hides.
	if err := r.Forget(ctx, "test", snapshots[0]); err != nil {
		t.Fatal(err)
	}
	if report := must[PruneReport](t)(r.Prune(ctx, PruneOptions{Confirmed: true})); report.MayNotDelete || report.CondemnedPacks == 0 {
		t.Fatalf("a prune: %+v", report)
	}
	if all := must[[]Snapshot](t)(r.Snapshots(ctx)); len(all) != 2 {
		t.Fatalf("%d snapshots are listed", len(all))
	}

	names := objstoretest.Names(t, store, "")
	for _, name := range names {
		if err := store.Delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if left := objstoretest.Names(t, store, ""); len(left) != 0 {
		t.Fatalf("the intruder left %v", left)
	}
	var marks []minio.ObjectInfo
	refused := 0
	for o := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if o.IsDeleteMarker {
			marks = append(marks, o)
		} else if err := client.RemoveObject(ctx, bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err == nil {
			t.Errorf("a version of %s was removed", o.Key)
		} else {
			refused++
		}
	}
	if refused < len(names) || len(marks) < len(names) {
		t.Fatalf("%d objects, %d versions that stay, %d marks", len(names), refused, len(marks))
	}

	// The way back that the documentation tells.
	for _, o := range marks {
		if err := client.RemoveObject(ctx, bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID}); err != nil {
			t.Fatal(err)
		}
	}
	again := must[*Repository](t)(Open(ctx, store, Options{}, key))
	if report := must[VerifyReport](t)(again.Verify(ctx, VerifyOptions{Shares: 1})); len(report.Problems) > 0 {
		t.Error(report.Problems)
	}
	for i, s := range snapshots { // also the one that retention had let go
		if err := equal(must[content](t)(restored(ctx, again, s, true)), kept[i]); err != nil {
			t.Errorf("snapshot %d: %v", i, err)
		}
	}
}
