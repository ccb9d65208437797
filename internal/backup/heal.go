package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/backup/repo"
)

// healing tells people what becomes of damage that was noted.
const healing = "the next backup stores again what is damaged, as far as the instance still has it"

// judge notes what a verification found, so that the next backup stores it again,
// and returns an error unless all of it was noted before and the newest snapshot
// does not need it: then it has been stored again, and older snapshots have gaps.
func judge(ctx context.Context, r *repo.Repository, report repo.VerifyReport) error {
	if len(report.Problems) == 0 {
		return nil
	}
	noted, err := r.Distrust(ctx, report.Problems)
	if err != nil {
		return errors.Join(found(report.Problems), err)
	}
	if noted > 0 {
		return fmt.Errorf("%w; %s", found(report.Problems), healing)
	}
	newest, err := r.Snapshot(ctx, "latest")
	if err != nil {
		return errors.Join(found(report.Problems), err)
	}
	open := slices.DeleteFunc(slices.Clone(report.Problems), func(p repo.Problem) bool {
		return p.Known && len(p.Snapshots) > 0 && !slices.Contains(p.Snapshots, newest.ID)
	})
	if len(open) == 0 {
		return nil
	}
	return found(open)
}

// found is what a verification that found something says.
func found(problems []repo.Problem) error {
	what := ""
	if n := len(problems); n > 1 {
		what = fmt.Sprintf("%d problems, the first: ", n)
	}
	text := strings.TrimPrefix(problems[0].Text, repo.ErrDamaged.Error()+": ") // said already
	return fmt.Errorf("%w: %s%s: %s", repo.ErrDamaged, what, problems[0].Object, text)
}

// examine reads all of a snapshot whose drill failed. Damage that it finds is
// noted and told; when there is none, the drill failed for another reason.
func examine(ctx context.Context, r *repo.Repository, snapshot string) error {
	report, err := r.Verify(ctx, repo.VerifyOptions{Snapshots: []string{snapshot}, Shares: 1})
	if err != nil {
		return fmt.Errorf("look for damage after the drill: %w", err)
	}
	return judge(ctx, r, report)
}
