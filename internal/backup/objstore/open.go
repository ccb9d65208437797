package objstore

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// Place is a store that was opened and is to be closed.
type Place interface {
	Store
	io.Closer
}

// Open opens the store at an address: a path or file:///path is a directory,
// s3://bucket/prefix a bucket, reached as o says.
func Open(ctx context.Context, address string, o S3Options) (Place, error) {
	scheme, _, isURL := strings.Cut(address, "://")
	switch {
	case address == "":
		return nil, fmt.Errorf("open a place for backups: no address is given")
	case !isURL:
		return asPlace(NewDir(address))
	case scheme == "file":
		u, err := url.Parse(address)
		if err != nil || (u.Host != "" && u.Host != "localhost") || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("open %s: want file:///path", address)
		}
		return asPlace(NewDir(filepath.FromSlash(u.Path)))
	case scheme == "s3":
		return asPlace(OpenS3(ctx, address, o))
	default:
		return nil, fmt.Errorf("open %s: a place for backups is a directory, file:///path or s3://bucket/prefix", address)
	}
}

// asPlace keeps a nil pointer from becoming a Place.
func asPlace[T Place](p T, err error) (Place, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
