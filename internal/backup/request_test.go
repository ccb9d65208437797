package backup_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
)

func TestRequestQueuesOneJob(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		b, err := w.request(w.holder, token)
		must(t, err)
		if b.State != backup.Queued || b.RequestedBy != "holder" || b.JobStatusID == nil || !b.IncludeAttachments {
			t.Errorf("%+v", b)
		}
		if w.number(`SELECT COUNT(*) FROM jobs WHERE kind = 'backup.run'`) != 1 || w.status(b).Status != job.InQueue || w.audited("backup.request") != 1 {
			t.Error("no job, no status or no audit")
		}
	})
}

func TestTokensThatOpenNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		foreign, own := w.token(w.second), w.token(w.holder)
		for name, token := range map[string]string{"missing": "", "unknown": "hfbk-" + strings.Repeat("0", 64), "foreign": foreign, "cut": own[:len(own)-1]} {
			_, err := w.request(w.holder, token)
			t.Log(name)
			wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		}
		plain := w.user("plain", false)
		_, err := w.request(plain, own)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.request(access.Anonymous(""), own)
		wantKind(t, err, fault.KindUnauthenticated)
		_, err = w.request(w.root, own) // may, but has no token
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		_, err = w.Request(t.Context(), w.holder, backup.RequestInput{Token: own, Source: backup.SourceCommand})
		wantKind(t, err, fault.KindInvalid)
		if w.number(`SELECT COUNT(*) FROM backups`) != 0 {
			t.Error("something was queued")
		}
		_, err = w.request(w.holder, own)
		must(t, err)
	})
}

func TestOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		actors := []access.Actor{w.root, w.second, w.holder}
		tokens := []string{w.token(w.root), w.token(w.second), w.token(w.holder)}
		var wg sync.WaitGroup
		errs := make([]error, len(actors))
		for i := range actors {
			wg.Go(func() { _, errs[i] = w.request(actors[i], tokens[i]) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			wantCode(t, err, fault.KindConflict, backup.CodePending)
		}
		if won != 1 || w.number(`SELECT COUNT(*) FROM backups`) != 1 {
			t.Errorf("%d requests won", won)
		}
	})
}

func TestDailyLimitSlides(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		for range 3 {
			w.done(w.holder, token)
			w.clock.Advance(time.Hour)
		}
		other := w.token(w.root)
		_, err := w.request(w.root, other)
		wantCode(t, err, fault.KindTooMany, backup.CodeDailyLimit)
		if after := fault.Of(err).RetryAfter.Round(time.Hour); after != 21*time.Hour {
			t.Errorf("again after %v", after)
		}
		w.clock.Advance(21 * time.Hour)
		w.done(w.root, other)
		_, err = w.request(w.root, other)
		wantCode(t, err, fault.KindTooMany, backup.CodeDailyLimit)
	})
}

func TestTooLargeIsRefusedWithTheSizes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.exec(`INSERT INTO attachments (container_type, container_id, author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
			VALUES ('WorkPackage', 1, ?, 'a', 'text/plain', 2048, 'x', 'y', 0, 0)`, w.root.ID)
		token := w.token(w.root)
		_, err := w.request(w.root, token)
		wantCode(t, err, fault.KindTooLarge, backup.CodeTooLarge)
		if !strings.Contains(err.Error(), "2048") || !strings.Contains(err.Error(), "1024") {
			t.Error(err)
		}
		f, err := w.Preflight(t.Context(), w.root)
		must(t, err)
		if !f.TooLarge || f.FileBytes != 2048 || f.Files != 1 || f.FreeBytes <= 0 || f.DatabaseBytes <= 0 || f.Left != 3 {
			t.Errorf("%+v", f)
		}
		_, err = w.Request(t.Context(), w.root, backup.RequestInput{Token: token, Source: backup.SourcePage})
		must(t, err)
	}, func(d *backup.Deps) { d.AttachmentSizeMaxSum = 1024 })
}
