package archive

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/holdfast/holdfast/internal/db"
)

// manifest counts what the snapshot holds.
func (c *creation) manifest(ctx context.Context, tx *db.Tx, tables []Table) (Manifest, error) {
	instant, err := appendInstant(nil, tx.Now().UnixMicro())
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Format: Format, FormatVersion: FormatVersion, Program: c.o.Program, Instance: fingerprint(c.src.Keys),
		Engine: string(tx.Dialect()), CreatedAt: string(instant[1 : len(instant)-1]), Attachments: c.o.Attachments, Excluded: excluded,
	}
	if m.SchemaVersion, err = schemaVersion(ctx, tx); err != nil {
		return Manifest{}, err
	}
	for _, t := range tables {
		count, err := countTable(ctx, tx, t)
		if err != nil {
			return Manifest{}, err
		}
		m.Tables = append(m.Tables, count)
		m.Rows += count.Rows
	}
	if !c.o.Attachments {
		return m, nil
	}
	m.Files, m.Bytes, err = c.listFiles(ctx, tx)
	return m, err
}

func schemaVersion(ctx context.Context, tx *db.Tx) (int64, error) {
	v, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`))
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return v, nil
}

// countTable counts rows and finds the highest number given out, which may lie
// above the highest in use. Numbers are not used twice, also not after a restore.
func countTable(ctx context.Context, tx *db.Tx, t Table) (TableCount, error) {
	where := ""
	if t.Where != "" {
		where = " WHERE " + t.Where
	}
	n, err := db.Scalar[int64](ctx, tx, db.SQL("SELECT COUNT(*) FROM "+t.Name+where))
	if err != nil || !t.Numbered() {
		return TableCount{Name: t.Name, Rows: n}, err
	}
	top, err := db.Scalar[int64](ctx, tx, db.SQL("SELECT COALESCE(MAX(id), 0) FROM "+t.Name))
	if err != nil {
		return TableCount{}, err
	}
	given, err := db.Scalar[int64](ctx, tx, db.SQL(tx.Pick(
		`SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)`,
		`SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(?, 'id')::regclass), 0)`), t.Name))
	return TableCount{Name: t.Name, Rows: n, Sequence: max(top, given)}, err
}

// listFiles notes the files that attachments name, for reading them after the
// snapshot has ended.
func (c *creation) listFiles(ctx context.Context, tx *db.Tx) (files, bytes int64, err error) {
	rows, err := tx.Rows(ctx, db.SQL(`SELECT sha256, MAX(size) FROM attachments GROUP BY sha256 ORDER BY sha256`))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var sha string
		var size int64
		if err := rows.Scan(&sha, &size); err != nil {
			return 0, 0, err
		}
		if err := c.list.Add(sha, size); err != nil {
			return 0, 0, err
		}
		files++
		bytes += size
	}
	return files, bytes, rows.Err()
}

// indexes writes the tables for people.
func (c *creation) indexes(ctx context.Context, tx *db.Tx) error {
	err := c.csv(ctx, tx, attachmentsName, []string{"id", "container_type", "container_id", "file_name", "content_type", "size", "sha256"},
		`SELECT id, container_type, container_id, file_name, content_type, size, sha256 FROM attachments ORDER BY id`)
	if err != nil {
		return err
	}
	return c.csv(ctx, tx, projectsName, []string{"id", "identifier", "name", "parent_id"},
		`SELECT id, identifier, name, parent_id FROM projects ORDER BY id`)
}

func (c *creation) csv(ctx context.Context, tx *db.Tx, name string, head []string, sql string) error {
	return c.entry(name, func(w io.Writer) error {
		rows, err := tx.Rows(ctx, db.SQL(sql))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		out := csv.NewWriter(w)
		if err := out.Write(head); err != nil {
			return err
		}
		vals, ptrs, line := make([]any, len(head)), make([]any, len(head)), make([]string, len(head))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		for rows.Next() {
			if err := rows.Scan(ptrs...); err != nil {
				return err
			}
			for i, v := range vals {
				line[i] = plain(v)
			}
			if err := out.Write(line); err != nil {
				return err
			}
		}
		out.Flush()
		if err := rows.Err(); err != nil {
			return err
		}
		return out.Error()
	})
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return v
	}
	return fmt.Sprint(v)
}
