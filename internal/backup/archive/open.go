package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/zipfile"
)

// ErrBroken is in the chain of every error about an archive that is damaged,
// ambiguous, was changed, or is no archive. Nothing of it is to be used.
var ErrBroken = errors.New("the archive is broken")

// Origin says what the signature of an archive proves.
type Origin string

// Own archives were written and signed by this instance. Of foreign ones only
// the digests could be checked.
const (
	Own     Origin = "own"
	Foreign Origin = "foreign"
)

// Limits of what is read into memory.
const (
	maxManifest = 16 << 20
	maxSchema   = 4 << 20
	maxSeal     = 64 << 20
)

// maxRow is the longest line of a row, with its line feed. Neither is a longer one
// written, nor does an archive with one count as sound. Tests set it.
var maxRow = 64 << 20

// Archive is an archive that was found sound as a whole.
type Archive struct {
	Head
	Path string
	Size int64

	zip   *zipReader
	later bool // rows and files are compared when they are restored
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBroken, fmt.Errorf(format, args...))
}

// Open reads the archive at path from end to end and returns it when all of it
// is sound: structure, limits, the digest of every entry, and the signature
// where this instance made it. One that is encrypted as a whole is opened with one
// of the identities; ErrEncrypted when none fits. The caller closes it.
func Open(ctx context.Context, path string, keys *secret.Keyring, identities ...age.Identity) (*Archive, error) {
	return open(ctx, &Archive{Path: path}, keys, identities)
}

// OpenToRestore is Open for who calls Restore next. It reads all but the rows and files:
// Restore unpacks them anyway, and compares every table and every file with its digest
// before the instance changes, so that they need not be read twice. What is wrong with
// them is thus an error of Restore, with ErrBroken in its chain.
func OpenToRestore(ctx context.Context, path string, keys *secret.Keyring, identities ...age.Identity) (*Archive, error) {
	return open(ctx, &Archive{Path: path, later: true}, keys, identities)
}

func open(ctx context.Context, a *Archive, keys *secret.Keyring, identities []age.Identity) (*Archive, error) {
	z, err := openZip(a.Path, identities)
	if err != nil {
		return nil, fmt.Errorf("open archive %s: %w", a.Path, err)
	}
	a.zip, a.Size = z, z.size
	if err := a.check(ctx, keys); err != nil {
		_ = z.Close()
		return nil, fetchAgain(fmt.Errorf("open archive %s: %w", a.Path, err))
	}
	return a, nil
}

func fetchAgain(err error) error {
	return fault.WithHint(err, "fetch the file again, or use another backup")
}

// Close releases the file.
func (a *Archive) Close() error { return a.zip.Close() }

func (a *Archive) check(ctx context.Context, keys *secret.Keyring) error {
	if err := a.documents(); err != nil {
		return err
	}
	if err := a.schemaFits(); err != nil {
		return err
	}
	if err := a.signature(keys); err != nil {
		return err
	}
	return a.contents(ctx)
}

// documents reads the three entries that describe the others.
func (a *Archive) documents() error {
	if err := a.document(manifestName, maxManifest, &a.Manifest); err != nil {
		return err
	}
	m := a.Manifest
	if m.Format != Format {
		return broken("the manifest names the format %q", m.Format)
	}
	if m.FormatVersion > FormatVersion {
		return fault.WithHint(fmt.Errorf("the archive has format version %d, this program knows only %d", m.FormatVersion, FormatVersion),
			"use the Holdfast version that wrote it, or a newer one")
	}
	var s schema
	if err := a.document(schemaName, maxSchema, &s); err != nil {
		return err
	}
	a.Tables = s.Tables
	if s.SchemaVersion != m.SchemaVersion {
		return broken("the manifest and the schema name different versions")
	}
	return a.document(sealName, maxSeal, &a.Seal)
}

func (a *Archive) document(name string, limit int64, v any) error {
	content, err := a.zip.Content(name, limit)
	if err != nil {
		return err
	}
	if err := shallow(content); err != nil {
		return broken("%s: %w", name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return broken("%s: %w", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return broken("%s goes on after its end", name)
	}
	return nil
}

// shallow refuses JSON nested so deep that decoding it would be expensive.
// Brackets in strings, such as names of files, do not count.
func shallow(content []byte) error {
	depth, text, escaped := 0, false, false
	for _, c := range content {
		switch {
		case escaped:
			escaped = false
		case text:
			escaped, text = c == '\\', c != '"'
		case c == '"':
			text = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return errDepth
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// schemaFits checks names, because they become SQL, and that the manifest
// counts the tables of the schema.
func (a *Head) schemaFits() error {
	types := []Type{Int, Bool, Text, Instant, Day, JSON}
	if len(a.Tables) != len(a.Manifest.Tables) {
		return broken("the manifest counts %d tables, the schema has %d", len(a.Manifest.Tables), len(a.Tables))
	}
	seen := map[string]bool{}
	for i, t := range a.Tables {
		switch {
		case !identifier.MatchString(t.Name) || seen[t.Name]:
			return broken("table %q is named wrongly or twice", t.Name)
		case a.Manifest.Tables[i].Name != t.Name:
			return broken("the manifest counts table %q where the schema has %q", a.Manifest.Tables[i].Name, t.Name)
		case len(t.Columns) == 0 || len(t.Key) == 0:
			return broken("table %s has no columns or no key", t.Name)
		case slices.ContainsFunc(excluded, func(x Excluded) bool { return x.Name == t.Name }):
			return broken("table %s belongs in no archive", t.Name)
		}
		seen[t.Name] = true
		cols := map[string]bool{}
		for _, c := range t.Columns {
			if !identifier.MatchString(c.Name) || cols[c.Name] || !slices.Contains(types, c.Type) {
				return broken("column %q of table %s is named wrongly, twice, or has the unknown type %q", c.Name, t.Name, c.Type)
			}
			cols[c.Name] = true
		}
		for _, k := range t.Key {
			if !cols[k] {
				return broken("the key of table %s is not among its columns", t.Name)
			}
		}
		if err := known(t); err != nil {
			return err
		}
	}
	return nil
}

// known refuses a table that differs from the registry by more than an older
// schema can explain. The row filter is SQL and never taken from an archive.
func known(t Table) error {
	i := slices.IndexFunc(tables, func(r Table) bool { return r.Name == t.Name })
	if i < 0 {
		return broken("table %s is unknown", t.Name)
	}
	if t.Where != tables[i].Where || !slices.Equal(t.Key, tables[i].Key) {
		return broken("table %s has another key or filter than it should", t.Name)
	}
	for _, c := range t.Columns {
		if tables[i].column(c.Name) != c {
			return broken("column %s of table %s is unknown or has another type", c.Name, t.Name)
		}
	}
	return nil
}

func (a *Archive) signature(keys *secret.Keyring) error {
	a.Origin = Foreign
	mine := fingerprint(keys)
	if a.Seal.Instance != a.Manifest.Instance {
		return broken("manifest and seal name different instances")
	}
	if a.Seal.Instance != mine {
		return nil
	}
	want, err := sign(keys, a.Seal)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(want), []byte(a.Seal.Signature)) {
		return broken("it names this instance as its origin, but the signature is wrong: it was changed after it was written")
	}
	a.Origin = Own
	return nil
}

// contents reads every entry and compares its digest; names and order are as
// the format says.
func (a *Archive) contents(ctx context.Context) error {
	var names []string
	names = append(names, manifestName, readmeName, schemaName)
	for _, t := range a.Tables {
		names = append(names, dataName(t.Name))
	}
	names = append(names, attachmentsName, projectsName)
	if len(a.Seal.Entries) != len(names) {
		return broken("the seal covers %d entries, there should be %d", len(a.Seal.Entries), len(names))
	}
	files, last, n, sealed := Files{}, "", 0, false
	list := sha256.New()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers())
	err := a.zip.Names(ctx, func(e *zipfile.Entry) error {
		switch {
		case sealed:
			return broken("%s stands after the seal", e.Name)
		case n < len(names):
			n++
			of := a.Seal.Entries[n-1]
			if err := inPlace(e, names[n-1], of); err != nil {
				return err
			}
			if !a.later || !strings.HasPrefix(e.Name, dataPrefix) {
				g.Go(func() error { return sameDigest(ctx, e, of.SHA256) })
			}
			return nil
		case e.Name == sealName:
			sealed = true
			return nil
		}
		sha, err := blobSHA(e.Name, last)
		if err != nil {
			return err
		}
		last = sha
		files.Count++
		files.Bytes += e.Size
		fmt.Fprintf(list, "%s %d\n", sha, e.Size)
		if !a.later {
			g.Go(func() error { return sameDigest(ctx, e, sha) })
		}
		return nil
	})
	if werr := g.Wait(); werr != nil { // for which the others stopped
		return werr
	}
	if err != nil {
		return err
	}
	files.Digest = hex.EncodeToString(list.Sum(nil))
	return a.totals(n == len(names) && sealed, files)
}

// workers is how many entries of an archive are read at once.
func workers() int { return min(runtime.NumCPU(), maxReaders) }

// inPlace checks that an entry is the one that stands here.
func inPlace(at *zipfile.Entry, want string, e Entry) error {
	if at.Name != want || e.Name != want {
		return broken("%s stands where %s should, and the seal covers %s", at.Name, want, e.Name)
	}
	if at.Size != e.Size {
		return broken("%s has %d bytes, the seal says %d", at.Name, at.Size, e.Size)
	}
	return nil
}

// ruler measures the lines that are written to it.
type ruler struct{ line, length int }

func (l *ruler) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		at := bytes.IndexByte(rest, '\n') + 1
		if l.length += cmp.Or(at, len(rest)); l.length > maxRow {
			return 0, fmt.Errorf("line %d is longer than %d bytes", l.line+1, maxRow)
		}
		if at == 0 {
			break
		}
		l.length, rest = 0, rest[at:]
		l.line++
	}
	return len(b), nil
}

// blobSHA returns the hash in the name of a file; names ascend.
func blobSHA(name, last string) (string, error) {
	sha := name[strings.LastIndexByte(name, '/')+1:]
	if len(sha) != 64 || name != blobName(sha) || !isHex(sha) {
		return "", broken("the entry %q belongs in no archive", name)
	}
	if sha <= last {
		return "", broken("%s stands out of order", name)
	}
	return sha, nil
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// sameDigest reads an entry to its end.
func sameDigest(ctx context.Context, e *zipfile.Entry, want string) error {
	opened, err := e.Open()
	if err != nil {
		return broken("%s: %w", e.Name, err)
	}
	var r io.Reader
	if strings.HasPrefix(e.Name, dataPrefix) {
		ahead := newAhead(opened) // rows are packed most, and there are many in one entry
		defer func() { _ = ahead.Close() }()
		r = io.TeeReader(ahead, &ruler{})
	} else {
		defer func() { _ = opened.Close() }() // only read
		r = opened
	}
	sum := sha256.New()
	n, err := copyContext(ctx, sum, r)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return broken("%s: %w", e.Name, err)
	case n != e.Size:
		return broken("%s has %d bytes, the directory says %d", e.Name, n, e.Size)
	case hex.EncodeToString(sum.Sum(nil)) != want:
		return broken("%s does not have the digest it should", e.Name)
	}
	return nil
}

func (a *Archive) totals(whole bool, files Files) error {
	s := a.Seal
	switch {
	case !whole:
		return broken("entries are missing")
	case s.FormatVersion != a.Manifest.FormatVersion:
		return broken("manifest and seal name different format versions")
	case s.Files != files:
		return broken("the seal covers %d files of %d bytes, there are %d of %d, or others", s.Files.Count, s.Files.Bytes, files.Count, files.Bytes)
	case (len(s.Missing) > 0) != (s.State == Incomplete) || s.State != Complete && s.State != Incomplete:
		return broken("the seal contradicts itself about missing files")
	case !a.Manifest.Attachments && files.Count > 0, a.Manifest.Attachments && a.Manifest.Files != files.Count+int64(len(s.Missing)):
		return broken("the manifest announces %d files, there are %d", a.Manifest.Files, files.Count)
	}
	return nil
}

// rows returns the rows of a table, one canonical line after the other.
func (a *Archive) rows(_ context.Context, table string) (io.ReadCloser, error) {
	r, err := a.zip.Open(dataName(table))
	if err != nil {
		return nil, err
	}
	return newAhead(entryReader{r, dataName(table)}), nil
}

// entryReader reads an entry of an archive, and calls the archive broken where that fails.
type entryReader struct {
	io.ReadCloser
	name string
}

// Read implements io.Reader.
func (r entryReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken("%s: %w", r.name, err)
	}
	return n, err
}

// files gives the files that are wanted, several at once.
func (a *Archive) files(ctx context.Context, want func(string, int64) (bool, error), put func(string, io.Reader) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers())
	err := a.zip.Names(ctx, func(e *zipfile.Entry) error {
		if !strings.HasPrefix(e.Name, "blobs/") {
			return nil
		}
		sha := e.Name[strings.LastIndexByte(e.Name, '/')+1:]
		if ok, err := want(sha, e.Size); err != nil || !ok {
			return err
		}
		g.Go(func() error {
			r, err := e.Open()
			if err != nil {
				return broken("%s: %w", e.Name, err)
			}
			defer func() { _ = r.Close() }() // only read
			if err = put(sha, entryReader{r, e.Name}); errors.Is(err, blob.ErrCorrupt) {
				err = broken("%s does not have the digest it should", e.Name)
			}
			return err
		})
		return nil
	})
	if werr := g.Wait(); werr != nil { // for which the others stopped
		return werr
	}
	return err
}
