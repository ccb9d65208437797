package objstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// An object is written once and never changed.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := objstore.Open(ctx, dir, objstore.S3Options{}) // or s3://bucket/prefix
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	for _, text := range []string{"first", "second"} {
		err := store.Put(ctx, "packs/a", []byte(text))
		fmt.Println(text, "is stored:", err == nil, "- the name is taken:", errors.Is(err, objstore.ErrExists))
	}
	b, err := store.Get(ctx, "packs/a", 100)
	fmt.Printf("%s %v\n", b, err)
	// Output:
	// first is stored: true - the name is taken: false
	// second is stored: false - the name is taken: true
	// first <nil>
}

// A probe tells, in sentences, what a place can be trusted with.
func ExampleProbe() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := objstore.NewDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	report, err := objstore.Probe(ctx, store)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Println(f.Check, f.OK)
	}
	fmt.Println("fit:", !report.Unfit, "single writer:", report.SingleWriter)
	// Output:
	// write true
	// read after write true
	// ranges true
	// put if absent true
	// concurrent writers true
	// list after write true
	// delete true
	// clock true
	// fit: true single writer: false
}
