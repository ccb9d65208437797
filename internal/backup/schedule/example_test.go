package schedule_test

import (
	"fmt"
	"log"
	"time"

	"github.com/holdfast/holdfast/internal/backup/schedule"
)

// Clocks go forward at two in the night of 29 March: the backup is made when they do.
func ExampleParse() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	s, err := schedule.Parse("daily 02:30", berlin)
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, 3, 27, 12, 0, 0, 0, berlin)
	for range 3 {
		at = s.Next(at)
		fmt.Println(at.In(berlin).Format("Mon 2 Jan 15:04 MST"))
	}
	fmt.Println(s.Missed(at, at.Add(73*time.Hour)), "missed in three days off")
	// Output:
	// Sat 28 Mar 02:30 CET
	// Sun 29 Mar 03:00 CEST
	// Mon 30 Mar 02:30 CEST
	// 3 missed in three days off
}
