//go:build !linux

package objstore

import (
	"errors"
	"os"
	"path"
)

// renameNew would rename a file unless the new name is taken; only Linux can.
func renameNew(*os.Root, string, string) error { return errNoExclusive }

// touch sets the time of a directory to the present of the file system, by
// making a file in it.
func touch(root *os.Root, dir string) error {
	tmp := path.Join(dir, randomName())
	f, err := root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), root.Remove(tmp))
}

// writeOut writes data.
func writeOut(f *os.File, data []byte) error {
	_, err := f.Write(data)
	return err
}
