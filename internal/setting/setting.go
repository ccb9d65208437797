// Package setting keeps the settings that administrators change in the browser.
//
// What the operator decides (addresses, limits, the backup switch) is package
// config's. Settings are typed, have defaults, and are read on nearly every
// request, so they are cached: a change is seen at once in this process and
// within seconds in others.
package setting

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Values are all settings. The JSON names are those of the table and the API.
type Values struct {
	AppTitle              string   `json:"app_title"`
	WelcomeText           string   `json:"welcome_text"`
	SelfRegistration      bool     `json:"self_registration"`
	DefaultModules        []string `json:"default_projects_modules"`
	DefaultPublic         bool     `json:"default_projects_public"`
	NewProjectRole        id.Role  `json:"new_project_user_role_id"`
	StatusBasedProgress   bool     `json:"work_package_done_ratio_status"`
	CompleteOnClose       bool     `json:"percent_complete_on_status_closed_set_100p"`
	PerPage               []int    `json:"per_page_options"`
	MaxPageSize           int      `json:"apiv3_max_page_size"`
	WorkingDays           []int    `json:"working_days"`
	HoursPerDay           int      `json:"hours_per_day"`
	MailQuarantine        bool     `json:"mail_quarantine"`
	DemoSeeded            bool     `json:"demo_seeded"`
	InstanceID            string   `json:"instance_id"`
	InstalledAt           int64    `json:"installed_at"` // microseconds
	JournalAggregationMin int      `json:"journal_aggregation_time_minutes"`
}

// Defaults returns the settings of a new instance.
func Defaults() Values {
	return Values{
		AppTitle:       "Holdfast",
		DefaultModules: []string{"calendar", "board_view", "work_package_tracking", "gantt", "news", "costs", "wiki"},
		PerPage:        []int{20, 100}, MaxPageSize: 1000,
		WorkingDays: []int{1, 2, 3, 4, 5}, HoursPerDay: 8, JournalAggregationMin: 5,
	}
}

// refreshAfter is how old the cache may be before it is read again.
const refreshAfter = 3 * time.Second

// Service reads and changes settings.
type Service struct {
	db    *db.DB
	audit *audit.Log

	mu     sync.Mutex
	values Values
	read   time.Time
}

// New returns the service. Load is called before the first Get.
func New(d *db.DB, log *audit.Log) *Service {
	return &Service{db: d, audit: log, values: Defaults()}
}

// Load reads the settings from the database.
func (s *Service) Load(ctx context.Context) error {
	v, err := db.Read(ctx, s.db, func(tx *db.Tx) (Values, error) { return load(ctx, tx) })
	if err == nil {
		s.keep(v)
	}
	return err
}

func (s *Service) keep(v Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values, s.read = v, s.db.Now()
}

func load(ctx context.Context, tx *db.Tx) (Values, error) {
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
	return v, nil
}

// Get returns the settings. When they cannot be read again, the last known
// ones stay in force.
func (s *Service) Get() Values {
	s.mu.Lock()
	v, stale := s.values, s.db.Now().Sub(s.read) > refreshAfter
	if stale {
		s.read = s.db.Now() // one reader refreshes, the others go on
	}
	s.mu.Unlock()
	if stale {
		if fresh, err := db.Read(context.Background(), s.db, func(tx *db.Tx) (Values, error) { return load(context.Background(), tx) }); err == nil {
			s.keep(fresh)
			return fresh
		}
	}
	return v
}

// Change applies change to the settings, checks the result as a whole and
// saves what differs, journaled and audited.
//
// Faults: Forbidden for everyone but administrators, Invalid with one entry per
// refused setting.
func (s *Service) Change(ctx context.Context, a access.Actor, change func(*Values)) (Values, error) {
	if err := access.RequireAdmin(a); err != nil {
		return Values{}, err
	}
	v, err := db.Write(ctx, s.db, func(tx *db.Tx) (Values, error) { return s.change(ctx, tx, a, change) })
	if err == nil {
		s.keep(v)
	}
	return v, err
}

func (s *Service) change(ctx context.Context, tx *db.Tx, a access.Actor, change func(*Values)) (Values, error) {
	before, err := load(ctx, tx)
	if err != nil {
		return Values{}, err
	}
	after := before
	change(&after)
	if err := after.check(); err != nil {
		return Values{}, err
	}
	return after, s.save(ctx, tx, a, before, after)
}

// SetNewProjectRole stores, in the caller's transaction, the role of people who
// create a project. The seed of a new instance uses it.
func (s *Service) SetNewProjectRole(ctx context.Context, tx *db.Tx, role id.Role) error {
	_, err := s.change(ctx, tx, access.System("seed"), func(v *Values) { v.NewProjectRole = role })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = time.Time{} // read again once this has committed
	return err
}

func (v Values) check() error {
	var fields []fault.Field
	add := func(bad bool, name, code string) {
		if bad {
			fields = append(fields, fault.Field{Name: name, Code: code})
		}
	}
	add(v.AppTitle == "", "app_title", "blank")
	add(len(v.AppTitle) > 100, "app_title", "too_long")
	add(len(v.PerPage) == 0, "per_page_options", "blank")
	for _, n := range v.PerPage {
		add(n < 1 || n > v.MaxPageSize, "per_page_options", "out_of_range")
	}
	add(v.MaxPageSize < 50 || v.MaxPageSize > 5000, "apiv3_max_page_size", "out_of_range")
	add(v.HoursPerDay < 1 || v.HoursPerDay > 24, "hours_per_day", "out_of_range")
	add(len(v.WorkingDays) == 0, "working_days", "blank")
	for _, d := range v.WorkingDays {
		add(d < 1 || d > 7, "working_days", "out_of_range")
	}
	return fault.Invalid(fields...)
}

func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, before, after Values) error {
	old, now, err := members(before, after)
	if err != nil {
		return err
	}
	var changed []string
	for name, value := range now {
		if string(old[name]) == string(value) {
			continue
		}
		changed = append(changed, name)
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, name, string(value), tx.Stamp())); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if _, err := journal.Record(ctx, tx, journal.Change{EntityType: journal.Setting, EntityID: 1, UserID: a.ID, State: after}); err != nil {
		return err
	}
	return s.audit.Record(ctx, tx, audit.Act{
		ActorID: a.ID, ActorName: a.Name, IP: a.IP, Action: "setting.change", Object: "settings", Detail: map[string]any{"changed": changed},
	})
}

func members(before, after Values) (old, now map[string]json.RawMessage, err error) {
	split := func(v Values) (m map[string]json.RawMessage) {
		var data []byte
		if data, err = json.Marshal(v); err == nil {
			err = json.Unmarshal(data, &m)
		}
		return m
	}
	old = split(before)
	if err == nil {
		now = split(after)
	}
	return old, now, err
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
