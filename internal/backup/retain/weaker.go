package retain

// finer lists, per rule, the rules whose periods nest in its own, and how many fit into one at most.
var finer = map[string]map[string]int{
	"daily":   {"hourly": 24},
	"weekly":  {"hourly": 7 * 24, "daily": 7},
	"monthly": {"hourly": 31 * 24, "daily": 31},
	"yearly":  {"hourly": 366 * 24, "daily": 366, "monthly": 12},
}

// Weaker reports whether some set of snapshots is conceivable of which after keeps less than before.
//
// A rule that became smaller may still be covered: by the floors, or by a rule of shorter periods that reaches
// as far back even where every one of those periods has a snapshot.
func Weaker(before, after Policy) bool {
	if after.Within < before.Within {
		return true
	}
	counts := map[string]int{}
	for _, r := range after.counts() {
		counts[r.name] = r.count
	}
	for _, r := range before.counts() {
		if !covered(r, counts) {
			return true
		}
	}
	return false
}

func covered(r rule, after map[string]int) bool {
	if r.count <= 1 || r.count <= after[r.name] { // one: the newest, which is a floor
		return true
	}
	if r.name == "last" {
		return r.count <= minimum
	}
	for name, most := range finer[r.name] {
		if after[name] > (r.count-1)*most {
			return true
		}
	}
	return false
}
