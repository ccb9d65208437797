package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// A form notes the values it was filled with ("was"). When somebody else has saved since, the three
// states are compared field by field: what only one of the two changed is kept, and only what both
// changed to different values is asked about.

// clash is a field that two people changed to different values.
type clash struct {
	Field, Label, Mine, Theirs string
	Who                        string // empty when the history does not tell
	Diff                       []ui.DiffLine
	Choice                     []ui.Checkbox // whose value is kept
}

// formValues are the values of all fields as the controls of a form send them.
func formValues(say reader, d *workpackage.WorkPackage) url.Values {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	v := url.Values{}
	for name, value := range map[string]string{
		"subject": d.Subject, "description": d.Description, "parent": number(idOf(d.ParentID)),
		"type": number(int64(d.TypeID)), "status": number(int64(d.StatusID)), "priority": number(int64(d.PriorityID)),
		"assignee": number(idOf(d.AssigneeID)), "responsible": number(idOf(d.ResponsibleID)),
		"version": number(idOf(d.VersionID)), "category": number(idOf(d.CategoryID)),
		"startDate": dayText(d.StartDate), "dueDate": dayText(d.DueDate), "date": dayText(d.DueDate), "duration": numberText(d.Duration),
		"estimatedTime": say.hoursNumber(d.EstimatedSeconds), "remainingTime": say.hoursNumber(d.RemainingSeconds), "percentageDone": numberText(d.DoneRatio),
	} {
		v.Set(name, value)
	}
	return v
}

// noted is what a form carries of the values it was filled with; long ones by their hash.
func noted(values url.Values, names ...string) string {
	v := url.Values{}
	for name := range values {
		if len(names) == 0 || slices.Contains(names, name) {
			v.Set(name, short(values.Get(name)))
		}
	}
	return v.Encode()
}

func short(value string) string {
	value = strings.ReplaceAll(value, "\r\n", "\n")
	if len(value) <= 2*sha256.Size {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// merge compares what was sent with what there is now. It returns what the sender changed and the names
// of the fields that another person changed otherwise. A form that does not say what it was filled with
// is taken to have changed everything that differs.
func merge(sent, now url.Values) (mine url.Values, clashes []string) {
	was, _ := url.ParseQuery(sent.Get("was")) // what cannot be read was not noted
	mine = url.Values{}
	for name, values := range sent {
		field := now.Has(name)
		switch typed, theirs := short(sent.Get(name)), short(now.Get(name)); {
		case !field:
			mine[name] = values // the comment, and the like
		case typed == theirs, was.Has(name) && typed == was.Get(name):
		case was.Has(name) && theirs == was.Get(name):
			mine[name] = values
		default:
			mine[name] = values
			clashes = append(clashes, name)
		}
	}
	slices.Sort(clashes)
	return mine, clashes
}

// decided leaves out the fields of which the sender chose the other's value.
func decided(sent url.Values) url.Values {
	v := url.Values{}
	for name, values := range sent {
		if sent.Get("keep."+name) != "theirs" {
			v[name] = values
		}
	}
	return v
}

// saveMerged saves what was sent of a work package that others have changed since, when nothing of it
// clashes. Otherwise it returns what clashes, and what was sent less what the sender did not change.
func (s *Site) saveMerged(r *http.Request, a access.Actor, n id.WorkPackage, sent url.Values) (rest url.Values, clashes []clash, err error) {
	f, err := s.app.WorkPackages.Preview(r.Context(), a, n, workpackage.Patch{})
	if err != nil {
		return nil, nil, err
	}
	say := speak(r)
	now := formValues(say, &f.Draft)
	rest, names := merge(sent, now)
	rest.Set("lockVersion", strconv.Itoa(f.Draft.LockVersion))
	rest.Set("was", noted(now))
	if len(names) > 0 {
		clashes, err = s.clashes(r, a, n, f, rest, now, names)
		return rest, clashes, err
	}
	patch, err := s.packagePatch(rest)
	if err == nil {
		_, err = s.app.WorkPackages.Update(r.Context(), a, n, patch)
	}
	return rest, nil, err
}

func (s *Site) clashes(r *http.Request, a access.Actor, n id.WorkPackage, f *workpackage.Form, mine, now url.Values, names []string) ([]clash, error) {
	acts, err := s.app.WorkPackages.Activities(r.Context(), a, n)
	if err != nil {
		return nil, err
	}
	say := speak(r)
	var out []clash
	for _, name := range names {
		c := clash{Field: name, Label: say.column(name), Mine: say.valueShown(f, name, mine.Get(name)), Theirs: say.valueShown(f, name, now.Get(name)), Who: changedBy(a, acts, name)}
		if name == "description" {
			c.Diff = ui.Compare(now.Get(name), mine.Get(name))
		}
		keep := func(value, label string) ui.Checkbox {
			x := ui.Check("keep."+name, label, value == "mine")
			x.Value, x.Radio = value, true
			return x
		}
		theirs := say.T("conflict.theirs")
		if c.Who != "" {
			theirs = say.T("conflict.of", "who", c.Who)
		}
		c.Choice = []ui.Checkbox{keep("mine", say.T("conflict.mine")), keep("theirs", theirs)}
		out = append(out, c)
	}
	return out, nil
}

// changedBy names who changed a field last; nobody when that was the reader, in another window.
func changedBy(a access.Actor, acts []workpackage.Activity, field string) string {
	if field == "date" {
		field = "dueDate"
	}
	for _, act := range slices.Backward(acts) {
		if slices.ContainsFunc(act.Changes, func(c workpackage.FieldChange) bool { return c.Field == field }) {
			if act.User.ID == int64(a.ID) {
				return ""
			}
			return act.User.Name
		}
	}
	return ""
}

// valueShown is a form's value as people read it.
func (in reader) valueShown(f *workpackage.Form, name, value string) string {
	if value == "" {
		return in.T("conflict.empty")
	}
	choices := map[string][]workpackage.Named{
		"type": f.Schema.Types, "status": f.Schema.Statuses, "priority": f.Schema.Priorities, "version": f.Schema.Versions,
		"category": f.Schema.Categories, "assignee": f.Schema.Assignees, "responsible": f.Schema.Assignees,
	}
	if choices[name] != nil {
		i := slices.IndexFunc(choices[name], func(c workpackage.Named) bool { return strconv.FormatInt(c.ID, 10) == value })
		if i < 0 {
			return in.T("conflict.not_any_more")
		}
		return choices[name][i].Name
	}
	if day, err := db.ParseDay(value); err == nil && strings.HasSuffix(strings.ToLower(name), "date") {
		return in.Printer.Date(day.Time())
	}
	if name == "parent" {
		return "#" + strings.TrimPrefix(value, "#")
	}
	return value
}
