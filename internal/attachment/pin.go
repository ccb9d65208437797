package attachment

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// Pin keeps every blob until the instant, or until Unpin: a backup that runs
// may need any of them. Pinning again as the same holder moves the instant.
func Pin(ctx context.Context, tx *db.Tx, holder string, until time.Time) error {
	n, err := db.Exec(ctx, tx, db.SQL(`UPDATE blob_pins SET lease_until = ? WHERE holder = ?`, db.At(until), holder))
	if err != nil || n > 0 {
		return err
	}
	_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO blob_pins (holder, since, lease_until) VALUES (?, ?, ?)`, holder, tx.Stamp(), db.At(until)))
	return err
}

// Unpin lets the collector work again.
func Unpin(ctx context.Context, tx *db.Tx, holder string) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM blob_pins WHERE holder = ?`, holder))
	return err
}

// Pinned says whether the holder's pin is in force.
func Pinned(ctx context.Context, tx *db.Tx, holder string) (bool, error) {
	_, ok, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM blob_pins WHERE holder = ? AND lease_until > ?`, holder, tx.Stamp()))
	return ok, err
}
