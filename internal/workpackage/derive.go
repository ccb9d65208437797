package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"

	"github.com/holdfast/holdfast/internal/access"
)

// week returns the working days that count for w.
func (s *Service) week(w *WorkPackage) Calendar {
	if w.IgnoreNonWorkingDays {
		return EveryDay
	}
	return CalendarOf(s.settings.WorkingDays(), s.settings.NonWorkingDays())
}

func (d *drafting) dates(ctx context.Context) error {
	p, w := &d.patch, &d.after
	g := given{start: p.StartDate.Set, due: p.DueDate.Set, duration: p.Duration.Set}
	w.StartDate, w.DueDate, w.Duration = p.StartDate.Or(w.StartDate), p.DueDate.Or(w.DueDate), p.Duration.Or(w.Duration)
	if d.before != nil { // sending back what is there is no change
		g.start = g.start && text(w.StartDate) != text(d.before.StartDate)
		g.due = g.due && text(w.DueDate) != text(d.before.DueDate)
		g.duration = g.duration && text(w.Duration) != text(d.before.Duration)
	}
	typeChanged := d.before != nil && d.before.TypeID != w.TypeID
	recount := p.IgnoreNonWorkingDays.Set && d.before != nil && d.before.IgnoreNonWorkingDays != w.IgnoreNonWorkingDays
	if !g.start && !g.due && !g.duration && !typeChanged && !recount && d.before != nil {
		return d.automatic(ctx)
	}
	if g.duration && w.Duration == nil && !g.start && !g.due { // clearing the duration clears the finish
		w.DueDate = nil
	}
	if g.start && w.StartDate == nil || g.due && w.DueDate == nil {
		if !g.duration && (w.StartDate == nil || w.DueDate == nil) {
			w.Duration = nil
		}
	}
	out, field, code := dates{w.StartDate, w.DueDate, w.Duration}.derive(g, d.s.week(w), d.milestone)
	if field != "" {
		d.errs.add(field, code)
		return nil
	}
	w.StartDate, w.DueDate, w.Duration = out.start, out.due, out.duration
	return d.automatic(ctx)
}

// automatic takes the dates of an automatically scheduled parent from its
// children; without children it falls back to manual.
func (d *drafting) automatic(ctx context.Context) error {
	w := &d.after
	if w.ScheduleManually || d.before == nil {
		w.ScheduleManually = true
		return nil
	}
	span, err := childSpan(ctx, d.tx, w.ID)
	if err != nil {
		return err
	}
	if span.Count == 0 {
		w.ScheduleManually = true
		return nil
	}
	span.apply(w, d.s.week(w))
	return nil
}

// spanRow is the span of the dates of children.
type spanRow struct {
	Count int     `db:"n"`
	Start *db.Day `db:"first"`
	Due   *db.Day `db:"last"`
}

func childSpan(ctx context.Context, tx *db.Tx, parent id.WorkPackage) (spanRow, error) {
	r, _, err := db.One[spanRow](ctx, tx, db.SQL(`SELECT COUNT(*) AS n, MIN(COALESCE(start_date, due_date)) AS first,
		MAX(COALESCE(due_date, start_date)) AS last FROM work_packages WHERE parent_id = ? AND deleted_at IS NULL`, parent))
	return r, err
}

func (r spanRow) apply(w *WorkPackage, week Calendar) {
	w.StartDate, w.DueDate, w.Duration = r.Start, r.Due, nil
	if r.Start != nil && r.Due != nil {
		w.Duration = ptr(max(1, week.count(*r.Start, *r.Due)))
	}
}

func (d *drafting) progress() {
	p, w := &d.patch, &d.after
	if d.s.settings.StatusBasedProgress() {
		w.EstimatedSeconds = p.EstimatedSeconds.Or(w.EstimatedSeconds)
		w.DoneRatio = d.ratio
		if w.EstimatedSeconds != nil && d.ratio != nil {
			w.RemainingSeconds = ptr(remainingFor(*w.EstimatedSeconds, *d.ratio))
		}
		return
	}
	var old progress
	if d.before != nil {
		old = progress{d.before.EstimatedSeconds, d.before.RemainingSeconds, d.before.DoneRatio}
	}
	now := progress{p.EstimatedSeconds.Or(w.EstimatedSeconds), p.RemainingSeconds.Or(w.RemainingSeconds), p.DoneRatio.Or(w.DoneRatio)}
	g := progressGiven{p.EstimatedSeconds.Set, p.RemainingSeconds.Set, p.DoneRatio.Set}
	if d.before != nil { // sending back what is there is no change
		g.work = g.work && text(now.work) != text(old.work)
		g.remaining = g.remaining && text(now.remaining) != text(old.remaining)
		g.percent = g.percent && text(now.percent) != text(old.percent)
	}
	closing := d.isClosed && d.s.settings.CompleteOnClose() && (d.before == nil || d.before.StatusID != w.StatusID)
	if closing && !g.percent {
		now.percent, g = ptr(100), progressGiven{percent: true}
	}
	out, field, code := now.derive(old, g)
	if field != "" {
		d.errs.add(field, code)
		return
	}
	w.EstimatedSeconds, w.RemainingSeconds, w.DoneRatio = out.work, out.remaining, out.percent
}

// maxDepth bounds the walk up the hierarchy.
const maxDepth = 200

// rescheduleAncestors moves automatically scheduled parents after a child's
// dates or parent changed, upwards until nothing moves any more.
func (s *Service) rescheduleAncestors(ctx context.Context, tx *db.Tx, a access.Actor, parents ...*id.WorkPackage) error {
	for _, parent := range parents {
		for depth := 0; parent != nil && depth < maxDepth; depth++ {
			w, ok, err := db.One[WorkPackage](ctx, tx, db.SQL(`SELECT `+columns+` FROM work_packages w
				WHERE w.id = ? AND w.deleted_at IS NULL AND NOT w.schedule_manually`, *parent))
			if err != nil || !ok {
				return err
			}
			span, err := childSpan(ctx, tx, w.ID)
			if err != nil {
				return err
			}
			before := w.state(nil)
			span.apply(&w, s.week(&w))
			after := w.state(nil)
			if text(before.StartDate) == text(after.StartDate) && text(before.DueDate) == text(after.DueDate) {
				break
			}
			if err := update(ctx, tx, &w); err != nil {
				return err
			}
			if err := record(ctx, tx, a, &w, change{cause: causeChildren}); err != nil {
				return err
			}
			parent = w.ParentID
		}
	}
	return nil
}

// causeChildren is the journaled cause of dates that follow the children's.
const causeChildren = "work_package_children_changed_times"
