package archive

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stateName is the file in the data directory that says how far a restore is.
const stateName = "restore.state"

// Steps of a restore. Up to stepSafety a crash is resolved by rolling back,
// from stepSwap on by going forward.
const (
	stepStage    = "stage"    // the new state is being built beside the live one
	stepSafety   = "safety"   // it is proven; the present is being copied
	stepSwap     = "swap"     // it is complete; the names are being changed
	stepGate     = "gate"     // it is live, the old one is kept; it is being tried
	stepRollback = "rollback" // it did not work; the old one is being put back
)

// state is what survives a crash in the middle of a restore.
type state struct {
	ID     string `json:"id"`
	Step   string `json:"step"`
	Live   string `json:"live"`   // file or schema
	Staged string `json:"staged"` // the new one until the swap
	Old    string `json:"old"`    // the old one after it
	Rows   int64  `json:"rows"`
	// Kept: staged is not built by this run but what an earlier restore kept
	// aside. It stays when it does not work.
	Kept bool `json:"kept,omitempty"`
}

// addedName is the list of the files that a restore added to the store, by hash.
const addedName = "restore.files"

func listAdded(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, addedName), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

// removeAdded takes the listed files out of the store again.
func removeAdded(ctx context.Context, t Target) error {
	f, err := os.Open(filepath.Join(t.DataDir, addedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			return lines.Err()
		}
		if err := t.Blobs.Delete(ctx, lines.Text()); err != nil {
			return err
		}
	}
}

// literal escapes what Glob would read as a pattern.
func literal(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func readState(dir string) (state, bool, error) {
	content, err := os.ReadFile(filepath.Join(dir, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, false, nil
	}
	var s state
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	if err != nil {
		return s, false, fmt.Errorf("read %s: %w", stateName, err)
	}
	return s, true, nil
}

// Interrupted says that a restore into the data directory waits for Recover.
func Interrupted(dataDir string) bool { return there(filepath.Join(dataDir, stateName)) }

// write makes the step durable before anything of it is done.
func (s state) write(dir string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, stateName+".")
	if err != nil {
		return fmt.Errorf("write %s: %w", stateName, err)
	}
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, stateName))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write %s: %w", stateName, err)
	}
	return syncDir(dir)
}

// clearState ends a restore: nothing is left to settle. What a crash may have
// left beside the state goes first.
func clearState(dir string) error {
	for _, pattern := range []string{addedName, stateName + ".*"} {
		left, err := filepath.Glob(filepath.Join(literal(dir), pattern))
		for _, path := range left {
			err = errors.Join(err, os.Remove(path))
		}
		if err != nil {
			return fmt.Errorf("clear up after a restore: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(dir, stateName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", stateName, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
