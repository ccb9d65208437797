package web

import (
	"maps"
	"net/url"

	"github.com/holdfast/holdfast/internal/web/ui"
)

// inForce is a filter of a list that is in force: a parameter of its address with what
// it is called and what it says. All, when set, is the value that takes it away.
type inForce struct {
	name, label, value string
	all                string
}

// nothingLeft says why a list is empty that is filtered: which filter alone takes
// everything away, with how many there would be without it, which is counted by the
// same parameters. ok is false when no filter is in force.
func (in reader) nothingLeft(icon, base string, q url.Values, filters []inForce, count func(url.Values) (int, error)) (none ui.EmptyState, ok bool, err error) {
	none = ui.EmptyState{Icon: icon, Title: in.T("list.nothing_left"), Text: in.T("list.filters_leave_none")}
	var set []inForce
	for _, f := range filters {
		if f.value != "" {
			set = append(set, f)
		}
	}
	for _, f := range set {
		without := maps.Clone(q)
		without.Del("page")
		without.Del(f.name)
		if f.all != "" {
			without.Set(f.name, f.all)
		}
		n, err := count(without)
		if err != nil {
			return none, false, err
		}
		if n > 0 {
			none.Actions = append(none.Actions, ui.Link(in.T("list.without", "filter", f.label+": "+f.value, "n", n), withQuery(base, without)))
		}
	}
	if len(set) > 1 {
		none.Actions = append(none.Actions, ui.Link(in.T("list.drop_all"), base))
	}
	return none, len(set) > 0, nil
}

func withQuery(base string, q url.Values) string {
	if len(q) == 0 {
		return base
	}
	return base + "?" + q.Encode()
}

// chosenLabel is what the chosen option of a select says, "" for the one that selects all.
func chosenLabel(s ui.Select) string {
	for _, o := range s.Options {
		if o.Selected && o.Value != "" {
			return o.Label
		}
	}
	return ""
}
