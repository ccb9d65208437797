package backup_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/message"
)

func TestTheSentenceSaysWhatIsWrong(t *testing.T) {
	at := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	say := message.At("en", "")
	for want, st := range map[string]backup.Standing{
		"no complete backup yet": {},
		"Do not rely on":         {LastGood: at, LastProven: at, Trouble: &backup.Check{Kind: backup.CheckDrill, Error: "x"}},
		"overdue":                {LastGood: at, LastProven: at, Stale: true},
		"none has been restored": {LastGood: at},
		"Backups work":           {LastGood: at, LastProven: at},
	} {
		if got := st.Sentence(say); !strings.Contains(got, want) || st.Proven() != (want == "Backups work") {
			t.Errorf("%q, proven %v, want %q", got, st.Proven(), want)
		}
	}
}

func TestPoliciesInWords(t *testing.T) {
	say := message.At("en", "")
	for schedule, want := range map[string]string{
		"off": "no scheduled backups", "every 6h": "6h", "daily 02:00": "02:00", "mon,thu 03:30,15:00": "every Monday, Thursday at 03:30, 15:00", "hourly": "hourly",
	} {
		p := backup.DefaultPolicy()
		p.Schedule, p.DrillDays = schedule, 0
		if got := p.Describe(say); !strings.Contains(got, want) {
			t.Errorf("%s: %s", schedule, got)
		}
	}
	p := backup.Policy{Schedule: "whenever"} // from a newer program
	if _, ok := p.Due(time.Now()); ok {
		t.Error("what cannot be read is due")
	}
}
