package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
)

// manifest counts what the snapshot holds.
func (t *taking) manifest(ctx context.Context, tx *db.Tx, tables []Table) (Manifest, error) {
	instant, err := appendInstant(nil, tx.Now().UnixMicro())
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Format: Format, FormatVersion: FormatVersion, Program: t.o.Program, Instance: fingerprint(t.src.Keys),
		Engine: string(tx.Dialect()), CreatedAt: string(instant[1 : len(instant)-1]), Attachments: true, Excluded: excluded,
	}
	if m.SchemaVersion, err = schemaVersion(ctx, tx); err != nil {
		return Manifest{}, err
	}
	for _, table := range tables {
		count, err := countTable(ctx, tx, table)
		if err != nil {
			return Manifest{}, err
		}
		m.Tables = append(m.Tables, count)
		m.Rows += count.Rows
	}
	m.Files, m.Bytes, err = t.listFiles(ctx, tx)
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
func (t *taking) listFiles(ctx context.Context, tx *db.Tx) (files, bytes int64, err error) {
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
		if err := t.list.Add(sha, size); err != nil {
			return 0, 0, err
		}
		files++
		bytes += size
	}
	return files, bytes, rows.Err()
}

// index is a table for people.
type index struct {
	name string
	head string
	sql  string
}

// indexes in the order of an archive.
var indexes = []index{
	{
		attachmentsName, "id,container_type,container_id,file_name,content_type,size,sha256\n",
		`SELECT id, container_type, container_id, file_name, content_type, size, sha256 FROM attachments ORDER BY id`,
	},
	{projectsName, "id,identifier,name,parent_id\n", `SELECT id, identifier, name, parent_id FROM projects ORDER BY id`},
}

// index puts a table for people, in pieces like rows. Its head is a piece of its own.
func (t *taking) index(ctx context.Context, tx *db.Tx, x index, put func(repo.Item) error) (Entry, error) {
	out := newStream(func(i repo.Item) error {
		i.Count = 0 // they are not the rows that are counted
		return put(i)
	}, func(int64) {})
	l := newLeaves(indexPrefix(x.name), out.item)
	defer l.free()
	l.buf = append(l.buf, x.head...)
	if err := l.next(-1); err != nil {
		return Entry{}, err
	}
	rows, err := tx.Rows(ctx, db.SQL(x.sql))
	if err != nil {
		return Entry{}, err
	}
	defer func() { _ = rows.Close() }()
	n := strings.Count(x.head, ",") + 1
	vals, ptrs, line := make([]any, n), make([]any, n), make([]string, n)
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return Entry{}, err
		}
		id, _ := vals[0].(int64)
		l.key = binary.BigEndian.AppendUint64(l.key[:0], uint64(id)^1<<63)
		if err := l.next(id >> 8); err != nil {
			return Entry{}, err
		}
		for i, v := range vals {
			line[i] = plain(v)
		}
		if l.buf, err = appendCSV(l.buf, line); err != nil {
			return Entry{}, err
		}
	}
	err = l.end(rows.Err())
	return out.entry(x.name), err
}

// indexPrefix begins the keys of the pieces of a table for people.
func indexPrefix(name string) string { return indexKey + strings.TrimPrefix(name, "index/") + "\x00" }

// appendCSV appends a line.
func appendCSV(b []byte, line []string) ([]byte, error) {
	out := bytes.NewBuffer(b)
	w := csv.NewWriter(out)
	if err := w.Write(line); err != nil {
		return b, err
	}
	w.Flush()
	return out.Bytes(), w.Error()
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
