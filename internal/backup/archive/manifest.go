package archive

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/holdfast/holdfast/internal/secret"
)

// Format and FormatVersion name what this package writes.
const (
	Format        = "holdfast-backup"
	FormatVersion = 1
)

// Names of the entries that stand alone.
const (
	manifestName    = "MANIFEST.json"
	readmeName      = "README.txt"
	schemaName      = "schema/schema.json"
	attachmentsName = "index/attachments.csv"
	projectsName    = "index/projects.csv"
	sealName        = "SEAL.json"
	dataPrefix      = "data/"
)

func dataName(table string) string { return dataPrefix + table + ".jsonl" }
func blobName(sha string) string   { return "blobs/" + sha[:2] + "/" + sha }

// Manifest is the first entry: what the archive is to hold.
type Manifest struct {
	Format        string       `json:"format"`
	FormatVersion int          `json:"format_version"`
	Program       string       `json:"program"`
	SchemaVersion int64        `json:"schema_version"`
	Instance      string       `json:"instance"`
	Engine        string       `json:"engine"`
	CreatedAt     string       `json:"created_at"`
	Attachments   bool         `json:"attachments"`
	Rows          int64        `json:"rows"`
	Files         int64        `json:"files"`
	Bytes         int64        `json:"bytes"`
	Tables        []TableCount `json:"tables"`
	Excluded      []Excluded   `json:"excluded"`
}

// TableCount is what the manifest says of a table. Sequence is the highest
// number ever given out, 0 for tables that are not numbered.
type TableCount struct {
	Name     string `json:"name"`
	Rows     int64  `json:"rows"`
	Sequence int64  `json:"sequence"`
}

// States of an archive.
const (
	Complete   = "complete"
	Incomplete = "incomplete"
)

// Seal is the last entry: what the archive came to hold.
type Seal struct {
	FormatVersion int       `json:"format_version"`
	State         string    `json:"state"`
	Entries       []Entry   `json:"entries"`
	Files         Files     `json:"files"`
	Missing       []Missing `json:"missing"`
	Instance      string    `json:"instance"`
	Signature     string    `json:"signature"`
}

// Entry is the size and digest of one entry that is no file.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Files is how many files an archive holds, and the digest of their list.
type Files struct {
	Count  int64  `json:"count"`
	Bytes  int64  `json:"bytes"`
	Digest string `json:"digest"`
}

// Missing is a file that rows name and that could not be read.
type Missing struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Name   string `json:"name"` // of one attachment that names it
	Reason string `json:"reason"`
}

// fingerprint names an instance without revealing its key.
func fingerprint(keys *secret.Keyring) string {
	k := keys.Derive(secret.Instance, "archive fingerprint")
	return hex.EncodeToString(k[:8])
}

// sign returns the signature of a seal under the instance key.
func sign(keys *secret.Keyring, s Seal) (string, error) {
	s.Signature = ""
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("sign the archive: %w", err)
	}
	k := keys.Derive(secret.Instance, "archive signature")
	m := hmac.New(sha256.New, k[:])
	m.Write(text)
	return hex.EncodeToString(m.Sum(nil)), nil
}

const readme = `This is a backup made by Holdfast.

MANIFEST.json           what was to be saved: program, schema, instant, row counts
schema/schema.json      the tables and their columns
data/TABLE.jsonl        the rows of a table, one JSON array per line, in the column order of the schema
index/attachments.csv   names of the attached files; their bytes are in blobs/, named by SHA-256
index/projects.csv      the projects
SEAL.json               digests of everything above, files that could not be read, and a signature

To restore it:          holdfast restore THIS-FILE.zip
To look into it:        unzip -p THIS-FILE.zip data/work_packages.jsonl | less
To take out one file:   find its SHA-256 in index/attachments.csv, then
                        unzip -p THIS-FILE.zip blobs/ab/abcd... > name

It contains all data of the instance, also password hashes and private projects: keep it as safe as the server itself.
`
