package archive

// OnStep calls fn between the steps of restores, until the returned function is called.
func OnStep(fn func(name string)) (reset func()) {
	step = fn
	return func() { step = func(string) {} }
}

// CombineCRC is what exports use.
var CombineCRC = combineCRC

// Shallow is what reading documents uses.
var Shallow = shallow

// LimitRows makes rows longer than n bytes too long, until the returned function is called.
func LimitRows(n int) (reset func()) {
	was := maxRow
	maxRow = n
	return func() { maxRow = was }
}

// Limits are those of archives.
var Limits = limits

// TableNames names the tables of an archive.
func TableNames() []string {
	var out []string
	for _, t := range tables {
		out = append(out, t.Name)
	}
	return out
}
