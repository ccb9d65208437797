package web

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type switchesPage struct {
	ui.Page
	Tabs          ui.Tabs
	Yours, Others []ui.Checkbox
}

// yours are the reasons that come from the person, the other ones from the change.
const yours = 3

// mySwitches shows what the person is told of.
func (s *Site) mySwitches(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	told, err := s.app.Notifications.Switches(r.Context(), a)
	if err != nil {
		return err
	}
	say := speak(r)
	p := switchesPage{Page: s.frame(r, a, say.T("notify.settings_title")), Tabs: say.accountTabs("/my/notifications")}
	p.Width = "medium"
	for i, reason := range notification.Switchable() {
		box := ui.Check(string(reason), say.T("told."+string(reason)), told[reason])
		if i < yours {
			p.Yours = append(p.Yours, box)
		} else {
			p.Others = append(p.Others, box)
		}
	}
	return s.ui.Render(w, http.StatusOK, "switches", p)
}

func (s *Site) saveSwitches(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	told := map[notification.Reason]bool{}
	for _, reason := range notification.Switchable() {
		told[reason] = r.PostForm.Get(string(reason)) == "1"
	}
	if err := s.app.Notifications.Switch(r.Context(), a, told); err != nil {
		return err
	}
	return s.led(w, r, a, "/my/notifications", "saved", undoOf(undoSwitches, a.ID))
}
