package objstore

import "time"

// Hurry makes an S3 store try the given times, with short pauses, and give up
// on an answer after patience.
func Hurry(p Place, tries int, patience time.Duration) {
	p.(*S3).retry = retry{tries: tries, first: time.Millisecond, most: 5 * time.Millisecond, patience: patience}
}

// Watch tells fn of each step that has changed the directory.
func Watch(d *Dir, fn func(op, name, to string)) { d.watch = fn }
