package loadgen

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/holdfast/holdfast/internal/db"
)

var (
	words = strings.Fields(`plan review deploy server issue milestone budget customer release fix login export report
		attachment comment status team meeting draft contract invoice printer garden bridge window kitchen ladder river
		engine battery sensor cable frame wheel bicycle harbour market station library museum theatre recipe bottle`)
	firstNames = strings.Fields(`Ada Ben Chloe David Emma Farid Grace Hugo Ines Jonas Kira Leo Mara Nils Olga Paul Quinn Rosa Sami Tara`)
)

// text is n words, the first one with a capital.
func (g *generator) text(n int) string {
	var b strings.Builder
	for i := range n {
		w := pick(g, words)
		if i == 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// putFiles stores the bytes of the attachments. Half of each file is text and
// half cannot be compressed, about as in a real store.
func (g *generator) putFiles(ctx context.Context) error {
	for i := range g.plan.Files {
		ref, err := g.blobs.Put(ctx, g.content(g.plan.FileBytes/int64(g.plan.Files)), 1<<40)
		if err != nil {
			return fmt.Errorf("file %d: %w", i, err)
		}
		g.files = append(g.files, ref)
	}
	return nil
}

func (g *generator) content(size int64) io.Reader {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], g.rnd.Uint64())
	prose := bytes.Repeat([]byte(g.text(400)+"\n"), int(size/2/2800)+1)
	prose = prose[:min(int64(len(prose)), size/2)]
	return io.MultiReader(bytes.NewReader(prose), io.LimitReader(rand.NewChaCha8(seed), size-int64(len(prose))))
}

// attach makes the records of the files.
func (g *generator) attach(ctx context.Context, tx *db.Tx) error {
	if len(g.files) == 0 || g.plan.WorkPackages == 0 {
		return nil
	}
	blobs := into(`INSERT INTO blobs (sha256, size, created_at)`)
	rows := into(`INSERT INTO attachments (container_type, container_id, author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)`)
	last, err := next(ctx, tx, "work_packages")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, f := range g.files {
		if !seen[f.SHA256] {
			seen[f.SHA256] = true
			blobs.add(f.SHA256, f.Size, db.At(g.now))
		}
		wp := last - 1 - int64(i%g.plan.WorkPackages)
		rows.add("WorkPackage", wp, g.users[0], fmt.Sprintf("file-%05d.bin", i), "application/octet-stream", f.Size, f.SHA256, f.MD5, db.At(g.now), db.At(g.now))
	}
	if err := blobs.write(ctx, tx); err != nil {
		return err
	}
	return rows.write(ctx, tx)
}
