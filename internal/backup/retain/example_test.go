package retain_test

import (
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/backup/retain"
)

// Ten snapshots, one a day, and a policy that keeps the newest three and one a week.
func ExamplePlan() {
	newest := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	var all []retain.Snapshot
	for n := range 10 {
		at := newest.AddDate(0, 0, n-9)
		all = append(all, retain.Snapshot{ID: at.Format("Jan 02"), At: at, Seq: int64(n + 1), Complete: true})
	}
	for _, d := range retain.Plan(retain.Policy{Last: 3, Weekly: 2}, all, newest.Add(time.Hour), time.UTC) {
		if d.Keep {
			fmt.Println(d.Snapshot.ID, d.Reasons)
		}
	}
	// Output:
	// Nov 26 [newest complete last 1 of 3 weekly 1 of 2]
	// Nov 25 [never fewer than 2 last 2 of 3]
	// Nov 24 [last 3 of 3]
	// Nov 22 [weekly 2 of 2]
}

// Less of anything is weaker.
func ExampleWeaker() {
	before := retain.Policy{Daily: 7, Weekly: 4}
	fmt.Println(retain.Weaker(before, retain.Policy{Daily: 7, Weekly: 3, Monthly: 12}), retain.Weaker(before, retain.Policy{Daily: 7, Weekly: 5}))
	// Output: true false
}
