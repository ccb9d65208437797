// Package setting keeps the settings that administrators change in the browser.
//
// What the operator decides (addresses, limits, the backup switch) is package
// config's. Settings are typed, have defaults, and are read on nearly every
// request, so they are cached: a change is seen at once in this process and
// within seconds in others. A change is checked as a whole, journaled and audited.
package setting

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Values are all settings. The JSON names are those of the table and the API.
type Values struct {
	AppTitle              string       `json:"app_title"`
	WelcomeText           string       `json:"welcome_text"`
	SelfRegistration      bool         `json:"self_registration"`
	DefaultModules        []string     `json:"default_projects_modules"`
	DefaultPublic         bool         `json:"default_projects_public"`
	NewProjectRole        id.Role      `json:"new_project_user_role_id"`
	StatusBasedProgress   bool         `json:"work_package_done_ratio_status"`
	CompleteOnClose       bool         `json:"percent_complete_on_status_closed_set_100p"`
	PerPage               []int        `json:"per_page_options"`
	MaxPageSize           int          `json:"apiv3_max_page_size"`
	WorkingDays           []int        `json:"working_days"`
	HoursPerDay           int          `json:"hours_per_day"`
	MailQuarantine        bool         `json:"mail_quarantine"`
	DemoSeeded            bool         `json:"demo_seeded"` // the instance shows the demo story, which consists of these:
	DemoProjects          []id.Project `json:"demo_projects"`
	DemoPeople            []id.User    `json:"demo_people"`
	DemoGroups            []id.User    `json:"demo_groups"`
	InstanceID            string       `json:"instance_id"`
	InstalledAt           int64        `json:"installed_at"` // microseconds
	JournalAggregationMin int          `json:"journal_aggregation_time_minutes"`
	// AttachmentKinds are the files that may be uploaded, as *.pdf, image/png or image/*; none allows all.
	AttachmentKinds []string `json:"attachment_whitelist"`

	// NonWorkingDays have a table of their own and are changed one by one.
	NonWorkingDays []NonWorkingDay `json:"-"`
}

// clone returns a copy that shares nothing with v.
func (v Values) clone() Values {
	v.DefaultModules, v.PerPage, v.WorkingDays = slices.Clone(v.DefaultModules), slices.Clone(v.PerPage), slices.Clone(v.WorkingDays)
	v.NonWorkingDays, v.AttachmentKinds = slices.Clone(v.NonWorkingDays), slices.Clone(v.AttachmentKinds)
	v.DemoProjects, v.DemoPeople, v.DemoGroups = slices.Clone(v.DemoProjects), slices.Clone(v.DemoPeople), slices.Clone(v.DemoGroups)
	return v
}

// Defaults returns the settings of a new instance.
func Defaults() Values {
	return Values{
		AppTitle:       "Holdfast",
		DefaultModules: []string{"calendar", "board_view", "work_package_tracking", "gantt", "news", "costs", "wiki"},
		PerPage:        []int{20, 100}, MaxPageSize: 1000,
		WorkingDays: []int{1, 2, 3, 4, 5}, HoursPerDay: 8,
		JournalAggregationMin: int(journal.DefaultAggregation / time.Minute),
	}
}

// Times of the cache.
const (
	refreshAfter = 3 * time.Second // how old it may be before it is read again
	refreshLimit = 2 * time.Second // how long a reader waits for that
)

// Service reads and changes settings.
type Service struct {
	db    *db.DB
	audit *audit.Log

	loading sync.Mutex // one reading at a time, so that what is kept is the newest
	mu      sync.Mutex
	values  Values
	read    time.Time
	changes int // made in this process; a reading from before one is stale
}

// New returns the service. Load is called before the first Get.
func New(d *db.DB, log *audit.Log) *Service {
	return &Service{db: d, audit: log, values: Defaults()}
}

// Load reads the settings from the database.
func (s *Service) Load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(ctx)
}

func (s *Service) load(ctx context.Context) error {
	s.mu.Lock()
	changes := s.changes
	s.mu.Unlock()
	v, err := db.Read(ctx, s.db, func(tx *db.Tx) (Values, error) { return stored(ctx, tx) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.values = v
	}
	if s.changes == changes { // also after an error: not every request waits for a database that is away
		s.read = s.db.Now()
	}
	return err
}

// expire has the next Get read again. It runs once a change has committed.
func (s *Service) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	s.read = time.Time{}
}

// stored returns what the database holds, over the defaults.
func stored(ctx context.Context, tx *db.Tx) (Values, error) {
	type row struct{ Name, Value string }
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT name, value FROM settings ORDER BY name`))
	if err != nil {
		return Values{}, err
	}
	object := make(map[string]json.RawMessage, len(rows))
	for _, r := range rows {
		object[r.Name] = json.RawMessage(r.Value)
	}
	v := Defaults()
	data, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		return Values{}, fmt.Errorf("read settings: %w", err)
	}
	v.NonWorkingDays, err = db.All[NonWorkingDay](ctx, tx, db.SQL(`SELECT date, name FROM non_working_days ORDER BY date`))
	return v, err
}

// Get returns the settings; the caller may keep and change them. When they
// cannot be read again, the last known ones stay in force.
func (s *Service) Get() Values {
	v, stale := s.cached()
	if !stale {
		return v
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if v, stale = s.cached(); !stale { // someone else has read them meanwhile
		return v
	}
	ctx, cancel := context.WithTimeout(context.Background(), refreshLimit)
	defer cancel()
	_ = s.load(ctx) // the last known ones serve; the next readings try again
	v, _ = s.cached()
	return v
}

func (s *Service) cached() (v Values, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values.clone(), s.db.Now().Sub(s.read) > refreshAfter
}

// Install gives a new instance its identity; on an installed one it does nothing.
func (s *Service) Install(ctx context.Context) error {
	if s.Get().InstanceID != "" {
		return nil
	}
	_, err := s.Change(ctx, access.System("install"), func(v *Values) {
		if v.InstanceID == "" {
			v.InstanceID, v.InstalledAt = uuid.NewString(), s.db.Now().UnixMicro()
		}
	})
	return err
}
