package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
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
