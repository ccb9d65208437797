package seed

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// row is a line of a plan, see places.
type row struct {
	depth, parent      int // parent is the index of the row above it, -1 at the top
	kind, subject, who string
	start, days, hours int
	status             string
}

var kinds = map[string]string{
	"S": "Summary task", "T": "Task", "M": "Milestone", "F": "Feature", "B": "Bug", "E": "Epic", "U": "User story",
}

func parsePlan(plan string) ([]row, error) {
	var rows []row
	for line := range strings.Lines(strings.Trim(plan, "\n")) {
		line = strings.TrimRight(line, "\n")
		r, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("plan line %q: %w", line, err)
		}
		r.parent = -1
		for i := len(rows) - 1; r.depth > 0 && i >= 0 && r.parent < 0; i-- {
			if rows[i].depth == r.depth-1 {
				r.parent = i
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func parseRow(line string) (row, error) {
	text := strings.TrimLeft(line, " ")
	r := row{depth: (len(line) - len(text)) / 2}
	kind, rest, _ := strings.Cut(text, " ")
	r.kind = kinds[kind]
	fields := strings.Split(rest, "; ")
	if r.kind == "" || len(fields) < 4 || len(fields) > 6 {
		return r, fmt.Errorf("want a kind and 4 to 6 fields, found %q and %d", kind, len(fields))
	}
	r.subject, r.who = fields[0], fields[1]
	numbers := []*int{&r.start, &r.days, &r.hours}
	for i, f := range fields[2:] {
		if i >= len(numbers) {
			r.status = f
			break
		}
		n, err := strconv.Atoi(f)
		if err != nil {
			return r, err
		}
		*numbers[i] = n
	}
	return r, nil
}

// create makes the rows, parents before children, as one author in one
// transaction. Offset is the index of the first row in its plan.
func (d *demo) create(ctx context.Context, author string, in telling, rows []row, offset int) error {
	top := ""
	made, err := d.WorkPackages.CreateAll(ctx, d.actors[author], len(rows), func(i int, made []*workpackage.WorkPackage) workpackage.Patch {
		patch := d.patch(in.project, rows[i])
		if rows[i].depth == 0 {
			top = rows[i].subject
		}
		in.by.assign(in.sorting, top, rows[i].subject, &patch)
		if rows[i].parent >= 0 {
			patch.Parent = opt.Ptr(made[rows[i].parent-offset].ID)
		}
		return patch
	})
	if err != nil {
		return fmt.Errorf("as %s: %w", author, err)
	}
	for i, w := range made {
		d.made[w.Subject] = w
		if w.StatusID == d.statuses["In progress"] && rows[i].kind == "Task" && d.ids[rows[i].who] != w.AuthorID {
			d.running = append(d.running, w)
		}
	}
	return nil
}

// patch turns a row into a work package: dates around today, and a status and
// an amount of work left that fit them.
func (d *demo) patch(p id.Project, r row) workpackage.Patch {
	from := workday(d.today, r.start)
	to := workday(from, r.days-1)
	status := r.status
	if status == "" {
		status = d.standing(r.kind, from, to)
	}
	patch := workpackage.Patch{
		Project: opt.Of(p), Type: opt.Of(d.types[r.kind]), Subject: opt.Of(r.subject), Status: opt.Of(d.statuses[status]),
		Assignee: opt.Ptr(d.ids[r.who]), StartDate: opt.Ptr(from), DueDate: opt.Ptr(to), Priority: opt.Of(d.priorities[urgency(r.kind, status)]),
	}
	if r.hours > 0 {
		work := int64(r.hours) * 3600
		patch.EstimatedSeconds, patch.RemainingSeconds = opt.Ptr(work), opt.Ptr(d.left(work, status, from, to))
	}
	return patch
}

// standing is the status that fits the dates.
func (d *demo) standing(kind string, from, to db.Day) string {
	switch {
	case to < d.today:
		return "Closed"
	case from <= d.today:
		return "In progress"
	case kind == "Summary task" || kind == "Milestone":
		return "Scheduled"
	case kind == "Task" || kind == "Bug":
		return "New"
	}
	return "Specified"
}

func urgency(kind, status string) string {
	switch {
	case status == "On hold" || status == "Test failed":
		return "Immediate"
	case kind == "Bug" && status != "Closed" || kind == "Milestone":
		return "High"
	case kind == "Summary task" && status == "Scheduled":
		return "Low"
	}
	return "Normal"
}

// left is the work that remains, in seconds of whole hours.
func (d *demo) left(work int64, status string, from, to db.Day) int64 {
	switch status {
	case "Closed":
		return 0
	case "New", "Scheduled", "Specified":
		return work
	case "Tested", "In testing", "Test failed":
		return work / 36000 * 3600
	}
	all, gone := to.Sub(from)+1, d.today.Sub(from)
	share := float64(min(gone, all)) / float64(all) * 0.9
	return int64(float64(work)*(1-share)) / 3600 * 3600
}

// workday is the nth working day from a day on, Monday to Friday; n 0 is the
// day itself or the first working day after it.
func workday(day db.Day, n int) db.Day {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for weekend(day) {
		day = day.AddDays(step)
	}
	for ; n > 0; n-- {
		day = day.AddDays(step)
		for weekend(day) {
			day = day.AddDays(step)
		}
	}
	return day
}

func weekend(d db.Day) bool {
	w := d.Time().Weekday()
	return w == time.Saturday || w == time.Sunday
}
