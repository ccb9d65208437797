//go:build !linux

package behind

// Thread does nothing: there are no priorities of threads here.
func Thread() {}
