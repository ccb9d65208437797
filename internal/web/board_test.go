package web_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
)

// A column shows 50 cards, then 50 more, and leads to all of them.
func TestLongColumnsOfABoard(t *testing.T) {
	_, b := planner(t)
	for i := range 60 {
		if status, to := b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {fmt.Sprint("Stone ", i)}}); status != 303 {
			t.Fatalf("create: %d %.300s", status, to)
		}
	}
	const board = "/projects/observatory-renewal/work_packages?q=Stone&view=board"
	status, page := b.get(board)
	want(t, "the board", status, page, 200, "Show 10 more", "Show all 60", `href="/projects/observatory-renewal/work_packages?more=1%3A60&amp;q=Stone&amp;view=board#card-`, `data-move="/work_packages/`)
	if n := strings.Count(page, "board-card "); n != 50 {
		t.Errorf("%d cards at first", n)
	}
	for more, cards := range map[string]int{"1:60": 60, "1:52": 52, "2:60": 50, "x": 50, "1:x": 50} {
		status, page = b.get(board + "&more=" + url.QueryEscape(more))
		if n := strings.Count(page, "board-card "); status != 200 || n != cards {
			t.Errorf("more=%s: %d with %d cards, want %d", more, status, n, cards)
		}
	}
}

// An open card that nobody has touched for two weeks says so, for how many.
func TestCardsOfABoardAge(t *testing.T) {
	in, b := planner(t)
	const board = "/projects/observatory-renewal/work_packages?view=board&status=all"
	status, page := b.get(board)
	want(t, "what is new", status, page, 200, "board-card")
	if strings.Contains(page, "untouched") {
		t.Error("what was made just now counts as untouched")
	}
	err := db.Do(t.Context(), in.DB, func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE work_packages SET updated_at = ?`, db.At(in.DB.Now().AddDate(0, 0, -22))))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	status, page = b.get(board)
	want(t, "what is old", status, page, 200, "untouched for 3 weeks")
	if cards, still := strings.Count(page, "board-card "), strings.Count(page, "board-still"); still == 0 || still >= cards {
		t.Errorf("%d of %d cards say so, want those that are open", still, cards)
	}
}

// A day of a month shows four entries, and ten in the list for phones; both say how many more there
// are and lead to all of them. A Gantt chart says how wide it is before its rows arrive.
func TestFullDaysOfACalendar(t *testing.T) {
	_, b := planner(t)
	for i := range 13 {
		in := url.Values{"subject": {fmt.Sprint("Stone ", i)}, "startDate": {"2027-03-10"}, "dueDate": {"2027-03-10"}}
		if status, to := b.post("/projects/observatory-renewal/work_packages", in); status != 303 {
			t.Fatalf("create: %d %.300s", status, to)
		}
	}
	const list = "/projects/observatory-renewal/work_packages?q=Stone"
	status, page := b.get(list + "&view=calendar&at=2027-03-01")
	want(t, "a month", status, page, 200, `>9 more<`, `>3 more<`, `span=agenda&amp;at=2027-03-10`)
	if on, at := strings.Count(page, `id="on-2027-03-10-`), strings.Count(page, `id="at-2027-03-10-`); on != 4 || at != 10 {
		t.Errorf("%d entries in the month and %d in the list", on, at)
	}
	_, page = b.get(list + "&view=calendar&span=agenda&at=2027-03-10")
	if at := strings.Count(page, `id="at-2027-03-10-`); at != 13 {
		t.Errorf("%d entries in the agenda", at)
	}
	status, page = b.get(list + "&view=gantt")
	width := between(t, page, `<svg width="`, `" height="32" aria-hidden="true"><defs>`)
	n, err := strconv.Atoi(width)
	want(t, "the chart", status, page, 200, fmt.Sprintf(`role="treegrid" width="%d"`, n+604))
	if err != nil {
		t.Error(err)
	}
}
